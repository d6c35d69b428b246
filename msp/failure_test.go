package msp

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const letterMessage = "Subject: x\n\nFrom here\n.\n>From there\nbody"

func TestErrorModeSaysWhoHearsOfAFailure(t *testing.T) {
	for _, c := range []struct {
		reason, line string
		code         int
		said         string
		letter       bool
		bounces      int
		headerOnly   bool
		puts         int
	}{
		{"p: printed and kept", "-oep ann", 67, "ann... User unknown\n", true, 0, false, 0},
		{"p is the default", "ann", 67, "ann... User unknown\n", true, 0, false, 0},
		{"p: kept though others get it", "ann a@x.org", 67, "ann... User unknown\n", true, 0, false, 1},
		{"m: mailed, nothing printed", "-oem ann", 67, "", false, 1, false, 0},
		{"m: others get it, so the header is enough", "-oem ann a@x.org", 67, "", false, 1, true, 1},
		{"w: mailed where there is no terminal", "-oew ann", 67, "", false, 1, false, 0},
		{"e: mailed, exit 0", "-oee ann", 0, "", false, 1, false, 0},
		{"q: the code alone", "-oeq ann", 67, "", false, 0, false, 0},
		{"q: others get it", "-oeq ann a@x.org", 67, "", false, 0, false, 1},
		{"no bounce to the null sender: printed, and not exit 0", "-oee -f <> ann", 67, "ann... User unknown\n", false, 0, false, 0},
		{"no bounce where none is wanted", "-oem -N never ann", 67, "", false, 0, false, 0},
		{"a bounce where failures are wanted", "-oem -N failure,delay ann", 67, "", false, 1, false, 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStation(t, oneAccount)
			code := s.sendmail(letterMessage, append([]string{"-i"}, split(c.line)...)...)
			path := filepath.Join(s.env["HOME"], "dead.letter")
			if c.letter {
				c.said += path + "... Saved message in " + path + "\n"
			}
			if code != c.code || s.err.String() != c.said || s.spool.puts != c.puts {
				t.Errorf("exit %d, said %q, %d queued", code, &s.err, s.spool.puts)
			}
			text, _ := os.ReadFile(path)
			if got := strings.Contains(string(text), "\n>From here\n.\n>From there\nbody\n\n"); got != c.letter {
				t.Errorf("dead.letter holds %q", text)
			}
			if len(s.bounces) != c.bounces {
				t.Fatalf("%d bounces", len(s.bounces))
			}
			if c.bounces == 0 {
				return
			}
			b := s.bounces[0]
			if b.To != "me@example.org" || len(b.Failures) != 1 || b.Failures[0].Address != "ann" || b.Failures[0].Text != "User unknown" || b.Failures[0].Status != "5.1.1" || b.HeaderOnly != c.headerOnly {
				t.Errorf("bounce %+v", b)
			}
			if !c.headerOnly && s.bounced[0] != letterMessage {
				t.Errorf("the bounce holds %q", s.bounced[0])
			}
			if c.headerOnly && (!strings.HasSuffix(s.bounced[0], "\nSubject: x\n") || !strings.HasPrefix(s.bounced[0], "Received: ")) {
				t.Errorf("the bounce holds %q", s.bounced[0])
			}
		})
	}
}

func TestBounceThatCannotBeQueuedIsNoSuccess(t *testing.T) {
	s := newStation(t, oneAccount)
	s.Bounce = func(context.Context, Spool, *Bounce) error { return errors.New("disk full") }
	if code := s.sendmail("\n", "-oee", "ann"); code != 75 || !strings.HasPrefix(s.err.String(), "ann... User unknown\n") {
		t.Errorf("exit %d, said %q", code, &s.err)
	}
}

func TestBounceThatCannotBeQueuedDoesNotHaveTheMessageSentTwice(t *testing.T) {
	s := newStation(t, oneAccount)
	s.Bounce = func(context.Context, Spool, *Bounce) error { return errors.New("disk full") }
	const want = "ann... User unknown\nthe message is queued for the others; that these are no good could not be mailed: disk full\n"
	if code := s.sendmail("\n", "-oee", "ann", "a@x.org"); code != 67 || s.err.String() != want || s.spool.puts != 1 {
		t.Errorf("exit %d, said %q, %d queued", code, &s.err, s.spool.puts)
	}
}

type terminal struct{ strings.Builder }

func (*terminal) Close() error { return nil }

func TestWriteModeUsesTheTerminal(t *testing.T) {
	s := newStation(t, oneAccount)
	tty := &terminal{}
	s.Terminal = func() (io.WriteCloser, error) { return tty, nil }
	if code := s.sendmail("\n", "-oew", "ann"); code != 67 || tty.String() != "ann... User unknown\n" || s.err.Len() > 0 || len(s.bounces) > 0 {
		t.Errorf("exit %d, wrote %q, said %q", code, tty, &s.err)
	}
}

func TestDeadLettersAreAppendedAsMailbox(t *testing.T) {
	s := newStation(t, oneAccount)
	s.sendmail("Subject: 1\n\none\n", "ann")
	s.sendmail("Subject: 2\n\ntwo", "ann")
	text, err := os.ReadFile(filepath.Join(s.env["HOME"], "dead.letter"))
	const from = "From me@example.org Mon Mar  2 13:04:05 2026\n"
	if want := from + "Subject: 1\n\none\n\n" + from + "Subject: 2\n\ntwo\n\n"; err != nil || string(text) != want {
		t.Errorf("%q, %v", text, err)
	}
	info, _ := os.Stat(filepath.Join(s.env["HOME"], "dead.letter"))
	if info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v", info.Mode())
	}
}

func TestDeadLetterIsTakenBackWhereTheCallerKeepsTheMessage(t *testing.T) {
	s := newStation(t, oneAccount)
	path := filepath.Join(s.env["HOME"], "dead.letter")
	if err := os.WriteFile(path, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.spool.fail = errors.New("disk full")
	if code := s.sendmail("\n"+strings.Repeat("x", 200_000), "ann", "a@x.org"); code != 75 {
		t.Errorf("exit %d: %s", code, &s.err)
	}
	if text, _ := os.ReadFile(path); string(text) != "before\n" {
		t.Errorf("%d octets in dead.letter", len(text))
	}
}

func TestDeadLetterOfAnotherProgramIsNotCutOff(t *testing.T) {
	for _, c := range []struct {
		reason string
		size   int
	}{{"all of ours is in memory", 10}, {"a part of ours is in the file", 200_000}} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStation(t, oneAccount)
			path := filepath.Join(s.env["HOME"], "dead.letter")
			s.spool.fail = errors.New("disk full")
			s.spool.meanwhile = func() {
				f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
				if err == nil {
					_, err = f.WriteString("theirs\n")
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if code := s.sendmail("\n"+strings.Repeat("x", c.size), "ann", "a@x.org"); code != 75 {
				t.Errorf("exit %d: %s", code, &s.err)
			}
			if text, _ := os.ReadFile(path); !strings.HasSuffix(string(text), "theirs\n") {
				t.Errorf("dead.letter ends in %q", text[max(0, len(text)-20):])
			}
		})
	}
}

func TestDeadLetterThatCannotBeWrittenStopsNothing(t *testing.T) {
	s := newStation(t, oneAccount)
	s.env["HOME"] = "/nonexistent"
	if code := s.sendmail("\n", "ann", "a@x.org"); code != 67 || s.spool.puts != 1 ||
		!strings.Contains(s.err.String(), "/nonexistent/dead.letter... the message could not be saved there: no such file or directory") {
		t.Errorf("exit %d, said %q", code, &s.err)
	}
}

func FuzzDeadLetterKeepsEveryLine(f *testing.F) {
	f.Add("From a\nb\nFrom", uint8(1))
	f.Add("\n\nFrom \nx", uint8(3))
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		s := newStation(t, oneAccount)
		sub := newSubmission(s.Program, base0(), s.cfg)
		d := sub.openDeadLetter()
		if _, err := io.CopyBuffer(struct{ io.Writer }{d}, &chunks{[]byte(text), int(size)%9 + 1}, make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
		d.close(nil)
		got, err := os.ReadFile(d.path)
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(string(got), "\n")
		var want strings.Builder
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "From ") {
				want.WriteByte('>')
			}
			want.WriteString(line)
		}
		if text != "" && !strings.HasSuffix(text, "\n") {
			want.WriteByte('\n')
		}
		if body != want.String()+"\n" {
			t.Fatalf("%q became %q", text, body)
		}
	})
}

func base0() *Invocation { i := base(); return &i }
