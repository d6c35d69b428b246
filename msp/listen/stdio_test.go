package listen

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"mailcrane/internal/sysexits"
)

// bs is sendmail -bs with in on standard input. It returns the first word of
// each reply line.
func bs(t *testing.T, r *recorder, in io.Reader) (codes string, err error) {
	t.Helper()
	var out bytes.Buffer
	err = New(r.submit, Options{}).ServeStdio(t.Context(), in, &out, "uid 7 by sendmail -bs")
	var all []string
	for line := range strings.Lines(out.String()) {
		if !strings.HasSuffix(line, "\r\n") {
			t.Errorf("a reply line %q without CR LF", line)
		}
		if line[3] == ' ' {
			all = append(all, line[:3])
		}
	}
	return strings.Join(all, " "), err
}

func TestAWholeDialogueCanBePipedIn(t *testing.T) {
	const dialogue = `HELO me
MAIL FROM:<me@example.org>
RCPT TO:<root>
DATA
Subject: x

a dot:
..
.
MAIL FROM:<me@example.org>
RCPT TO:<you@example.org>
DATA
second
.
QUIT
`
	const first, second = "Subject: x\r\n\r\na dot:\r\n.\r\n", "second\r\n"
	for _, c := range []struct{ name, in, codes string }{
		{"LF", dialogue, "220 250 250 250 354 250 250 250 354 250 221"},
		{"CRLF", strings.ReplaceAll(dialogue, "\n", "\r\n"), "220 250 250 250 354 250 250 250 354 250 221"},
		{"a message with CRLF in a dialogue with LF", strings.NewReplacer("second\n", "second\r\n", "x\n\na dot:\n", "x\r\n\r\na dot:\r\n").Replace(dialogue), "220 250 250 250 354 250 250 250 354 250 221"},
		{"the end of input for QUIT", strings.TrimSuffix(dialogue, "QUIT\n"), "220 250 250 250 354 250 250 250 354 250"},
	} {
		for how, in := range map[string]io.Reader{"at once": strings.NewReader(c.in), "octet by octet": iotest.OneByteReader(strings.NewReader(c.in))} {
			t.Run(c.name+" "+how, func(t *testing.T) {
				var r recorder
				codes, err := bs(t, &r, in)
				if err != nil || codes != c.codes {
					t.Errorf("replies %s, %v, want %s", codes, err, c.codes)
				}
				wantBodies(t, &r, first, second)
				if got := r.all()[0].env; got.To[0].Address != "root" || got.Submitter != "uid 7 by sendmail -bs" {
					t.Errorf("envelope %+v", got)
				}
			})
		}
	}
}

// The message of a script is not always its author's: what follows a refused
// DATA must not be run.
func TestADialogueIsCutOffWhereItsMessageWouldRunAsCommands(t *testing.T) {
	lfTrap := strings.ReplaceAll(trap, "\r\n", "\n")
	for _, c := range []struct{ name, in, codes string }{
		{"DATA refused", "EHLO x\nMAIL FROM:<a@b.c>\nRCPT TO:<a@>\nDATA\n" + lfTrap + ".\n", "220 250 250 501 503 421"},
		{"the input ends in the message", "EHLO x\nMAIL FROM:<a@b.c>\nRCPT TO:<a@b.c>\nDATA\nhalf\n", "220 250 250 250 354 421"},
		{"the last dot has no line end", "EHLO x\nMAIL FROM:<a@b.c>\nRCPT TO:<a@b.c>\nDATA\nhalf\n.", "220 250 250 250 354 421"},
		{"a bare LF and a dot in a body whose DATA ended in CRLF", "EHLO x\nMAIL FROM:<a@b.c>\nRCPT TO:<a@b.c>\nDATA\r\nhalf\n.\n" + lfTrap, "220 250 250 250 354 554"},
	} {
		// Octet by octet, nothing has come yet when DATA is refused.
		for how, in := range map[string]io.Reader{"at once": strings.NewReader(c.in), "octet by octet": iotest.OneByteReader(strings.NewReader(c.in))} {
			t.Run(c.name+" "+how, func(t *testing.T) {
				var r recorder
				codes, err := bs(t, &r, in)
				if codes != c.codes {
					t.Errorf("replies %s, want %s", codes, c.codes)
				}
				if sysexits.Code(err) != sysexits.DataErr {
					t.Errorf("error %v, want exit code %d", err, sysexits.DataErr)
				}
				wantBodies(t, &r)
			})
		}
	}
}

func TestAnEmptyInputIsAnEmptySession(t *testing.T) {
	if codes, err := bs(t, new(recorder), strings.NewReader("")); err != nil || codes != "220" {
		t.Errorf("replies %s, %v", codes, err)
	}
}

func TestAnIdleSessionOnStandardInputCanBeStopped(t *testing.T) {
	in, far := io.Pipe()
	defer far.Close()
	near, out := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- New(new(recorder).submit, Options{}).ServeStdio(ctx, in, out, "me") }()
	var greeting [3]byte
	if _, err := io.ReadFull(near, greeting[:]); err != nil {
		t.Fatal(err)
	}
	said := make(chan string)
	go func() {
		b, _ := io.ReadAll(near)
		said <- string(b)
	}()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	out.Close()
	if got := <-said; !strings.Contains(got, "421 4.3.2") {
		t.Errorf("said %q", got)
	}
}
