//go:build !windows

package build

import (
	"os/exec"
	"syscall"
)

// group gives the program a process group of its own: it does not get the terminal's signals.
func group(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// kill ends the group of a program that was started, also after the program itself ended.
func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
