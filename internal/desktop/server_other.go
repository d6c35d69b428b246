//go:build !linux && !freebsd && !netbsd && !openbsd && !dragonfly

package desktop

import (
	"context"
	"fmt"

	"github.com/gen2brain/beeep"

	"mailcrane/internal/visible"
)

// A system's own notifications. They have no buttons, and one that is shown
// cannot be taken back.
type system struct{}

// mostText bounds a title and a body, in octets.
const mostText = 512

// New is the desktop of this process's user.
func New(func(string) string) Desktop { return system{} }

// Show shows n.
func (system) Show(ctx context.Context, n Notice) error {
	done := make(chan error, 1)
	go func() { done <- beeep.Notify(visible.Line(n.Title, mostText), visible.Line(n.Body, mostText), "") }()
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNone, ctx.Err())
	case err := <-done:
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNone, err)
		}
		return nil
	}
}

// Withdraw does nothing.
func (system) Withdraw(string) {}

// Close does nothing.
func (system) Close() {}
