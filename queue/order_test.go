package queue

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
)

// Coverage: B44, B46, B47, B48.
func TestPriorityIsSendmails(t *testing.T) {
	bulk := Name{Size: 35, Recipients: 1, Class: Class{Precedence: -60}}
	retried := bulk
	retried.Attempts = 2
	for _, c := range []struct {
		reason string
		name   Name
		change func(*config.Queue)
		want   int64
	}{
		{"35 octets of bulk mail to one", bulk, nil, 138_035},
		{"each attempt adds RetryFactor", retried, nil, 138_035 + 2*90_000},
		{"special delivery goes before all", Name{Size: 35, Recipients: 1, Class: Class{Precedence: 100}}, nil, 35 - 180_000 + 30_000},
		{"another RecipientFactor", bulk, func(q *config.Queue) { q.RecipientFactor = 1 }, 108_036},
		{"another ClassFactor", bulk, func(q *config.Queue) { q.ClassFactor = 1 }, 30_095},
		{"another RetryFactor", retried, func(q *config.Queue) { q.RetryFactor = 1 }, 138_037},
	} {
		tuning := config.DefaultQueue()
		if c.change != nil {
			c.change(&tuning)
		}
		if got := c.name.Priority(tuning); got != c.want {
			t.Errorf("%s: %d, want %d", c.reason, got, c.want)
		}
	}
}

// Coverage: B45, B46, B47, B48.
func TestSmallAndUrgentMessagesGoFirst(t *testing.T) {
	message := func(size int64, change func(*Name)) Name {
		n := Name{Size: size, Recipients: 1}
		if change != nil {
			change(&n)
		}
		return n
	}
	tried := func(n *Name) { n.Attempts = 50 }
	many := func(n *Name) { n.Recipients = 100 }
	urgent := func(n *Name) { n.Class.Timing = Urgent }
	for _, c := range []struct {
		reason        string
		first, second Name
	}{
		{"the smaller one", message(2_000, nil), message(20_000, nil)},
		{"an urgent one, by Precedence", message(150_000, func(n *Name) { n.Class = Class{100, Urgent} }), message(2_000, nil)},
		{"an urgent one, by Priority alone", message(150_000, urgent), message(2_000, nil)},
		{"but not if it is large: nothing is so urgent", message(2_000, nil), message(1_000_000, urgent)},
		{"a small one that was tried for days, of what is large", message(2_000, tried), message(310_000, nil)},
		{"a small one for many people", message(2_000, many), message(310_000, nil)},
		{"both, and urgent too", message(2_000, tried), message(500_000, urgent)},
		{"one that was never tried, of equals", message(2_000, nil), message(2_000, tried)},
		{"one for few people, of equals", message(2_000, nil), message(2_000, many)},
		{"what a person writes, before a report", message(2_000, nil), message(2_000, func(n *Name) { n.Class.Timing = Notice })},
		{"a report, before a large message", message(2_000, func(n *Name) { n.Class.Timing = Notice }), message(100_000, nil)},
		{"what can wait does", message(2_000, nil), message(2_000, func(n *Name) { n.Class.Timing = NonUrgent })},
		{"bulk mail that calls itself urgent is bulk mail", message(2_000, nil), message(2_000, func(n *Name) { n.Class = Class{-60, Urgent} })},
	} {
		q := config.DefaultQueue()
		if first, second := c.first.Order(q), c.second.Order(q); first >= second {
			t.Errorf("%s: %d is not before %d", c.reason, first, second)
		}
	}
}

// sent is the recipients in the order in which a run tries them.
func (w *world) sent() *[]string {
	var order []string
	w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
		w.set(func() { order = append(order, to.Address) })
		return refuse(250, "ok"), nil
	}
	return &order
}

// Coverage: B45, B49.
func TestARunGoesInTheOrderThatIsSet(t *testing.T) {
	long := strings.Repeat("x", 40_000) + "\n"
	for _, c := range []struct {
		reason string
		sort   config.SortOrder
		want   string
	}{
		{"haste, size and recipients together", config.ByPriority, "b@z.a.org d@b.org c@a.org a@b.org"},
		{"by host, those of one domain together, then by priority", config.ByHost, "c@a.org b@z.a.org d@b.org a@b.org"},
		{"by time of receipt", config.ByTime, "a@b.org b@z.a.org c@a.org d@b.org"},
		{"by id", config.ByFilename, "a@b.org b@z.a.org c@a.org d@b.org"},
		{"the one that was touched last goes last", config.ByModification, "a@b.org b@z.a.org d@b.org c@a.org"},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Tuning.Sort = c.sort
		put(t, s, envelope("a@b.org"), "Precedence: junk\n\n"+long)
		put(t, s, envelope("b@z.a.org"), "Precedence: special-delivery\n\n"+long)
		touched := put(t, s, envelope("c@a.org"), "Subject: x\n\n"+long)
		time.Sleep(time.Millisecond) // ids sort by time
		put(t, s, envelope("d@b.org"), "Subject: x\n\n")
		m, err := s.claimID(t.Context(), touched)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.rename(func(n *Name) { n.Last = time.Now().Add(2 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		m.Release()
		order := w.sent()
		w.flush()
		if got := strings.Join(*order, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.reason, got, c.want)
		}
	}
}

func TestTheFirstJobsArePickedFromAny(t *testing.T) {
	for _, c := range []struct{ reason, want string }{
		{"all", "abcdefgh"}, {"half of them", "abcd"}, {"one", "a"},
	} {
		p := pick{most: len(c.want)}
		for _, letter := range "hgadcbfe" {
			p.add(job{key: int64(letter), name: Name{ID: ID(letter)}})
		}
		p.cut()
		var b backlog
		for _, j := range slices.Backward(p.jobs) {
			b.push(j)
		}
		got := ""
		for len(b) > 0 {
			j := b.pop()
			got += string(j.name.ID)
		}
		if got != c.want || p.more != (len(c.want) < 8) {
			t.Errorf("%s: %s, and more: %v", c.reason, got, p.more)
		}
	}
}

func TestAnUnattendedRunIsBounded(t *testing.T) {
	for _, c := range []struct {
		reason string
		run    Run
		want   string
	}{
		{"the first three", Run{}, "a@x.org b@x.org c@x.org"},
		{"a person gets all", Run{Person: true}, "a@x.org b@x.org c@x.org d@x.org e@x.org"},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Tuning.MaxRunSize = 3
		for size, to := range []string{"a@x.org", "b@x.org", "c@x.org", "d@x.org", "e@x.org"} {
			put(t, s, envelope(to), "Subject: x\n\n"+strings.Repeat("x\n", size))
		}
		order := w.sent()
		sum, err := w.runner.Run(t.Context(), c.run)
		if got := strings.Join(*order, " "); err != nil || got != c.want || sum.Waiting != 5-len(*order) {
			t.Errorf("%s: sent %s; %+v, %v", c.reason, got, sum, err)
		}
	}
}

func TestARunCountsTheMessagesThatItBegins(t *testing.T) {
	for _, c := range []struct {
		reason string
		most   int
		refuse bool
		want   string
	}{
		{"one after another, of those that were there", 0, false, "1/3 2/3 3/3"},
		{"of those that it may take", 2, false, "1/2 2/2"},
		{"a bounce comes on top", 0, true, "1/3 2/3 3/3 4/4"},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Tuning.MaxRunSize = c.most
		w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
			if c.refuse && to.Address == "b@x.org" {
				return refuse(550, "no"), nil
			}
			return refuse(250, "ok"), nil
		}
		var begun []string
		w.runner.Watch = func(e Event) {
			if e.Kind != Begun {
				return
			}
			w.set(func() { begun = append(begun, fmt.Sprintf("%d/%d", e.Place, e.Of)) })
			if e.Dir != s.Dir() {
				t.Errorf("it was begun in %s", e.Dir)
			}
		}
		for _, to := range []string{"a@x.org", "b@x.org", "c@x.org"} {
			put(t, s, envelope(to), "Subject: x\n\n")
		}
		if _, err := w.runner.Run(t.Context(), Run{}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(begun, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.reason, got, c.want)
		}
	}
}

// Coverage: B111.
func TestAnAgentTakesAWindowAfterAnotherOverOneSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Tuning.MaxRunSize = 3
		w.answer = func(_ *Delivery, _ Recipient) (Outcome, *RouteFault) {
			time.Sleep(time.Millisecond) // longer than it takes to read the queue
			return refuse(250, "ok"), nil
		}
		for range 20 {
			put(t, s, envelope("a@x.org"), "x")
			time.Sleep(time.Millisecond) // an id is a time and a little chance
		}
		stop := w.serve(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		if w.copies("a@x.org") != 20 || w.opened() != 1 {
			t.Errorf("%d of 20 went, over %d sessions", w.copies("a@x.org"), w.opened())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Coverage: B50.
func TestALoadHoldsUpWhatIsNotUrgent(t *testing.T) {
	for _, c := range []struct {
		reason string
		load   float64
		run    Run
		want   int
	}{
		{"below the limit", 7.9, Run{}, 2},
		{"600,000 / (10 - 8 + 1) is less than the priority of junk", 10, Run{}, 1},
		{"as for a message just handed in", 10, Run{Want: func(Entry) bool { return true }}, 1},
		{"a person does not wait", 10, Run{Person: true}, 2},
		{"higher still", 100, Run{}, 0},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Tuning.LoadLimit = 8
		w.runner.Load = func() float64 { return c.load }
		put(t, s, envelope("a@x.org"), "Subject: x\n\n")
		put(t, s, envelope("b@x.org"), "Precedence: junk\n\n")
		sum, err := w.runner.Run(t.Context(), c.run)
		if err != nil || sum.Delivered != c.want || sum.Waiting != 2-c.want {
			t.Errorf("%s: %+v, %v", c.reason, sum, err)
		}
	}
}

// Coverage: B50.
func TestAnAgentLooksAgainWhenTheLoadMayHaveFallen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		var load, asked atomic.Int64
		load.Store(100)
		w.runner.Load = func() float64 { asked.Add(1); return float64(load.Load()) }
		w.runner.Tuning.LoadLimit = 8
		put(t, s, envelope("a@x.org"), "x")
		stop := w.serve(nil)
		time.Sleep(time.Hour)
		if w.opened() > 0 {
			t.Error("it went though the load is high")
		}
		load.Store(1)
		time.Sleep(loadPause)
		synctest.Wait()
		if w.copies("a@x.org") != 1 {
			t.Error("it did not go when the load had fallen")
		}
		before := asked.Load()
		time.Sleep(time.Hour)
		if asked.Load() != before {
			t.Error("the agent wakes up though nothing waits")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
