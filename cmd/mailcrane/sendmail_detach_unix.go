//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// ownSession lets a child outlive the terminal of its parent.
func ownSession(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
}
