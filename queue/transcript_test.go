package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestALongSessionKeepsItsBeginningAndItsEnd(t *testing.T) {
	var r recorder
	const lines = 10_000
	for i := range lines {
		r.line(fmt.Sprintf("<<< 250 line %d", i))
	}
	kept := r.lines()
	size := 0
	for _, line := range kept {
		size += len(line)
	}
	if size > transcriptHead+transcriptTail+100 {
		t.Errorf("%d octets are kept", size)
	}
	if kept[0] != "<<< 250 line 0" || kept[len(kept)-1] != fmt.Sprintf("<<< 250 line %d", lines-1) {
		t.Errorf("the first line is %q, the last %q", kept[0], kept[len(kept)-1])
	}
	gap := slices.IndexFunc(kept, func(line string) bool { return strings.HasPrefix(line, "*** ") })
	if want := fmt.Sprintf("*** %d lines left out", lines-len(kept)+1); gap < 0 || kept[gap] != want {
		t.Errorf("what is left out shows as %q, want %q", kept[max(gap, 0)], want)
	}
}

func TestATranscriptHasNoLineOfAServersOwnMaking(t *testing.T) {
	var r recorder
	r.line("<<< 250 a\n>>> QUIT\x1b[2J" + strings.Repeat("x", 5000))
	want := Transcript{At: time.Unix(1e9, 5).UTC(), Route: "main", Lines: r.lines()}
	got, err := parseTranscript(string(want.append(nil)))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Lines) != 1 || strings.ContainsAny(got.Lines[0], "\n\x1b") || len(got.Lines[0]) > mostTranscriptLine {
		t.Errorf("it is read back as %q", got.Lines)
	}
	if !got.At.Equal(want.At) || got.Route != want.Route {
		t.Errorf("of %v on %q", got.At, got.Route)
	}
}

// A chatty world tells its session to each delivery.
func chatty(t *testing.T, s *Spool, reply Reply) *world {
	w := newWorld(t, s)
	w.answer = func(d *Delivery, to Recipient) (Outcome, *RouteFault) {
		d.Transcript(">>> RCPT TO:<" + to.Address + ">")
		d.Transcript("<<< " + reply.String())
		return OutcomeOf("mx.test", reply), nil
	}
	return w
}

func TestTheLastSessionOfAMessageStaysAsLongAsTheMessage(t *testing.T) {
	s := NewSpool(t.TempDir(), swiftDisk{OS{}}, time.Now)
	id := put(t, s, envelope("a@x.org"), "x")
	if got, err := s.Transcript(id); err != nil || len(got.Lines) > 0 {
		t.Fatalf("before it was tried: %v, %v", got, err)
	}
	for _, text := range []string{"later", "still later"} {
		chatty(t, s, Reply{Code: 450, Text: text}).flush()
		got, err := s.Transcript(id)
		want := []string{">>> RCPT TO:<a@x.org>", "<<< 450 " + text}
		if err != nil || !slices.Equal(got.Lines, want) || got.Route != "main" {
			t.Errorf("after %q: %v, %v", text, got, err)
		}
	}
	chatty(t, s, Reply{Code: 250, Text: "ok"}).flush()
	if _, err := os.Lstat(s.path(dirTranscript, string(id))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the message has left, its transcript has not: %v", err)
	}
}

func TestASessionThatBrokeIsKeptToo(t *testing.T) {
	s := NewSpool(t.TempDir(), swiftDisk{OS{}}, time.Now)
	id := put(t, s, envelope("a@x.org"), "x")
	w := newWorld(t, s)
	w.answer = func(d *Delivery, _ Recipient) (Outcome, *RouteFault) {
		d.Transcript(">>> MAIL FROM:<me@x.org>")
		return Outcome{}, &RouteFault{Step: StepSession, Err: errors.New("gone"), Untaken: true}
	}
	w.flush()
	if got, err := s.Transcript(id); err != nil || len(got.Lines) != 1 {
		t.Errorf("of the message: %v, %v", got, err)
	}
	if err := s.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Transcript(id); err != nil || len(got.Lines) > 0 {
		t.Errorf("of the removed message: %v, %v", got, err)
	}
}

func TestTheSessionThatARouteDidNotAllowIsKept(t *testing.T) {
	s := NewSpool(t.TempDir(), swiftDisk{OS{}}, time.Now)
	put(t, s, envelope("a@x.org"), "x")
	w := newWorld(t, s)
	lines := []string{"<<< 220 hi", "<<< 535 wrong"}
	w.down = &RouteFault{Step: StepAuth, Err: errors.New("no"), Transcript: lines}
	w.flush()
	got, err := s.RouteTranscript("main")
	if err != nil || !slices.Equal(got.Lines, lines) {
		t.Fatalf("it is %v, %v", got, err)
	}
	state, err := s.RouteState("main")
	if err != nil || !state.At.Equal(got.At) {
		t.Errorf("the state is of %v, the transcript of %v: %v", state.At, got.At, err)
	}
	w.down = nil
	w.flush()
	if state, err := s.RouteState("main"); err != nil || state.Fault != nil {
		t.Errorf("the route is up, and its state is %v, %v", state, err)
	}
}

func TestASweepRemovesOrphanedTranscriptsOnly(t *testing.T) {
	s := NewSpool(t.TempDir(), swiftDisk{OS{}}, time.Now)
	id := put(t, s, envelope("a@x.org"), "x")
	chatty(t, s, Reply{Code: 450, Text: "later"}).flush()
	orphan := s.path(dirTranscript, "cemj155mdf2w5")
	if err := os.WriteFile(orphan, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(orphan))
	if err != nil || len(left) != 1 || left[0].Name() != string(id) {
		t.Errorf("transcript/ holds %v, %v", left, err)
	}
}

func TestADamagedMessageTakesItsTranscriptWithIt(t *testing.T) {
	s := NewSpool(t.TempDir(), swiftDisk{OS{}}, time.Now)
	put(t, s, envelope("a@x.org"), "x")
	w := chatty(t, s, Reply{Code: 450, Text: "later"})
	w.flush()
	name := only(t, s)
	if err := os.WriteFile(s.file(name), []byte("spoilt"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.flush()
	aside, err := s.SetAside()
	if err != nil || len(aside) != 1 {
		t.Fatalf("set aside is %v, %v", aside, err)
	}
	if _, err := os.Lstat(s.path(dirDamaged, aside[0]+transcriptSuffix)); err != nil {
		t.Error(err)
	}
}
