package trial

import (
	"fmt"
	"maps"
	"os"
	"sync"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// An idleness is a time in which an agent has nothing to do.
type idleness struct {
	reason string
	more   string // of the configuration
	before func(*lab.Network, *home)
	// lull is called when the agent has sent some mail, and leaves it nothing to do.
	lull func(w *away)
	// retries says that a route is down and mail waits for it: its tries are the
	// only thing that may wake the agent.
	retries bool
}

func idlenesses() []idleness {
	return []idleness{
		{reason: "online, the queue empty"},
		{reason: "offline, mail waiting", lull: func(w *away) {
			w.RouteDown()
			w.noticed("there is no default route", 0)
			w.home.mail("waits", you)
		}},
		{reason: "online, mail held and put off", more: "[queue]\ninterval = \"5h\"\n", lull: func(w *away) {
			w.server.behave(behaviour{answer: at("RCPT", "450 4.2.0 not now")})
			for n, id := range []string{"put-off", "held"} {
				w.home.mail(id, you)
				w.noticed("message deferred", n)
			}
			if r := w.home.run("", "mailcrane", "queue", "hold", w.home.list()[1].ID); r.code != 0 {
				w.t.Fatal(r.said())
			}
		}},
		{reason: "online by NetworkManager", before: func(n *lab.Network, h *home) {
			m := lab.NewNetworkManager(h.t, n)
			h.env = []string{"DBUS_SYSTEM_BUS_ADDRESS=" + m.Bus()}
		}},
		{
			reason: "online, one of two accounts down", retries: true,
			more: "[account.down]\nfrom = [\"down@trial.example\"]\nsmarthost = \"smtps://" + lab.SmarthostIP + ":2465\"\nauth = \"none\"\n",
			lull: func(w *away) {
				if r := w.home.run(letter("stays"), "sendmail", "-oi", "-f", "down@trial.example", you); r.code != 0 {
					w.t.Fatal(r.said())
				}
				w.noticed("route is down", 0)
			},
		},
	}
}

// TestAnIdleAgentSleeps takes minutes, so it waits to be asked for.
func TestAnIdleAgentSleeps(t *testing.T) {
	const asked = "MAILCRANE_TRIAL_IDLE"
	span, err := time.ParseDuration(os.Getenv(asked))
	if err != nil {
		t.Skipf("takes its time: set %s to how long the agent is watched, such as 60s", asked)
	}
	t.Parallel()
	// All are watched in the same time, which is long.
	var all []*idler
	for _, i := range idlenesses() {
		all = append(all, newIdler(t, i))
	}
	var over sync.WaitGroup
	for _, i := range all {
		over.Go(func() { i.watch(span) })
	}
	over.Wait()
	for _, i := range all {
		t.Run(i.reason, func(t *testing.T) { i.wantSleep(t, span) })
	}
}

// An idler is an agent in an idleness.
type idler struct {
	idleness
	*away
	// after is after how many seconds it was found to have been woken, woken how
	// often in all, by thread, and tried how many connections were.
	after []int
	woken map[string]int
	tried int
}

// newIdler returns when the agent has nothing to do any more.
func newIdler(t *testing.T, i idleness) *idler {
	t.Helper()
	before := i.before
	if before == nil {
		before = func(*lab.Network, *home) {}
	}
	w := newAwayAfter(t, i.more, before)
	for n := range 20 {
		id := fmt.Sprintf("idle-%d", n)
		w.home.mail(id, you)
		w.server.wantArrival(t, id)
	}
	w.settled()
	if i.lull != nil {
		i.lull(w)
	}
	if i.retries {
		<-time.After(time.Minute) // until they come seldom
	} else {
		w.agent.rests()
	}
	return &idler{idleness: i, away: w}
}

// watch looks each second whether the agent was woken.
func (i *idler) watch(span time.Duration) {
	began, tick := time.Now(), time.NewTicker(time.Second)
	defer tick.Stop()
	first, tried := i.agent.switches(i.t), i.opened()
	for last := first; time.Since(began) < span; {
		<-tick.C
		if now := i.agent.switches(i.t); !maps.Equal(now, last) {
			last, i.after = now, append(i.after, int(time.Since(began).Seconds()))
		}
	}
	i.woken, i.tried = i.agent.switches(i.t), i.opened()-tried
	for thread := range i.woken {
		if i.woken[thread] -= first[thread]; i.woken[thread] == 0 {
			delete(i.woken, thread)
		}
	}
}

func (i *idler) wantSleep(t *testing.T, span time.Duration) {
	sum := 0
	for _, count := range i.woken {
		sum += count
	}
	status := i.agent.proc("status")
	resident := lab.StatusNumber(t, status, "VmRSS")
	t.Logf("in %v of nothing to do: %d wake-ups, by thread: %v, after %v s; %d connections tried; resident memory %d kB after 20 messages, of it %d kB anonymous; at most %d kB",
		span, sum, i.woken, i.after, i.tried, resident, lab.StatusNumber(t, status, "RssAnon"), lab.StatusNumber(t, status, "VmHWM"))
	// The runtime's watchman looks about once a minute, which costs two, in a
	// thread of its own, and nothing can be done about it.
	watchman := 2 * (int(span/time.Minute) + 1)
	switch {
	case i.retries:
		if most := watchman + wakeUpsOfATry*i.tried; sum > most {
			t.Errorf("%d wake-ups for %d tries, want at most %d", sum, i.tried, most)
		}
	case len(i.woken) > 1 || sum > watchman:
		t.Errorf("woken %d times, by thread: %v, after %v s; the agent said:\n%s", sum, i.woken, i.after, i.agent.said())
	}
	if resident > 20<<10 {
		t.Errorf("resident memory is %d kB, want less than 20 MB", resident)
	}
}

// wakeUpsOfATry is for a connection that is refused, the file that remembers it,
// and the collection of memory after it, over all threads.
const wakeUpsOfATry = 100

// switches is how often each of the agent's threads was woken.
func (a *agent) switches(t testing.TB) map[string]int {
	t.Helper()
	return lab.WakeUps(t, "/proc", a.cmd.Process.Pid)
}
