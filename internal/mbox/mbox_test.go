package mbox

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestALineThatWouldBeginAMessageIsQuoted(t *testing.T) {
	at := time.Date(2026, 11, 2, 5, 10, 1, 0, time.UTC)
	for _, c := range []struct{ why, sender, message, want string }{
		{"plain", "a@b", "Subject: x\n\nhi\n", "From a@b Mon Nov  2 05:10:01 2026\nSubject: x\n\nhi\n\n"},
		{"no sender", "", "x\n", "From MAILER-DAEMON Mon Nov  2 05:10:01 2026\nx\n\n"},
		{"a space in it", `"a b"@c`, "x\n", "From \"a_b\"@c Mon Nov  2 05:10:01 2026\nx\n\n"},
		{"From at a line's start", "a@b", "From x\n From y\nFromage\nFrom z", "From a@b Mon Nov  2 05:10:01 2026\n>From x\n From y\nFromage\n>From z\n\n"},
		{"it ends in the middle of it", "a@b", "x\nFrom", "From a@b Mon Nov  2 05:10:01 2026\nx\nFrom\n\n"},
	} {
		var whole, octets strings.Builder
		if err := NewWriter(&whole, c.sender, at).Copy(strings.NewReader(c.message)); err != nil {
			t.Fatal(err)
		}
		if err := NewWriter(&octets, c.sender, at).Copy(iotest.OneByteReader(strings.NewReader(c.message))); err != nil {
			t.Fatal(err)
		}
		if whole.String() != c.want || octets.String() != c.want {
			t.Errorf("%s: %q, and octet by octet %q", c.why, whole.String(), octets.String())
		}
	}
}

func TestAnErrorIsKeptUntilTheEnd(t *testing.T) {
	w := NewWriter(failing{}, "a@b", time.Now())
	if err := w.Copy(strings.NewReader(strings.Repeat("x", 200_000))); !errors.Is(err, errFull) {
		t.Errorf("Copy: %v", err)
	}
	if err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close: %v", err)
	}
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }
