package main

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
	"time"

	"mailcrane/internal/visible"
)

// The bounds of what git may take and say.
const (
	gitLimit = 10 * time.Second
	gitMost  = 1 << 20
)

// git runs git, which only reads its settings.
func git(ctx context.Context, args ...string) ([]byte, error) {
	path, err := exec.LookPath("git")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, gitLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	var out, wrong capped
	cmd.Stdout, cmd.Stderr = &out, &wrong
	if err := cmd.Run(); err != nil {
		if line, _, _ := strings.Cut(wrong.String(), "\n"); line != "" {
			err = errors.New(visible.Line(line, 300))
		}
		return nil, err
	}
	return out.Bytes(), nil
}

// capped keeps what a child says, up to gitMost octets.
type capped struct{ bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	if c.Len()+len(p) > gitMost {
		return 0, errors.New("it says too much")
	}
	return c.Buffer.Write(p)
}
