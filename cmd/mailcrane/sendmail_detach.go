package main

import (
	"context"
	"os"
	"os/exec"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// detach starts "mailcrane sendmail ARGS" in a process of its own, which
// outlives this one and says nothing.
func (s *services) detach(args []string) error {
	own, err := os.Executable()
	if err != nil {
		return sysexits.Errorf(sysexits.OSErr, "", "cannot find this program: %w", err)
	}
	words := []string{"sendmail"}
	if s.configFile != "" {
		words = append(words, "-C", s.configFile)
	}
	words = append(words, config.Flags(s.settings)...)
	child := exec.CommandContext(context.Background(), own, append(words, args...)...)
	ownSession(child)
	if err := child.Start(); err != nil {
		return sysexits.Errorf(sysexits.OSErr, "run the queue in the foreground with: mailcrane flush", "cannot start the queue run: %w", err)
	}
	return child.Process.Release()
}
