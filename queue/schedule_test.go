package queue

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
)

// Coverage: B5, B6, B7.
func TestThePauseFollowsTheOptions(t *testing.T) {
	for _, c := range []struct {
		reason string
		q      config.Queue
		n      int
		age    time.Duration
		want   time.Duration
	}{
		{"soon at first", config.Queue{}, 1, 0, 2 * time.Minute},
		{"doubling", config.Queue{}, 4, 0, 16 * time.Minute},
		{"up to two hours", config.Queue{}, 8, 0, 2 * time.Hour},
		{"and no more", config.Queue{}, 1 << 30, 0, 2 * time.Hour},
		{"an interval is the same each time", config.Queue{Interval: 15 * time.Minute}, 7, time.Hour, 15 * time.Minute},
		{"a long one too", config.Queue{Interval: 24 * time.Hour}, 1, 0, 24 * time.Hour},
		{"never below MinQueueAge", config.Queue{Interval: 15 * time.Minute, MinAge: time.Hour}, 1, 0, time.Hour},
		{"nor without an interval", config.Queue{MinAge: time.Hour}, 2, 0, time.Hour},
		{"MinQueueAge is a least, not a most", config.Queue{MinAge: time.Hour}, 20, 0, 2 * time.Hour},
		{"MaxQueueAge waits as long as the message is old", config.Queue{MaxAge: 8 * time.Hour}, 3, time.Hour, time.Hour},
		{"at the most that", config.Queue{MaxAge: 8 * time.Hour}, 3, 20 * time.Hour, 8 * time.Hour},
		{"apart from the first, which is the back-off's", config.Queue{MaxAge: 8 * time.Hour}, 1, 0, 2 * time.Minute},
		{"or the interval of the runs", config.Queue{MaxAge: 8 * time.Hour, Interval: 30 * time.Minute}, 1, 0, 30 * time.Minute},
		{"MinQueueAge does not count beside it", config.Queue{MaxAge: 8 * time.Hour, MinAge: 3 * time.Hour}, 3, time.Hour, time.Hour},
	} {
		if got := (schedule{&c.q}).pause(c.n, c.age); got != c.want {
			t.Errorf("%s: %v, want %v", c.reason, got, c.want)
		}
	}
}

func TestAQueueRunThatNobodyWaitsForObeysTheQueueAges(t *testing.T) {
	const hour = time.Hour
	received := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		reason    string
		q         config.Queue
		last, now time.Duration // since the receipt; last below 0: never tried
		want      bool
	}{
		{"nothing set", config.Queue{}, hour, hour, true},
		{"never tried", config.Queue{MinAge: 8 * hour}, -1, hour, true},
		{"never tried, with MaxQueueAge", config.Queue{MaxAge: 8 * hour}, -1, 0, true},
		{"younger than MinQueueAge since its try", config.Queue{MinAge: 4 * hour}, hour, 5*hour - time.Second, false},
		{"old enough since its try", config.Queue{MinAge: 4 * hour}, hour, 5 * hour, true},
		{"MaxQueueAge: as long as it was old then", config.Queue{MaxAge: 8 * hour}, 3 * hour, 6*hour - time.Second, false},
		{"that long after", config.Queue{MaxAge: 8 * hour}, 3 * hour, 6 * hour, true},
		{"at the most MaxQueueAge", config.Queue{MaxAge: 8 * hour}, 20 * hour, 28 * hour, true},
		{"less than that", config.Queue{MaxAge: 8 * hour}, 20 * hour, 28*hour - time.Second, false},
		{"MinQueueAge does not count beside it", config.Queue{MaxAge: 8 * hour, MinAge: 6 * hour}, hour, 2 * hour, true},
		{"the clock was set back since", config.Queue{MinAge: 4 * hour}, 1000 * hour, hour, true},
	} {
		n := Name{ID: newID(received)}
		if c.last >= 0 {
			n.Last = received.Add(c.last)
		}
		if got := (schedule{&c.q}).ripe(n, received.Add(c.now)); got != c.want {
			t.Errorf("%s: %v", c.reason, got)
		}
	}
}

func TestOnlyAPlainQueueRunLeavesAloneWhatIsTooYoung(t *testing.T) {
	for _, c := range []struct {
		reason string
		run    func(id ID) Run
		tried  bool
	}{
		{"sendmail -q", func(ID) Run { return Run{} }, false},
		{"sendmail -q30m", func(ID) Run { return Run{Every: 30 * time.Minute} }, false},
		{"sendmail -qR", func(ID) Run { return Run{Want: func(Entry) bool { return true }} }, true},
		{"sendmail -qI", func(id ID) Run { return Run{IDs: []ID{id}} }, true},
		{"mailcrane flush", func(ID) Run { return Run{Person: true} }, true},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Tuning.MinAge = time.Hour
		w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return refuse(450, "later"), nil }
		id := put(t, s, envelope("a@x.org"), "x")
		for range 2 {
			if _, err := w.runner.Run(t.Context(), c.run(id)); err != nil {
				t.Fatal(err)
			}
		}
		if tries := only(t, s).Attempts; tries != 1 && tries != 2 || (tries == 2) != c.tried {
			t.Errorf("%s: %d tries in two runs", c.reason, tries)
		}
	}
}

// Each night cron runs the queue, and nothing else does.
//
// Coverage: B5.
func TestFiveNightsOfACrontabAreFiveDays(t *testing.T) {
	for _, c := range []struct {
		reason string
		run    Run
		nights int // until it comes back, the first not counted
	}{
		{"sendmail -q from cron", Run{}, 5},
		{"sendmail -q1d", Run{Every: 24 * time.Hour}, 5},
		// 2, 4, 8, 16, 32, 64 minutes and then two hours each night: 126 min and n·120.
		{"a laptop that somebody opens each night for a moment", Run{Person: true}, 65},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testSpool(t)
			w := newWorld(t, s)
			w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return refuse(450, "later"), nil }
			put(t, s, envelope("a@x.org"), "x")
			nights := 0
			for begin := time.Now(); ; nights++ {
				if _, err := w.runner.Run(t.Context(), c.run); err != nil {
					t.Fatal(err)
				}
				if n, _ := s.Sorted(); nights > 70 || len(n) > 0 && n[0].ID.Received().After(begin) {
					break // the report has taken its place
				}
				time.Sleep(24 * time.Hour)
			}
			if nights != c.nights {
				t.Errorf("%s: given up after %d nights, want %d", c.reason, nights, c.nights)
			}
		})
	}
}

// Coverage: B39.
func TestNowGivesUpUntriedWithoutASession(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	var reports []string
	w.answer = func(d *Delivery, to Recipient) (Outcome, *RouteFault) {
		if to.Address != "me@example.org" {
			t.Errorf("%s was tried", to.Address)
		}
		return refuse(250, "ok"), nil
	}
	w.runner.Tuning.Return = config.ByTiming{Normal: config.Now, Urgent: config.Now, NonUrgent: config.Now, DSN: config.Now}
	put(t, s, envelope("a@x.org", "b@x.org"), "Subject: x\n\n")
	put(t, s, envelope("c@x.org"), "Precedence: bulk\n\n")
	w.down = lost()
	w.flush()
	reports = append(reports, w.got["me@example.org"]...)
	if names, _ := s.Sorted(); len(names) != 2 || names[0].Class.Timing != Notice {
		t.Errorf("with the route down the queue holds %v, want the two reports", names)
	}
	w.set(func() { w.down = nil })
	sum := w.flush()
	reports = append(reports, w.got["me@example.org"]...)
	if sum.Delivered != 2 || sum.Waiting != 0 || len(reports) != 2 {
		t.Errorf("summary %+v, %d reports: what is no longer to be tried for a day is tried as ever if it is our own report", sum, len(reports))
	}
	text := strings.Join(reports, "")
	for _, part := range []string{"Status: 4.4.7", "given up untried", "a@x.org", "b@x.org", "c@x.org"} {
		if !strings.Contains(text, part) {
			t.Errorf("the reports lack %q:\n%s", part, text)
		}
	}
}

// Coverage: B39.
func TestNowIsObeyedByTheAgentThoughThereIsNoRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.try = false
		w.runner.Tuning.Return.Normal = config.Now
		id := put(t, s, envelope("a@x.org"), "x")
		stop := w.serve(nil)
		synctest.Wait()
		if n := only(t, s); n.ID == id || n.Class.Timing != Notice {
			t.Errorf("the queue holds %s, want the report", n)
		}
		if w.opened() != 0 {
			t.Errorf("%d sessions", w.opened())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Coverage: B36.
func TestAWarningGoesOnlyToWhoWantsIt(t *testing.T) {
	for _, c := range []struct {
		reason, from, header string
		notify               []string
		warned               bool
	}{
		{"by default", "me@example.org", "", []string{""}, true},
		{"NOTIFY asks for it", "me@example.org", "", []string{"SUCCESS,DELAY"}, true},
		{"NOTIFY without it", "me@example.org", "", []string{"FAILURE"}, false},
		{"NEVER", "me@example.org", "", []string{"NEVER"}, false},
		{"one recipient of two wants it", "me@example.org", "", []string{"NEVER", "DELAY"}, true},
		{"bulk mail", "me@example.org", "Precedence: bulk\n", []string{""}, false},
		{"urgent mail", "me@example.org", "Precedence: special-delivery\n", []string{""}, true},
		{"non-urgent mail that is not bulk", "me@example.org", "Priority: non-urgent\n", []string{""}, true},
		{"the owner of a list", "owner-list@example.org", "", []string{""}, false},
		{"the address for requests of a list", "list-request@example.org", "", []string{""}, false},
		{"no sender", "", "", []string{""}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testSpool(t)
			w := newWorld(t, s)
			w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
				if strings.HasSuffix(to.Address, "@x.org") {
					return refuse(450, "later"), nil
				}
				return refuse(250, "ok"), nil
			}
			e := envelope()
			e.From = c.from
			for _, notify := range c.notify {
				e.To = append(e.To, Recipient{Address: notify + "a@x.org", Notify: notify})
			}
			id := put(t, s, e, c.header+"\n")
			stop := w.serve(nil)
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			want := 0
			if c.warned {
				want = 1
			}
			if got := w.copies(c.from); got != want {
				t.Errorf("%s: %d warnings, want %d", c.reason, got, want)
			}
			if n := only(t, s); n.ID != id || n.Warned != c.warned {
				t.Errorf("%s: left as %s", c.reason, n)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The machine stops when the warning is in the queue and the name of the
// message does not say so yet.
//
// Coverage: B35.
func TestAStopWhileWarningWarnsTwiceRatherThanNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &faultyDisk{Disk: swiftDisk{OS{}}}
		s := NewSpool(t.TempDir(), disk, time.Now)
		w := newWorld(t, s)
		w.runner.Tuning.Interval = 5 * time.Hour
		w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
			if to.Address == "a@x.org" {
				return refuse(450, "later"), nil
			}
			return refuse(250, "ok"), nil
		}
		id := put(t, s, envelope("a@x.org"), "\n")
		w.flush()
		disk.fail = func(op, path string) error {
			if names, _ := s.Sorted(); op == "rename" && strings.Contains(path, string(id)) && len(names) == 2 {
				return errors.New("stopped")
			}
			return nil
		}
		for i, want := range []struct {
			warnings int
			flag     bool
		}{{1, false}, {2, true}, {2, true}} {
			time.Sleep(5 * time.Hour)
			w.flush()
			if n := only(t, s); w.copies("me@example.org") != want.warnings || n.Warned != want.flag || n.Attempts != i+2 {
				t.Errorf("run %d: %d warnings, %s", i, w.copies("me@example.org"), n)
			}
			disk.fail = nil
		}
	})
}

func TestTheLastTryIsNotAMomentTooEarly(t *testing.T) {
	q := config.DefaultQueue()
	s := schedule{&q}
	now := time.Unix(1764000000, 300_000_000)
	for _, c := range []struct {
		reason string
		age    age
		minAge time.Duration
		want   time.Duration // since now's second
	}{
		{"the end is far", age{old: time.Hour, life: 120 * time.Hour}, 0, 2 * time.Hour},
		{"the end is near: a name has whole seconds, and a second before it would be a try more", age{old: 119 * time.Hour, life: 120 * time.Hour}, 0, time.Hour + time.Second},
		{"the end is near, and MinQueueAge is longer", age{old: 119 * time.Hour, life: 120 * time.Hour}, 90 * time.Minute, 2 * time.Hour},
		{"the end has passed, and there was no answer that says so", age{old: 121 * time.Hour, life: 120 * time.Hour}, 0, 2 * time.Hour},
	} {
		q.MinAge = c.minAge
		if got := s.nextTry(20, c.age, now).Sub(now.Truncate(time.Second)); got != c.want {
			t.Errorf("%s: after %v, want %v", c.reason, got, c.want)
		}
	}
}

func TestAQueueRunGivesUpByThePlainAgeThoughTheRouteIsDown(t *testing.T) {
	for _, c := range []struct {
		reason string
		plain  bool
		held   bool
		gone   bool
	}{
		{"the time of trying", false, false, false},
		{"the plain age", true, false, true},
		{"the plain age, held by a person", true, true, false},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Tuning.PlainAge = c.plain
		w.down = lost()
		e := envelope("a@x.org")
		e.Received = time.Now().Add(-6 * 24 * time.Hour)
		id := put(t, s, e, "\n")
		if c.held {
			if err := s.Hold(t.Context(), id, "wait"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.runner.Run(t.Context(), Run{}); err != nil {
			t.Fatal(err)
		}
		if n := only(t, s); (n.ID != id) != c.gone {
			t.Errorf("by %s the queue holds %s", c.reason, n)
		}
	}
}

func TestNowTriesNothingThoughTheRouteIsUp(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	w.runner.Tuning.Return.Normal = config.Now
	put(t, s, envelope("a@x.org"), "\n")
	put(t, s, envelope("b@x.org"), "Priority: urgent\n\n") // opens a session first
	sum := w.flush()
	if w.copies("a@x.org") != 0 || w.copies("b@x.org") != 1 || w.copies("me@example.org") != 1 {
		t.Errorf("arrived: %v", w.got)
	}
	if sum.Failed != 1 || sum.Waiting != 0 {
		t.Errorf("summary %+v", sum)
	}
}
