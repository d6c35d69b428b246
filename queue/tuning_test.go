package queue

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
)

// sentOrder has a queue run go over three messages, and returns whom it tried.
func sentOrder(t *testing.T, change func(*Runner)) (tried []string) {
	t.Helper()
	s := testSpool(t)
	w := newWorld(t, s)
	change(w.runner)
	w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
		tried = append(tried, to.Address)
		return refuse(250, "ok"), nil
	}
	put(t, s, envelope("large@c.org"), "Subject: x\n\n"+strings.Repeat("x", 50_000)+"\n")
	time.Sleep(time.Second)
	put(t, s, envelope("two@b.org", "more@b.org"), "Subject: x\n\nx\n")
	time.Sleep(time.Second)
	put(t, s, envelope("bulk@a.org"), "Precedence: bulk\n\nx\n")
	if _, err := w.runner.Run(t.Context(), Run{}); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(tried, func(to string) bool { return to == "more@b.org" })
}

func TestTheOrderOfARunFollowsTheOptions(t *testing.T) {
	const large, two, bulk = "large@c.org", "two@b.org", "bulk@a.org"
	for _, c := range []struct {
		why    string
		change func(*Runner)
		want   []string
	}{
		{"by sendmail's priority", func(*Runner) {}, []string{two, large, bulk}},
		{"RecipientFactor", func(r *Runner) { r.Tuning.RecipientFactor = 60_000 }, []string{large, two, bulk}},
		{"ClassFactor", func(r *Runner) { r.Tuning.ClassFactor = 0 }, []string{bulk, two, large}},
		{"QueueSortOrder by time", func(r *Runner) { r.Tuning.Sort = config.ByTime }, []string{large, two, bulk}},
		{"QueueSortOrder by host, its name from the end", func(r *Runner) { r.Tuning.Sort = config.ByHost }, []string{bulk, two, large}},
		{"MaxQueueRunSize", func(r *Runner) { r.Tuning.MaxRunSize = 1 }, []string{two}},
		{"QueueLA and QueueFactor hold up what is late in order", func(r *Runner) {
			r.Load, r.Tuning.LoadLimit, r.Tuning.LoadFactor = func() float64 { return 9.5 }, 8, 200_000
		}, []string{two, large}},
		{"a load below QueueLA does not", func(r *Runner) {
			r.Load, r.Tuning.LoadLimit, r.Tuning.LoadFactor = func() float64 { return 7.9 }, 8, 1
		}, []string{two, large, bulk}},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if tried := sentOrder(t, c.change); !slices.Equal(tried, c.want) {
					t.Errorf("tried %q, want %q", tried, c.want)
				}
			})
		})
	}
}

func TestEachAttemptMakesAMessageLaterByRetryFactor(t *testing.T) {
	n := Name{Size: 35, Recipients: 1, Attempts: 2, Class: Class{Precedence: -60}}
	tuning := config.DefaultQueue()
	if got := n.Priority(tuning); got != 138_035+2*90_000 {
		t.Errorf("the priority is %d", got)
	}
	tuning.RetryFactor = 5
	if got := n.Priority(tuning); got != 138_035+2*5 {
		t.Errorf("with another RetryFactor it is %d", got)
	}
}

func TestSeparateSessionsAreOneForEachMessage(t *testing.T) {
	for separate, want := range map[bool]int{false: 1, true: 3} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Tuning.SeparateSessions = separate
		for _, to := range []string{"a@x.org", "b@x.org", "c@x.org"} {
			put(t, s, envelope(to), "Subject: x\n\nx\n")
		}
		w.flush()
		if w.opened() != want || w.copies("c@x.org") != 1 {
			t.Errorf("separate %v: %d sessions, want %d", separate, w.opened(), want)
		}
	}
}

// A hostsDouble is what is known of one host.
type hostsDouble struct {
	last  HostStatus
	taken bool
}

func (h *hostsDouble) Status(string) (HostStatus, error) { return h.last, nil }
func (h *hostsDouble) Note(s HostStatus) error           { h.last = s; return nil }
func (h *hostsDouble) Hold(string) (func(), bool, error) { return func() {}, !h.taken, nil }

func TestTheStatusOfAHostIsBelievedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Hosts, w.runner.Tuning.HostStatus = &hostsDouble{}, time.Hour
		w.down = lost()
		put(t, s, envelope("a@x.org"), "x")
		for _, run := range []struct {
			why   string
			after time.Duration
			opens int
		}{
			{"nothing is known yet", time.Second, 1},
			{"it failed lately", 59 * time.Minute, 1},
			{"it failed longer ago than Timeout.hoststatus", 2 * time.Minute, 2},
		} {
			time.Sleep(run.after)
			if _, err := w.runner.Run(t.Context(), Run{}); err != nil || w.opened() != run.opens {
				t.Errorf("%s: %d sessions were tried, want %d (%v)", run.why, w.opened(), run.opens, err)
			}
		}
	})
}

func TestSingleThreadLeavesAHostToWhoTalksToIt(t *testing.T) {
	for single, want := range map[bool]int{true: 0, false: 1} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Hosts, w.runner.Tuning.SingleThread = &hostsDouble{taken: true}, single
		put(t, s, envelope("a@x.org"), "x")
		w.flush()
		if w.copies("a@x.org") != want {
			t.Errorf("single_thread %v: delivered %d times while another process has a session", single, w.copies("a@x.org"))
		}
	}
}
