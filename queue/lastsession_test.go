package queue

import (
	"strings"
	"testing"
	"time"
)

func wholeSessionEnd() SessionEnd {
	return SessionEnd{
		Route: "main", Server: "mx.test", Began: time.Unix(1764000000, 5).UTC(), Took: 3300 * time.Millisecond,
		Messages: 10, Recipients: 12, Mail: 58000, Why: "the link was lost",
		Cost: Cost{
			Sent: 61200, Received: 4100, HandshakeSent: 517, HandshakeReceived: 300, RoundTrips: 5,
			TLS: "TLS 1.3", Resumed: true, KeyExchange: "X25519", RoundTrip: 600 * time.Millisecond,
		},
	}
}

func TestTheLastSessionIsKept(t *testing.T) {
	s := testSpool(t)
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	if last, err := s.LastSession("main"); err != nil || last != (SessionEnd{}) {
		t.Errorf("before the first: %+v, %v", last, err)
	}
	for _, want := range []SessionEnd{wholeSessionEnd(), {Route: "main", Server: "mx.test", Began: time.Unix(1764000000, 0).UTC()}} {
		if err := s.NoteSession(want); err != nil {
			t.Fatal(err)
		}
		if got, err := s.LastSession("main"); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
}

func TestAnOpenedSessionIsNotedAndARefusedOneIsNot(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	put(t, s, envelope("a@x.org"), "x")
	w.flush()
	first, err := s.LastSession("main")
	if err != nil || first.Messages != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	w.down = ends()
	w.down.Cost.RoundTrips = 3
	put(t, s, envelope("a@x.org"), "x")
	w.flush()
	if last, err := s.LastSession("main"); err != nil || last != first {
		t.Errorf("%+v, %v", last, err)
	}
}

func TestADamagedFileOfASessionSaysNothing(t *testing.T) {
	whole := wholeSessionEnd()
	text := string(whole.append(nil))
	for _, c := range []struct{ reason, text string }{
		{"empty", ""},
		{"no beginning", strings.SplitAfterN(text, "\n", 2)[1]},
		{"a time that is none", strings.Replace(text, "2025", "soon", 1)},
		{"a number that is none", strings.Replace(text, "mail 58000", "mail much", 1)},
		{"a number below zero", strings.Replace(text, "sent 61200", "sent -1", 1)},
	} {
		if got, err := parseSessionEnd(c.text); err == nil || got != (SessionEnd{}) {
			t.Errorf("%s: %+v", c.reason, got)
		}
	}
	if got, err := parseSessionEnd("weather fine\n" + text); err != nil || got.Mail != 58000 {
		t.Errorf("a later version's: %+v, %v", got, err)
	}
}

// FuzzSessionEnd: what is read is written so that it reads the same again.
func FuzzSessionEnd(f *testing.F) {
	whole := wholeSessionEnd()
	f.Add(string(whole.append(nil)))
	f.Add("began 2026-11-22T05:00:00Z\nresumed\n\nwhy x\r\n")
	f.Add("took -1\n")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := parseSessionEnd(text)
		if err != nil {
			return
		}
		second, err := parseSessionEnd(string(first.append(nil)))
		if err != nil {
			t.Fatal(err)
		}
		third, err := parseSessionEnd(string(second.append(nil)))
		if err != nil || third != second {
			t.Errorf("%+v, %+v, %v", second, third, err)
		}
	})
}
