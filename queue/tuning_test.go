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

// Coverage: B29.
func TestTheStatusOfAHostIsBelievedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.remembers()
		w.runner.Tuning.HostStatus = time.Hour
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
