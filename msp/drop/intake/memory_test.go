package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailcrane/msp/drop"
	"mailcrane/queue"
)

// A store is a spool with the Memory over it.
type store struct {
	t     *testing.T
	spool *queue.Spool
	log   strings.Builder
	*Memory
}

func newStore(t *testing.T) *store {
	t.Helper()
	s := &store{t: t, spool: queue.NewSpool(t.TempDir(), queue.OS{}, time.Now)}
	s.spool.Remember = 100
	if err := s.spool.Prepare(); err != nil {
		t.Fatal(err)
	}
	s.open()
	return s
}

// open is what a new agent does.
func (s *store) open() {
	s.t.Helper()
	if s.Memory != nil {
		s.Close()
	}
	m, err := Remember(s.spool, s.spool.Put, slog.New(slog.NewTextHandler(&s.log, nil)))
	if err != nil {
		s.t.Fatal(err)
	}
	s.Memory = m
	s.t.Cleanup(func() { m.Close() })
}

func handIn(uid string, id drop.ID) *queue.Envelope {
	e := envelope("b@example.net")
	e.Owner, e.Submission = uid, string(id)
	return e
}

// take hands a submission in, to the Memory or past it.
func (s *store) take(submit Submit, uid string, number drop.ID) queue.ID {
	s.t.Helper()
	id, err := submit(s.t.Context(), handIn(uid, number), strings.NewReader("\nbody\n"))
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *store) queued() int {
	s.t.Helper()
	n := 0
	if err := s.spool.Names(func(queue.Name) bool { n++; return true }); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func TestASubmissionIsQueuedOnceThoughItIsHandedInAgain(t *testing.T) {
	for _, c := range []struct {
		reason string
		// between is what happens between the two.
		between func(s *store, number drop.ID)
		first   func(s *store) Submit
	}{
		{"to the same agent", func(*store, drop.ID) {}, nil},
		{"to the next agent", func(s *store, _ drop.ID) { s.open() }, nil},
		{"after a crash between queueing and noting it", func(s *store, _ drop.ID) { s.open() }, func(s *store) Submit { return s.spool.Put }},
		{"after that, and it has left the queue", func(s *store, _ drop.ID) {
			s.spool.Names(func(n queue.Name) bool {
				if err := s.spool.Remove(s.t.Context(), n.ID); err != nil {
					s.t.Error(err)
				}
				return true
			})
			s.open()
		}, func(s *store) Submit { return s.spool.Put }},
		{"after a power cut that took the file", func(s *store, _ drop.ID) {
			s.Close()
			s.Memory = nil
			os.Remove(filepath.Join(s.spool.Dir(), "submissions"))
			s.open()
		}, nil},
		{"after the file was begun anew", func(s *store, _ drop.ID) {
			s.mu.Lock()
			err := s.turnOver()
			s.mu.Unlock()
			if err != nil {
				s.t.Error(err)
			}
			s.open()
		}, nil},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s, number := newStore(t), newID()
			s.take(s.Submit, "65411", newID()) // one before it
			submit := s.Submit
			if c.first != nil {
				submit = c.first(s)
			}
			first := s.take(submit, "65411", number)
			c.between(s, number)
			before := s.queued()
			if again := s.take(s.Submit, "65411", number); again != first {
				t.Errorf("%s was queued again as %s", first, again)
			}
			if n := s.queued(); n != before {
				t.Errorf("%d messages became %d", before, n)
			}
			if other := s.take(s.Submit, "65412", number); other == first {
				t.Error("another user's message is taken for this one")
			}
		})
	}
}

func TestALineThatWasCutOffTakesNoOtherWithIt(t *testing.T) {
	s := newStore(t)
	f, err := os.OpenFile(filepath.Join(s.spool.Dir(), "submissions"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("65411 00ff")
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.open()
	key := "65411 " + string(newID())
	s.note(key, "cemj155mdf2w5")
	if s.open(); s.known[key] == "" || len(s.known) != 1 {
		t.Errorf("known are %v", s.known)
	}
}

func TestASubmissionThatWasNotTakenMayComeAgain(t *testing.T) {
	s, number := newStore(t), newID()
	broken := io.MultiReader(strings.NewReader("\nhalf"), brokenReader{})
	if id, err := s.Submit(t.Context(), handIn("65411", number), broken); err == nil {
		t.Fatalf("half a message was taken as %s", id)
	}
	s.take(s.Submit, "65411", number)
	if n := s.queued(); n != 1 {
		t.Errorf("%d messages", n)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("gone") }

// Two programs cannot have one number, but one that drops its message does so
// while the agent may still be at work on the first.
func TestTheSameSubmissionOnTwoConnectionsIsQueuedOnce(t *testing.T) {
	s, number := newStore(t), newID()
	in, out := io.Pipe()
	ids := make(chan queue.ID, 2)
	hand := func(message io.Reader) {
		id, err := s.Submit(context.Background(), handIn("65411", number), message)
		if err != nil {
			t.Error(err)
		}
		ids <- id
	}
	go hand(in)
	fmt.Fprint(out, "\nbo") // the first is under way
	go hand(strings.NewReader("\nbody\n"))
	fmt.Fprint(out, "dy\n")
	out.Close()
	if a, b := <-ids, <-ids; a != b || s.queued() != 1 {
		t.Errorf("queued as %s and %s", a, b)
	}
}

func TestWhatIsRememberedOfSubmissionsIsBounded(t *testing.T) {
	s := newStore(t)
	const lines = 3 * maxMemory / 53
	for i := range lines {
		s.note(fmt.Sprintf("65411 %032x", i), "cemj155mdf2w5")
	}
	octets := int64(0)
	for _, name := range []string{"submissions", "submissions.1"} {
		info, err := os.Stat(filepath.Join(s.spool.Dir(), name))
		if err != nil {
			t.Fatal(err)
		}
		octets += info.Size()
	}
	if octets > 2*maxMemory+1000 || len(s.known) > 2*maxMemory/50 {
		t.Errorf("%d octets, %d in memory", octets, len(s.known))
	}
	if _, known := s.known[fmt.Sprintf("65411 %032x", lines-1)]; !known {
		t.Error("the last is not known")
	}
}

func envelope(to string) *queue.Envelope {
	return &queue.Envelope{From: "a@example.org", To: []queue.Recipient{{Address: to}}, Submitter: "uid 0 (root)", Owner: "0", Account: "secret"}
}

var number atomic.Int64

func newID() drop.ID { return drop.ID(fmt.Sprintf("%032x", number.Add(1))) }

// leave drops a whole message and returns its name.
func leave(t testing.TB, dir, text string) string {
	id := newID()
	f, err := drop.Create(dir, id, envelope("b@example.net"))
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	if err == nil {
		err = f.Keep()
	}
	if err != nil {
		t.Errorf("dropping: %v", err)
	}
	return string(id) + drop.Whole
}
