package main

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// ownSession lets a child outlive the console of its parent.
func ownSession(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS}
}
