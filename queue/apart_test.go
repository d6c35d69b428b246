package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// apart has routes that are dead in several ways, by the first letters of their
// names; the others are well.
type apart struct {
	*world
	opening *opening
}

// opening counts the routes that are slow to greet, and the most at once.
type opening struct {
	mu        sync.Mutex
	now, most int
}

func (o *opening) add(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now += n
	o.most = max(o.most, o.now)
}

func (a apart) mostOpening() int {
	a.opening.mu.Lock()
	defer a.opening.mu.Unlock()
	return a.opening.most
}

func (a apart) Route(e *Envelope) (Route, error) {
	name, _, _ := strings.Cut(e.From, "@")
	return Route(name), nil
}

func (a apart) Open(ctx context.Context, r Route) (Session, *RouteFault) {
	kind, _, _ := strings.Cut(string(r), "-")
	switch kind {
	case "refused":
		return nil, refusedHere
	case "lost": // no packet comes back
		return nil, waited(ctx, StepConnect, 5*time.Minute)
	case "nameless":
		return nil, waited(ctx, StepLookup, 20*time.Second)
	case "slow": // to greet
		a.opening.add(1)
		defer a.opening.add(-1)
		return nil, waited(ctx, StepGreeting, 5*time.Minute)
	case "asking": // a keyring waits for its dialogue
		return nil, waited(ctx, StepSecret, 30*time.Second)
	case "wrong":
		return nil, wrongSecret
	case "portal":
		return nil, inPortal
	case "stuck": // the session is open, and nothing moves in it
		return stuckForGood{a.world}, nil
	}
	return a.world.Open(ctx, r)
}

type stuckForGood struct{ *world }

func (stuckForGood) Deliver(ctx context.Context, _ *Delivery) *RouteFault {
	return waited(ctx, StepSession, 10*time.Minute)
}

func waited(ctx context.Context, step Step, limit time.Duration) *RouteFault {
	select {
	case <-ctx.Done():
		return &RouteFault{Step: step, Err: ctx.Err()}
	case <-time.After(limit):
		return &RouteFault{Step: step, Err: errors.New("no answer")}
	}
}

func newApart(t *testing.T) apart {
	a := apart{newWorld(t, testSpool(t)), &opening{}}
	a.runner.Router, a.runner.Transport = a, a
	return a
}

// kill puts messages for dead routes of each kind into the queue.
func (a apart) kill() {
	for _, kind := range []string{"refused", "lost", "nameless", "slow", "asking", "wrong", "portal", "stuck"} {
		for i := range 2 {
			sender := fmt.Sprintf("%s-%d@x.org", kind, i)
			put(a.t, a.runner.Spool, from(sender, "dead@x.org"), "x")
		}
	}
}

// hang puts messages for routes that are slow to greet into the queue. A moment lies
// between them: of one and the same, IDs have few bits that differ.
func (a apart) hang(first, last int) {
	for i := first; i < last; i++ {
		put(a.t, a.runner.Spool, from(fmt.Sprintf("slow-%d@x.org", i), "dead@x.org"), "x")
		time.Sleep(time.Millisecond)
	}
}

func TestADeadRouteDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApart(t)
		a.kill()
		for i := range 10 {
			put(t, a.runner.Spool, from(fmt.Sprintf("well-%d@x.org", i), fmt.Sprintf("first-%d@x.org", i)), "x")
		}
		arrivals := make(chan struct{}, 1)
		stop := a.serve(arrivals)
		synctest.Wait() // no time passes
		for i := range 10 {
			if to := fmt.Sprintf("first-%d@x.org", i); a.copies(to) != 1 {
				t.Errorf("%s had to wait for a dead route", to)
			}
		}
		// What comes later, in whatever state the dead ones are: hanging, resting,
		// being tried again, before and after a change of network.
		for i := range 60 {
			time.Sleep(time.Duration(5*i*i) * time.Millisecond)
			to := fmt.Sprintf("later-%d@x.org", i)
			put(t, a.runner.Spool, from(fmt.Sprintf("well-%d@x.org", i%10), to), "x")
			arrivals <- struct{}{}
			if i%20 == 10 {
				a.changes <- struct{}{}
			}
			synctest.Wait()
			if a.copies(to) != 1 {
				t.Errorf("message %d had to wait for a dead route", i)
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if a.copies("dead@x.org") != 0 {
			t.Error("a dead route has carried mail")
		}
	})
}

// Regression: as many routes that hang as there may be at once kept all other mail
// waiting for minutes, and on a server what is for mailboxes too.
func TestManyRoutesThatHangDelayNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApart(t)
		a.runner.MostRoutes = 4
		a.runner.Near = func(r Route) bool { return r == "near" }
		a.hang(0, 6)
		put(t, a.runner.Spool, from("near@x.org", "mailbox@x.org"), "x")
		arrivals := make(chan struct{}, 1)
		stop := a.serve(arrivals)
		synctest.Wait() // no time passes
		if a.copies("mailbox@x.org") != 1 {
			t.Error("what needs no network had to wait for what does")
		}
		put(t, a.runner.Spool, from("well@x.org", "far@x.org"), "x")
		arrivals <- struct{}{}
		time.Sleep(2*slowRoute + time.Second)
		synctest.Wait()
		if a.copies("far@x.org") != 1 {
			t.Error("a route that is well had to wait for those that hang")
		}
		// However many hang, the routes at once have a bound, and those that have
		// failed come after those that have not.
		a.hang(6, 6*slowShare)
		arrivals <- struct{}{}
		time.Sleep(4 * time.Minute)
		put(t, a.runner.Spool, from("well@x.org", "further@x.org"), "x")
		arrivals <- struct{}{}
		synctest.Wait()
		if most := a.mostOpening(); most > 4*slowShare {
			t.Errorf("%d routes were tried at once", most)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if a.copies("further@x.org") != 1 {
			t.Error("a route that is well had to wait for those that have failed before")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestInAQueueRunADeadRouteDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApart(t)
		a.kill()
		began := time.Now()
		var last time.Duration
		a.runner.Watch = func(e Event) {
			if e.Kind == Settled && e.Outcome.State() == Delivered {
				a.set(func() { last = max(last, time.Since(began)) })
			}
		}
		for i := range 50 {
			put(t, a.runner.Spool, from(fmt.Sprintf("well-%d@x.org", i), "a@x.org"), "x")
		}
		sum := a.flush()
		if sum.Delivered != 50 || last != 0 || len(sum.Faults) != 16 {
			t.Errorf("%d delivered, the last after %v; %d routes are down", sum.Delivered, last, len(sum.Faults))
		}
	})
}

// Regression: a run was at all routes at once, and had a socket and a file or two for
// each of them.
func TestAQueueRunIsAtSoManyRoutesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApart(t)
		a.runner.MostRoutes = 1
		a.runner.Near = func(r Route) bool { return r == "near" }
		const hang = 3*slowShare + 1
		a.hang(0, hang)
		for _, sender := range []string{"well@x.org", "near@x.org"} {
			put(t, a.runner.Spool, from(sender, sender), "x")
		}
		sum := a.flush()
		if most := a.mostOpening(); most > slowShare || len(sum.Faults) != hang {
			t.Errorf("%d routes were tried at once, and %d are down", most, len(sum.Faults))
		}
		if a.copies("well@x.org") != 1 || a.copies("near@x.org") != 1 {
			t.Error("what can be delivered was not")
		}
	})
}
