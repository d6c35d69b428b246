package queue

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
)

// dials has every route but "other" need that to be called.
func (w *world) dials(dial config.Dial) {
	w.runner.Dial = func(r Route) config.Dial {
		if r == "other" {
			return config.DialFreely
		}
		return dial
	}
}

func from(sender, to string) *Envelope {
	return &Envelope{From: sender, To: []Recipient{{Address: to}}}
}

// Coverage: X7.
func TestMailOfAnExpensiveAccountGoesWithTheQueueRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testSpool(t))
		w.dials(config.DialByRun)
		w.runner.Tuning.Interval = time.Hour
		put(t, w.runner.Spool, envelope("before@x.org"), "x")
		arrivals := make(chan struct{}, 1)
		stop := w.serve(arrivals)
		time.Sleep(time.Second)
		if w.copies("before@x.org") != 1 {
			t.Error("an agent that is started has its first queue run, as sendmail -bd -q1h has")
		}
		time.Sleep(10 * time.Minute)
		put(t, w.runner.Spool, envelope("a@x.org"), "x")
		put(t, w.runner.Spool, from("other@x.org", "cheap@x.org"), "x")
		arrivals <- struct{}{}
		w.changes <- struct{}{}
		time.Sleep(49 * time.Minute)
		if w.copies("a@x.org") != 0 || w.copies("cheap@x.org") != 1 {
			t.Errorf("before the run: expensive %d, the other %d", w.copies("a@x.org"), w.copies("cheap@x.org"))
		}
		time.Sleep(time.Minute)
		if w.copies("a@x.org") != 1 {
			t.Error("not sent by the run")
		}
		time.Sleep(5*time.Hour + 10*time.Minute)
		put(t, w.runner.Spool, envelope("b@x.org"), "x")
		arrivals <- struct{}{}
		time.Sleep(40 * time.Minute)
		if w.copies("b@x.org") != 0 {
			t.Error("runs for which there was nothing were made up for")
		}
		time.Sleep(time.Hour)
		if w.copies("b@x.org") != 1 || w.opened() != 4 {
			t.Errorf("%d copies; %d sessions", w.copies("b@x.org"), w.opened())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestARunThatWasDueWithoutAWayOutTakesPlaceWhenThereIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testSpool(t))
		w.dials(config.DialByRun)
		w.runner.Tuning.Interval = time.Hour
		w.try = false
		stop := w.serve(nil)
		time.Sleep(time.Minute)
		put(t, w.runner.Spool, envelope("a@x.org"), "x")
		time.Sleep(90 * time.Minute)
		w.set(func() { w.try = true })
		w.changes <- struct{}{}
		time.Sleep(time.Second)
		if w.copies("a@x.org") != 1 {
			t.Error("a laptop that was opened after the run waits for another")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestAnExpensiveServerThatIsDownIsCalledOnceARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testSpool(t))
		w.dials(config.DialByRun)
		w.runner.Tuning.Interval = time.Hour
		w.down = refusedHere
		var next []time.Time
		w.runner.Watch = func(e Event) {
			if e.Kind == Retry {
				next = append(next, e.Next)
			}
		}
		put(t, w.runner.Spool, envelope("a@x.org"), "x")
		began := time.Now()
		stop := w.serve(nil)
		for range 10 {
			time.Sleep(17 * time.Minute)
			w.changes <- struct{}{}
		}
		time.Sleep(time.Second)
		if w.opened() != 3 || len(next) != 3 || !next[0].Equal(began.Add(time.Hour)) {
			t.Errorf("called %d times in less than 3 h; told %v", w.opened(), next)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestWithoutAnIntervalOnlyAPersonSendsWhatIsExpensive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testSpool(t))
		w.dials(config.DialByRun)
		put(t, w.runner.Spool, envelope("a@x.org"), "x")
		pokes := make(chan struct{}, 1)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.runner.Serve(ctx, make(chan struct{}), pokes) }()
		time.Sleep(30 * 24 * time.Hour)
		if w.opened() != 0 {
			t.Fatal("it was called by itself")
		}
		pokes <- struct{}{}
		time.Sleep(time.Second)
		if w.copies("a@x.org") != 1 {
			t.Error("a person has said run the queue, and it did not go")
		}
		put(t, w.runner.Spool, envelope("b@x.org"), "x")
		w.changes <- struct{}{}
		time.Sleep(time.Hour)
		if w.copies("b@x.org") != 0 {
			t.Error("what came after that run went by itself")
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Coverage: X7.
func TestWhatIsCalledOnDemandLeavesByWordOnly(t *testing.T) {
	for _, c := range []struct {
		reason string
		run    Run
		want   int
	}{
		{"sendmail -q is no word for it", Run{}, 0},
		{"nor is a flush of everything", Run{Person: true}, 0},
		{"nor a run at an interval", Run{Every: time.Hour}, 0},
		{"the account itself is", Run{Route: "main"}, 1},
		{"another account is not", Run{Route: "other"}, 0},
		{"a selector is", Run{Want: func(Entry) bool { return true }}, 1},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, testSpool(t))
				w.dials(config.DialOnDemand)
				put(t, w.runner.Spool, envelope("a@x.org"), "x")
				stop := w.serve(nil)
				time.Sleep(24 * time.Hour)
				w.changes <- struct{}{}
				time.Sleep(time.Hour)
				if w.opened() != 0 {
					t.Error("an agent has called it")
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
				sum, err := w.runner.Run(t.Context(), c.run)
				if err != nil || w.copies("a@x.org") != c.want || sum.Waiting != 0 {
					t.Errorf("%d sent, %+v, %v", w.copies("a@x.org"), sum, err)
				}
				if c.run.Route == "" && sum.OnDemand != 1-c.want {
					t.Errorf("%d are told to wait for a word", sum.OnDemand)
				}
			})
		})
	}
}

func TestAMessageByItsIDIsAWordToo(t *testing.T) {
	w := newWorld(t, testSpool(t))
	w.dials(config.DialOnDemand)
	id := put(t, w.runner.Spool, envelope("a@x.org"), "x")
	put(t, w.runner.Spool, envelope("b@x.org"), "x")
	if sum, err := w.runner.Run(t.Context(), Run{IDs: []ID{id}}); err != nil || sum.Delivered != 1 || w.copies("b@x.org") != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestARunOfOneRouteCallsNoOther(t *testing.T) {
	w := newWorld(t, testSpool(t))
	put(t, w.runner.Spool, envelope("a@x.org"), "x")
	put(t, w.runner.Spool, from("other@x.org", "b@x.org"), "x")
	sum, err := w.runner.Run(t.Context(), Run{Route: "other", Person: true})
	if err != nil || sum.Delivered != 1 || sum.Waiting != 0 || w.copies("a@x.org") != 0 || w.opened() != 1 {
		t.Errorf("%+v, %v, %d sessions", sum, err, w.opened())
	}
}

// Coverage: X7.
func TestTheFirstConnectionIsTriedOnceMoreAfterDialDelay(t *testing.T) {
	timedOut := &RouteFault{Step: StepConnect, Err: os.ErrDeadlineExceeded}
	for why, c := range map[string]struct {
		fault *RouteFault
		delay time.Duration
		event func(w *world)
		opens int
		took  time.Duration
	}{
		"the call takes a while":                  {timedOut, 20 * time.Second, nil, 2, 20 * time.Second},
		"the line is up before":                   {timedOut, 20 * time.Second, func(w *world) { w.changes <- struct{}{} }, 2, 5 * time.Second},
		"no name is found before there is a line": {&RouteFault{Step: StepLookup, Err: errors.New("no answer")}, 20 * time.Second, nil, 2, 20 * time.Second},
		"it is not asked for":                     {timedOut, 0, nil, 1, 0},
		"a server that refuses needs no line":     {&RouteFault{Step: StepConnect, Err: syscall.ECONNREFUSED}, 20 * time.Second, nil, 1, 0},
		"a server was heard":                      {greeted, 20 * time.Second, nil, 1, 0},
	} {
		t.Run(why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, testSpool(t))
				w.runner.Tuning.DialDelay, w.down = c.delay, c.fault
				put(t, w.runner.Spool, envelope("a@x.org"), "x")
				if c.event != nil {
					time.AfterFunc(5*time.Second, func() { c.event(w) })
				}
				began := time.Now()
				if sum := w.flush(); sum.Waiting != 1 {
					t.Errorf("%+v", sum)
				}
				if took := time.Since(began); w.opened() != c.opens || took != c.took {
					t.Errorf("%d connections in %v", w.opened(), took)
				}
			})
		})
	}
}

func TestALineThatComesUpDuringDialDelayCarriesTheMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testSpool(t))
		w.runner.Tuning.DialDelay, w.down = 30*time.Second, &RouteFault{Step: StepConnect, Err: os.ErrDeadlineExceeded}
		put(t, w.runner.Spool, envelope("a@x.org"), "x")
		time.AfterFunc(time.Second, func() { w.set(func() { w.down = nil }) })
		if sum := w.flush(); sum.Delivered != 1 || len(sum.Faults) != 0 {
			t.Errorf("%+v", sum)
		}
	})
}

// Coverage: X7.
func TestANodeIsADomainOrWithAnAtSignItsSubdomainsToo(t *testing.T) {
	for _, c := range []struct {
		node, to string
		want     bool
	}{
		{"example.org", "joe@example.org", true},
		{"Example.ORG", "joe@example.org", true},
		{"example.org", "joe@mail.example.org", false},
		{"@example.org", "joe@mail.example.org", true},
		{"@example.org", "joe@example.org", true},
		{"@example.org", "joe@anexample.org", false},
		{"@example.org", "joe@example.org.invalid", false},
		{"example.org", `"joe@example.org"@example.net`, false},
	} {
		n, err := ParseNode(c.node)
		e := Entry{Envelope: from("me@x.org", c.to), Results: make([]Result, 1)}
		if err != nil || n.Wants(e) != c.want {
			t.Errorf("%s, %s: %v, %v", c.node, c.to, !c.want, err)
		}
		if e.Results[0].State = Delivered; n.Wants(e) {
			t.Errorf("%s: %s has it already", c.node, c.to)
		}
	}
	for _, bad := range []string{"", "@", "#slow", "joe@example.org", ".example.org", "a b"} {
		if _, err := ParseNode(bad); err == nil {
			t.Errorf("%q is taken for a domain", bad)
		}
	}
}
