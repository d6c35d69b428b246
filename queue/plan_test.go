package queue

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var (
	refusedHere = &RouteFault{Step: StepConnect, Err: errors.New("connection refused")}
	greeted     = &RouteFault{Step: StepGreeting, Err: errors.New("421 too many connections")}
	wrongSecret = &RouteFault{Step: StepAuth, Err: errors.New("535 no"), NeedsPerson: true}
	inPortal    = &RouteFault{Step: StepTLS, Err: errors.New("the certificate is another's"), NeedsPerson: true, Captive: true}
)

func middle() float64 { return 0.5 }

// pauses are those after so many faults in a row, each tried the moment it may
// be.
func (p *plan) pauses(now time.Time, fault *RouteFault, n int) (pauses []time.Duration) {
	for range n {
		p.tries.spend(now)
		pauses = append(pauses, p.down(now, fault).Round(time.Millisecond))
		now = p.next
	}
	return pauses
}

func TestThePlanOfARoute(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for why, c := range map[string]struct {
		dice  float64
		old   time.Duration // of the network
		fault *RouteFault
		want  []time.Duration
	}{
		"a young network settles, an old one is down": {
			0.5, 0, refusedHere,
			[]time.Duration{200 * ms, 400 * ms, 800 * ms, 1500 * ms, 2 * s, 2 * s, 2 * s, 2 * s, 2 * s, 2 * s, 2 * s, 2 * s, 5 * s, 15 * s, 30 * s, 60 * s, 120 * s, 300 * s, 600 * s, 900 * s, 900 * s},
		},
		"it is older than a network that settles": {0.5, time.Minute, refusedHere, []time.Duration{2 * s, 5 * s, 15 * s}},
		"a server that answers is no network that settles": {
			0.5, 0, greeted, []time.Duration{2 * s, 5 * s, 15 * s},
		},
		"chance makes it sooner": {0, time.Minute, refusedHere, []time.Duration{1500 * ms, 3750 * ms, 11250 * ms}},
		"chance makes it later":  {1, time.Minute, refusedHere, []time.Duration{2500 * ms, 6250 * ms, 18750 * ms}},
		"a wrong password is not repeated, and chance makes no rest longer than an hour": {
			1, 0, wrongSecret, []time.Duration{45 * time.Minute},
		},
		"nobody waits for it on the second": {0, 0, wrongSecret, []time.Duration{time.Hour}},
		"a person logs in to a portal, and no event tells": {
			0, 0, inPortal, slices.Repeat([]time.Duration{1500 * ms}, 20),
		},
	} {
		t.Run(why, func(t *testing.T) {
			p := newPlan(func() float64 { return c.dice }, begin)
			if got := p.pauses(begin.Add(c.old), c.fault, len(c.want)); !slices.Equal(got, c.want) {
				t.Errorf("\n got %v\nwant %v", got, c.want)
			}
		})
	}
}

func TestAPortalThatNobodyLogsInToIsTriedSeldom(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := newPlan(func() float64 { return 0 }, begin)
	pauses := p.pauses(begin, inPortal, 500)
	quick := slices.IndexFunc(pauses, func(d time.Duration) bool { return d != portalPause })
	if quick != int(portalTime/portalPause) || pauses[499] != portalLongest {
		t.Errorf("%d quick tries, and the last pause is %v", quick, pauses[499])
	}
	now := p.next.Add(time.Hour)
	p.reset(now)
	if got := p.pauses(now, inPortal, 2); got[1] != portalPause {
		t.Errorf("after a change %v", got)
	}
}

func TestAnEventMakesARouteDueAtOnce(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for why, event := range map[string]func(p *plan, now time.Time){
		"a change of network": (*plan).reset,
		"a person says flush": (*plan).asked,
	} {
		p := newPlan(middle, begin)
		p.pauses(begin, refusedHere, 20)
		event(&p, p.next.Add(-time.Minute))
		if !p.next.IsZero() {
			t.Errorf("%s: not before %v", why, p.next)
		}
		if got := p.down(p.changed, refusedHere); got != 200*time.Millisecond {
			t.Errorf("%s: then %v", why, got)
		}
	}
}

// A laptop that walks through a house gets another network each few seconds:
// each would be another wrong password.
func TestAWrongPasswordIsNotRepeatedWithEachNetwork(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := newPlan(middle, now)
	logins := 0
	for range 600 {
		now = now.Add(time.Second)
		p.reset(now)
		if _, waits := p.waits(now); !waits {
			logins++
			p.tries.spend(now)
			p.down(now, wrongSecret)
		}
	}
	if logins != 10 {
		t.Errorf("%d log-ins in ten minutes", logins)
	}
	if p.asked(now); !p.next.IsZero() {
		t.Errorf("a person says try now, and it waits until %v", p.next)
	}
}

func TestTheClockOfAPlanIsTheWall(t *testing.T) {
	// time.Now has a reading that stands still while a machine sleeps.
	now := time.Now()
	p := newPlan(middle, now)
	p.down(now, wrongSecret)
	woken := now.Round(0).Add(8 * time.Hour)
	if _, waits := p.waits(woken); waits {
		t.Error("what has rested for a night still rests")
	}
	p.down(now, refusedHere)
	if _, waits := p.waits(now.Round(0).Add(-8 * time.Hour)); waits {
		t.Error("the clock was set back by hours, and the route waits for them")
	}
}

func TestTriesInVainAreBoundedAndTheFirstAfterCalmIsAtOnce(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var b tries
	for round := range 3 {
		made := 0
		for range 20 * 60 { // 20 changes a second, for a minute
			if b.next(now).IsZero() {
				b.spend(now)
				made++
			}
			now = now.Add(50 * time.Millisecond)
		}
		if made < 60 || made > 60+mostTries {
			t.Errorf("round %d: %d tries", round, made)
		}
		now = now.Add(mostTries * tryGap)
		if round == 1 {
			now = now.Add(-time.Hour) // somebody set the clock
		}
	}
	b.spend(now)
	if !b.next(now).IsZero() {
		t.Error("after calm, a second change had to wait")
	}
	if b.spend(now.Add(-time.Hour)); !b.next(now.Add(-time.Hour + tryGap)).IsZero() {
		t.Error("the clock was set back, and there is no try for an hour")
	}
}

// The link of a laptop at the edge of a network comes and goes 17 times a
// second, a minute long. A server that is there when it has come to rest gets
// the mail at once, and has not been called at 1,000 times.
func TestAThousandFlapsAreFewConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testSpool(t))
		w.down = refusedHere
		put(t, w.runner.Spool, envelope("a@x.org"), "x")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.runner.Serve(ctx, make(chan struct{}), nil) }()
		for i := range 1000 {
			w.set(func() { w.try = i%2 == 1 })
			w.changes <- struct{}{}
			time.Sleep(60 * time.Millisecond)
		}
		if n := w.opened(); n < 30 || n > 60+2*mostTries {
			t.Errorf("%d connections for 1,000 changes in 60 s", n)
		}
		w.set(func() { w.down, w.try = nil, true })
		w.changes <- struct{}{}
		const look = time.Millisecond
		began := time.Now()
		for w.copies("a@x.org") == 0 && time.Since(began) < time.Minute {
			time.Sleep(look)
		}
		if took := time.Since(began); took > tryGap+look {
			t.Errorf("sent %v after the last flap", took)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestARouteThatIsDownSaysWhenItIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testSpool(t))
		w.down = refusedHere
		var told []time.Duration
		began := time.Now()
		w.runner.Watch = func(e Event) {
			if e.Kind == Retry && e.Route == "main" && e.Fault == refusedHere {
				told = append(told, e.Next.Sub(began))
			}
		}
		put(t, w.runner.Spool, envelope("a@x.org"), "x")
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
		defer stop()
		if err := w.runner.Serve(ctx, make(chan struct{}), nil); err != nil {
			t.Error(err)
		}
		const ms = time.Millisecond
		if want := []time.Duration{200 * ms, 600 * ms, 1400 * ms, 2900 * ms, 4900 * ms}; !slices.Equal(told, want) {
			t.Errorf("\n got %v\nwant %v", told, want)
		}
	})
}
