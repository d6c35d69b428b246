package msp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue/dsn"
)

// failureCode is what the failures ask for: the last one counts.
func (s *submission) failureCode() int {
	if len(s.failures) == 0 {
		return sysexits.OK
	}
	return s.failures[len(s.failures)-1].Code
}

// exitCode is that, once the one who is to hear of the failures has been told:
// mode e then promises 0.
func (s *submission) exitCode() int {
	if s.set.ErrorMode == config.ErrorExit0 {
		return sysexits.OK
	}
	return s.failureCode()
}

// fail tells of the failures of a message of which nothing was queued. The
// message itself goes with that, so that it is not lost.
func (s *submission) fail(ctx context.Context) int {
	m := &message{fields: s.header.Fields, body: s.body, rest: s.rest, limit: -1}
	defer func() { s.rest = m.rest }()
	switch s.set.ErrorMode {
	case config.ErrorQuiet:
	case config.ErrorPrint:
		s.print(s.Stderr)
		if letter := s.openDeadLetter(); letter != nil {
			io.Copy(letter, m) //nolint:errcheck // Write never fails, and close tells of the message's own error
			letter.close(m.failed)
		}
	default:
		return s.mail(ctx, nil, m, false)
	}
	return s.exitCode()
}

// failQueued tells of the failures of a message that was queued for others.
func (s *submission) failQueued(ctx context.Context, spool Spool, letter *deadLetter) int {
	if len(s.failures) == 0 {
		return sysexits.OK
	}
	switch s.set.ErrorMode {
	case config.ErrorQuiet:
	case config.ErrorPrint:
		s.print(s.Stderr)
		if letter != nil {
			letter.close(nil)
		}
	default:
		return s.mail(ctx, spool, bytes.NewReader(s.header.AppendTo(nil)), true)
	}
	return s.exitCode()
}

func (s *submission) print(w io.Writer) {
	for _, f := range s.failures {
		fmt.Fprintf(w, "%s... %s\n", f.Address, f.Text)
	}
}

// mail sends a bounce to the sender, or, in mode w, writes to the terminal
// where there is one. A failure that cannot be mailed is printed, and then
// even mode e must not say that all is well.
func (s *submission) mail(ctx context.Context, spool Spool, m io.Reader, headerOnly bool) int {
	if s.set.ErrorMode == config.ErrorWrite && s.Terminal != nil {
		if tty, err := s.Terminal(); err == nil {
			defer tty.Close()
			s.print(tty)
			return s.exitCode()
		}
	}
	wanted := slices.DeleteFunc(slices.Clone(s.failures), func(f Failure) bool { return !dsn.Wants(f.Notify, dsn.OnFailure) })
	if len(wanted) == 0 {
		return s.exitCode() // the sender asked for no such notice
	}
	if s.envelope.From == "" || s.Bounce == nil {
		s.print(s.Stderr)
		return s.failureCode()
	}
	var err error
	if spool == nil {
		spool, err = s.openSpool()
	}
	if err == nil {
		err = s.Bounce(ctx, spool, &Bounce{
			To: s.envelope.From, Failures: wanted, Message: m, HeaderOnly: headerOnly,
			EnvID: s.envelope.EnvID, Ret: s.envelope.Ret,
		})
	}
	switch {
	case err == nil:
		return s.exitCode()
	case headerOnly:
		// Not EX_TEMPFAIL, upon which the caller would send it again, to those
		// who have it too.
		s.print(s.Stderr)
		fmt.Fprintf(s.Stderr, "the message is queued for the others; that these are no good could not be mailed: %v\n", plain(err))
		return s.failureCode()
	}
	s.print(s.Stderr)
	return s.refuse(s.notQueued(err))
}
