package queue

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func remembering(t *testing.T, n int) *Spool {
	s := NewSpool(t.TempDir(), swiftDisk{OS{}}, time.Now)
	s.Remember = n
	return s
}

func TestWhatBecameOfAMessageIsRememberedWhenItHasLeft(t *testing.T) {
	s := remembering(t, 100)
	id := put(t, s, envelope("a@x.org", "b@x.org", "c@x.org"), "x")
	w := newWorld(t, s)
	later := true
	w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
		switch {
		case to.Address == "a@x.org":
			return OutcomeOf("mx.test", Reply{250, "2.0.0", "queued as 77"}), nil
		case to.Address == "b@x.org":
			return OutcomeOf("mx.test", Reply{550, "5.1.1", "no such user"}), nil
		case later:
			return OutcomeOf("mx.test", Reply{450, "4.2.0", "later"}), nil
		}
		return OutcomeOf("mx.test", Reply{250, "2.0.0", "queued as 78"}), nil
	}
	w.flush()
	if done, err := s.Done(); err != nil || find(done, id) != nil {
		t.Fatalf("while it is in the queue: %v, %v", done, err)
	}
	later = false
	w.flush()
	done, err := s.Done()
	if err != nil {
		t.Fatal(err)
	}
	got := find(done, id)
	if got == nil {
		t.Fatalf("it is not remembered: %v", done)
	}
	var lines []string
	for _, r := range got.Records {
		lines = append(lines, fmt.Sprintf("%d %s %s %s", r.To, r.Address, r.Event, r.Reply()))
	}
	story := strings.Join(lines, "\n")
	for _, want := range []string{
		"0 a@x.org delivered 250 2.0.0 queued as 77", "1 b@x.org failed 550 5.1.1 no such user",
		"2 c@x.org delivered 250 2.0.0 queued as 78", "-1  bounced a report went to me@example.org as ",
	} {
		if !strings.Contains(story, want) {
			t.Errorf("it lacks %q:\n%s", want, story)
		}
	}
	if got.Attempts != 2 || got.From != "me@example.org" {
		t.Errorf("%d attempts, from %q", got.Attempts, got.From)
	}
}

// Who has the message twice asks why, when it has left.
func TestThatNoAnswerCameIsRememberedOfADeliveredMessage(t *testing.T) {
	s := remembering(t, 100)
	id := put(t, s, envelope("a@x.org", "b@x.org"), "x")
	w := newWorld(t, s)
	tries := 0
	w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
		if to.Address == "a@x.org" {
			if tries++; tries <= 2 {
				return NoAnswer("mx.test", "the link went"), nil
			}
		}
		return OutcomeOf("mx.test", Reply{250, "2.0.0", "queued as 77"}), nil
	}
	for range 3 {
		w.flush()
	}
	done, err := s.Done()
	got := find(done, id)
	if err != nil || got == nil {
		t.Fatalf("it is not remembered: %v, %v", done, err)
	}
	var story []string
	for _, r := range got.Records {
		story = append(story, fmt.Sprintf("%d %s %s %s", r.To, r.Address, r.Event, r.Host))
	}
	if told, want := strings.Join(story, "; "), "0 a@x.org uncertain mx.test; 0 a@x.org uncertain mx.test; "+
		"0 a@x.org delivered mx.test; 1 b@x.org delivered mx.test"; told != want {
		t.Errorf("%s\nwant %s", told, want)
	}
}

func find(done []Finished, id ID) *Finished {
	for i := range done {
		if done[i].ID == id {
			return &done[i]
		}
	}
	return nil
}

func TestARemovedMessageIsRememberedAsRemoved(t *testing.T) {
	s := remembering(t, 100)
	id := put(t, s, envelope("a@x.org"), "x")
	if err := s.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	done, err := s.Done()
	if err != nil || len(done) != 1 || done[0].ID != id || done[0].Records[0].Event != "removed" {
		t.Errorf("remembered is %v, %v", done, err)
	}
}

func TestWhatIsRememberedHasABound(t *testing.T) {
	const most = 40
	s := remembering(t, most)
	w := newWorld(t, s)
	for i := range 5 * most {
		put(t, s, envelope(fmt.Sprintf("a%d@x.org", i)), "x")
	}
	w.flush()
	done, err := s.Done()
	if err != nil || len(done) < most/2 || len(done) > 3*most {
		t.Errorf("%d messages are remembered, about %d should be: %v", len(done), most, err)
	}
	var size int64
	for _, file := range []string{fileDone, fileDoneBefore} {
		info, err := os.Stat(s.path(file, ""))
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > (most+4)*doneOctets {
		t.Errorf("in %d octets", size)
	}
}

func TestNothingIsRememberedWhereThatIsTurnedOff(t *testing.T) {
	s := remembering(t, 10)
	put(t, s, envelope("a@x.org"), "x")
	w := newWorld(t, s)
	w.flush()
	s.Remember = 0
	put(t, s, envelope("b@x.org"), "x")
	w.flush()
	if done, err := s.Done(); err != nil || len(done) != 1 {
		t.Errorf("it went on: %v, %v", done, err)
	}
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	if done, err := s.Done(); err != nil || len(done) != 0 {
		t.Errorf("what was remembered before stays: %v, %v", done, err)
	}
}

func TestADoneFileThatIsNoneIsPassedOver(t *testing.T) {
	s := remembering(t, 10)
	put(t, s, envelope("a@x.org"), "x")
	newWorld(t, s).flush()
	f, err := os.OpenFile(s.path(fileDone, ""), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("\x00\xff\nnonsense\tof\t1\t2\t3\ncemj155mdf2w5\tme"); err != nil {
		t.Fatal(err)
	}
	if done, err := s.Done(); err != nil || len(done) != 1 {
		t.Errorf("remembered is %v, %v", done, err)
	}
}
