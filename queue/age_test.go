package queue

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Coverage: B34, B41.
func TestAMessageTriedForFiveDaysComesBack(t *testing.T) {
	for _, c := range []struct {
		reason string
		answer func() (Outcome, *RouteFault)
		said   string
	}{
		{
			"refused for now",
			func() (Outcome, *RouteFault) { return refuse(450, "mailbox full"), nil },
			"tried for 5 days without success; the last answer was: 450 mailbox full",
		},
		{
			"no answer",
			func() (Outcome, *RouteFault) { return NoAnswer("mx.test", "no answer for 10 minutes"), nil },
			"sent again and again for 5 days, and no answer came, so it may have arrived, and more than once: no answer for 10 minutes",
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testSpool(t)
			w := newWorld(t, s)
			w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
				if to.Address == "a@x.org" {
					return c.answer()
				}
				return refuse(250, "ok"), nil
			}
			put(t, s, envelope("a@x.org"), "x")
			arrivals := make(chan struct{}, 1)
			stop := w.serve(arrivals)
			time.Sleep(4*24*time.Hour + 22*time.Hour)
			synctest.Wait()
			if n := only(t, s); n.Attempts < 30 {
				t.Errorf("%s: after almost five days: %s", c.reason, n)
			}
			time.Sleep(4 * time.Hour)
			arrivals <- struct{}{} // the report
			synctest.Wait()
			if report := strings.Join(w.got["me@example.org"], ""); !strings.Contains(report, c.said) {
				t.Errorf("%s: report: %s", c.reason, report)
			}
			if names, _ := s.Sorted(); len(names) > 0 {
				t.Errorf("%s: the queue still has %v", c.reason, names)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Coverage: B34.
func TestTimeWithoutAWayOutNeverAgesMail(t *testing.T) {
	const weeks = 14 * 24 * time.Hour
	for _, c := range []struct {
		reason string
		first  bool // there was an attempt before the time without one
		faults bool // the route was tried meanwhile, and down
	}{
		{"shut for two weeks before the first attempt", false, false},
		{"shut for two weeks after it", true, false},
		{"behind a captive portal for two weeks", false, true},
		{"behind one after the first attempt", true, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testSpool(t)
			w := newWorld(t, s)
			w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return refuse(450, "too much at once"), nil }
			put(t, s, envelope("a@x.org"), "x")
			if c.first {
				w.flush()
			}
			w.down = &RouteFault{Step: StepTLS, Err: errors.New("not our server")}
			for range 14 {
				time.Sleep(weeks / 14)
				if c.faults {
					w.flush()
				}
			}
			w.set(func() { w.down = nil })
			for range 3 {
				if sum := w.flush(); sum.Failed > 0 {
					t.Errorf("%s: the message was given up", c.reason)
				}
			}
			w.set(func() { w.answer = nil })
			w.flush()
			if w.copies("a@x.org") != 1 || w.copies("me@example.org") != 0 {
				t.Errorf("%s: arrived %v", c.reason, w.got)
			}
		})
	}
}
