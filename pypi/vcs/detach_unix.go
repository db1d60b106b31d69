//go:build unix

package vcs

import (
	"os/exec"
	"syscall"
)

// detach gives git, and the ssh that it starts, no terminal to ask on, and ends
// all of them together.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
