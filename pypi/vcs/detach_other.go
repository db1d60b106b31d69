//go:build !unix

package vcs

import "os/exec"

// detach has nothing to do here: git is told to ask nothing.
func detach(*exec.Cmd) {}
