package guide

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"charm.land/huh/v2"
	"golang.org/x/term"

	"mailcrane/internal/sysexits"
)

// Forms are the questions on a terminal. Accessible has them as plain lines
// without colours or cursor movements, one after the other, as a screen reader
// wants them.
type Forms struct {
	In         *os.File
	Out        io.Writer
	Accessible bool
}

// Text implements Asker.
func (f Forms) Text(ctx context.Context, q Question) (string, error) {
	var answer string
	err := f.run(ctx, f.input(q, &answer))
	return answer, err
}

// Secret implements Asker.
func (f Forms) Secret(ctx context.Context, q Question) (string, error) {
	var answer string
	err := f.run(ctx, f.input(q, &answer).EchoMode(huh.EchoModeNone))
	return answer, err
}

// Agree implements Asker.
func (f Forms) Agree(ctx context.Context, q Question, byDefault bool) (bool, error) {
	answer := byDefault
	f.note(q)
	field := huh.NewConfirm().Title(q.Title).Description(q.Note).Affirmative("Yes").Negative("No").Value(&answer)
	err := f.run(ctx, field)
	return answer, err
}

// note is read before the question; the library leaves it out of plain lines.
func (f Forms) note(q Question) {
	if f.Accessible && q.Note != "" {
		fmt.Fprintln(f.Out, q.Note)
	}
}

func (f Forms) input(q Question, answer *string) *huh.Input {
	f.note(q)
	check := func(text string) error {
		if q.Check == nil {
			return nil
		}
		return q.Check(text)
	}
	title := q.Title
	if f.Accessible {
		title += ":"
	}
	return huh.NewInput().Title(title).Description(q.Note).Validate(check).Value(answer)
}

// run puts one field.
func (f Forms) run(ctx context.Context, field huh.Field) error {
	if f.Accessible {
		return f.aloud(ctx, field)
	}
	err := huh.NewForm(huh.NewGroup(field)).WithShowHelp(false).WithInput(f.In).WithOutput(f.Out).RunWithContext(ctx)
	switch {
	case errors.Is(err, huh.ErrUserAborted) || ctx.Err() != nil:
		return stopped()
	case err != nil:
		return sysexits.Errorf(sysexits.IOErr, "try again with plain lines: mailcrane setup --accessible", "the form cannot be shown: %w", err)
	}
	return nil
}

// aloud puts the field as a plain line. The library takes the end of the input
// for an empty answer and asks again for ever, and knows no context: the lines
// tell of the one, and the other is waited for beside it.
func (f Forms) aloud(ctx context.Context, field huh.Field) error {
	field.WithTheme(huh.ThemeFunc(func(bool) *huh.Styles { return new(huh.Styles) }))
	before, _ := term.GetState(int(f.In.Fd())) // nil where it is no terminal
	ended := make(chan error, 1)
	lines := &lines{File: f.In, ended: ended}
	done := make(chan error, 1)
	go func() { done <- field.RunAccessible(f.Out, lines) }()
	var err error
	select {
	case err = <-done:
	case err = <-ended:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil {
		return nil
	}
	if before != nil {
		// A password was being typed unseen.
		_ = term.Restore(int(f.In.Fd()), before)
	}
	fmt.Fprintln(f.Out)
	return stopped()
}

func stopped() error {
	return sysexits.Errorf(sysexits.TempFail, "go on with: mailcrane setup", "%w", ErrStopped)
}

// lines reads a line at a time at the most, so that what is piped in stays
// there for the next question.
type lines struct {
	*os.File

	ended chan error
}

func (l *lines) Read(p []byte) (int, error) {
	for n := range p {
		if got, err := l.File.Read(p[n : n+1]); err != nil || got == 0 {
			if n > 0 {
				return n, nil
			}
			select {
			case l.ended <- io.EOF:
			default:
			}
			// Not the end of the input, which would be asked about again.
			select {}
		}
		if p[n] == '\n' {
			return n + 1, nil
		}
	}
	return len(p), nil
}
