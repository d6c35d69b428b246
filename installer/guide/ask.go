package guide

import (
	"context"
	"errors"

	"mailcrane/internal/sysexits"
)

// A Question is what a person has to say, and the flag that says it beforehand.
type Question struct {
	Title string // one line, as it is read aloud
	Note  string // more about it, or ""
	Flag  string // "--smarthost URL"
	// Check says what is wrong with an answer; nil takes any.
	Check func(string) error
}

// An Asker puts questions to a person.
type Asker interface {
	// Text asks for a line. Secret does so without showing it.
	Text(ctx context.Context, q Question) (string, error)
	Secret(ctx context.Context, q Question) (string, error)
	// Agree asks for yes or no; byDefault is what Enter alone means.
	Agree(ctx context.Context, q Question, byDefault bool) (bool, error)
}

// ErrStopped says that the person ended the questions.
var ErrStopped = errors.New("stopped; nothing half-done was left behind")

// unattended answers with the defaults, and what has none is missing.
type unattended struct{}

// Unattended is the Asker for --yes: it agrees wherever that is the default.
func Unattended() Asker { return unattended{} }

func (unattended) Text(_ context.Context, q Question) (string, error) { return "", missing(q) }

func (unattended) Secret(_ context.Context, q Question) (string, error) { return "", missing(q) }

func (unattended) Agree(_ context.Context, q Question, byDefault bool) (bool, error) {
	if !byDefault {
		return false, missing(q)
	}
	return true, nil
}

func missing(q Question) error {
	return sysexits.Errorf(sysexits.Usage, "say it with: "+q.Flag, "nobody is asked, and this is missing: %s", q.Title)
}
