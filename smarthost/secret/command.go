package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"mailcrane/internal/sysexits"
	"mailcrane/internal/visible"
)

// A command is a secret that a program prints on the first line of its
// output. The shell runs it, as it does msmtp's passwordeval, so that such
// lines can be taken over. The line itself is never shown: a person may have
// written the password into it.
type command struct {
	account, line string
	limit         time.Duration
}

// afterwards is how long the output may stay open once the shell has ended: a
// program that it left behind may hold it.
const afterwards = 200 * time.Millisecond

func (s command) Read(ctx context.Context) (Value, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.limit, errCommandTime)
	defer cancel()
	cmd := shell(ctx, s.line)
	stdout, stderr := &head{most: most + 3}, &head{most: 4 << 10}
	stdout.full = cancel
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = afterwards
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	line, _, _ := bytes.Cut(stdout.text, []byte("\n"))
	switch {
	case stdout.over:
		return Value{}, tooLong(s.account, "the password command")
	case errors.Is(context.Cause(ctx), errCommandTime):
		return Value{}, s.failed(fmt.Sprintf("gave no answer in %v", s.limit), stderr.text, line)
	case ctx.Err() != nil:
		return Value{}, sysexits.Errorf(sysexits.TempFail, "", "the password command was stopped: %w", context.Cause(ctx))
	case err != nil:
		return Value{}, s.failed(ended(err), stderr.text, line)
	case len(line) == 0:
		return Value{}, s.failed("printed nothing", stderr.text, line)
	}
	return valueOf(s.account, "the first line of the password command", line)
}

var errCommandTime = errors.New("time is up")

// ended is how a command failed; an exit status is shown as one.
func ended(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "failed (" + exit.String() + ")"
	}
	return "could not be run: " + err.Error()
}

// failed says what went wrong, with the first line that the command complained
// with, unless what it printed as the password is in there.
func (s command) failed(what string, stderr, printed []byte) error {
	first, _, _ := bytes.Cut(bytes.TrimSpace(stderr), []byte("\n"))
	printed = bytes.TrimSpace(printed)
	if complaint := plain(string(first)); complaint != "" && (len(printed) == 0 || !bytes.Contains(first, printed)) {
		what += ": " + complaint
	}
	return sysexits.Errorf(sysexits.Unavailable,
		fmt.Sprintf("run the command that stands after command: in secret of [account.%s] yourself; it must print the password on its first line", s.account),
		"the password command %s", what)
}

// plain is a child's word, fit for an error.
func plain(text string) string { return visible.Line(text, 600) }

// A head keeps the first octets that are written to it, and calls full, if
// there is one, at the first that is too much.
type head struct {
	text []byte
	most int
	over bool
	full func()
}

func (h *head) Write(p []byte) (int, error) {
	keep := min(len(p), h.most-len(h.text))
	h.text = append(h.text, p[:keep]...)
	if keep < len(p) && !h.over {
		h.over = true
		if h.full != nil {
			h.full()
		}
	}
	return len(p), nil
}
