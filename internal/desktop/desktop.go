// Package desktop tells a person on the desktop that mail cannot go: one
// notification for one cause, which stays one over restarts, and goes when the
// cause does.
package desktop

import (
	"context"
	"errors"
)

// ErrNone says that there is no desktop to tell: no session bus, or nothing on
// it that shows notifications.
var ErrNone = errors.New("no desktop shows notifications here")

// An Urgency is that of the Desktop Notifications Specification.
type Urgency byte

// The urgencies. A desktop shows what is Critical until a person has seen it.
const (
	Low Urgency = iota
	Normal
	Critical
)

// A Notice is one notification. Its texts are plain and from this program:
// nothing from outside may come in but through visible.Line.
type Notice struct {
	// Cause is what it is about. A later notice of the same cause takes its place
	// while it is shown.
	Cause       string
	Title, Body string
	Urgency     Urgency
	Actions     []Action
}

// An Action is a button. Do is called, from a goroutine of its own, when it is
// pressed.
type Action struct {
	Key, Label string
	Do         func()
}

// A Desktop shows notices.
type Desktop interface {
	// Show shows n within ctx. Its error is ErrNone where nobody can see it now.
	Show(ctx context.Context, n Notice) error
	// Withdraw takes away what is shown for the cause, if that is still there.
	Withdraw(cause string)
	// Close lets go of the desktop. What is shown stays.
	Close()
}
