package queue

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A patientTransport notes for each session whether it was opened for a first
// try.
type patientTransport struct {
	*world
	first []bool
}

func (p *patientTransport) Open(ctx context.Context, r Route) (Session, *RouteFault) {
	p.first = append(p.first, IsFirstTry(ctx))
	return p.world.Open(ctx, r)
}

// Coverage: B10.
func TestOnlyTheFirstTryOfAMessageIsOne(t *testing.T) {
	for _, c := range []struct {
		why   string
		first func(w *world) // before the first run
		then  func(w *world) // before the second
		want  []bool
	}{
		{
			"a route that did not answer the first try is given its time at the second",
			func(w *world) {
				w.down = &RouteFault{Step: StepConnect, Server: "mx.test:25", Err: errors.New("no connection")}
			},
			func(w *world) { w.down = nil },
			[]bool{true, false},
		},
		{
			"a message that was put off was tried",
			func(w *world) {
				w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return refuse(450, "try later"), nil }
			},
			func(w *world) { w.answer = nil },
			[]bool{true, false},
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testSpool(t)
				w := newWorld(t, s)
				p := &patientTransport{world: w}
				w.runner.Transport = p
				put(t, s, envelope("a@x.org"), "x")
				c.first(w)
				time.Sleep(time.Second)
				w.flush()
				c.then(w)
				time.Sleep(24 * time.Hour)
				w.flush()
				if !slices.Equal(p.first, c.want) || w.copies("a@x.org") != 1 {
					t.Errorf("first tries %v, want %v", p.first, c.want)
				}
			})
		})
	}
}

func TestAFaultBeforeItsReceiptIsNoTryOfAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		if err := errors.Join(s.Prepare(), s.NoteRoute("main", lost())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		p := &patientTransport{world: w}
		w.runner.Transport = p
		put(t, s, envelope("a@x.org"), "x")
		w.flush()
		if !slices.Equal(p.first, []bool{true}) {
			t.Errorf("first tries %v", p.first)
		}
	})
}
