package trial

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// A storm is flaps, one in flapTime: a thousand in a minute.
const (
	flapTime = 60 * time.Millisecond
	// letterTime is from one letter to the next meanwhile.
	letterTime = 250 * time.Millisecond
)

// A flap is one way in which the way out goes, and comes back.
type flap struct {
	gone, back []string // lines of ip(8)
	far        bool     // in the gateway, not in the laptop
}

func flaps() []flap {
	const route, noRoute = "route add default via " + lab.GatewayIP, "route del default"
	return []flap{
		{gone: []string{noRoute}, back: []string{route}},
		{gone: []string{"link set eth0 down"}, back: []string{"link set eth0 up", route}},
		{gone: []string{"addr del " + lab.LaptopIP + "/24 dev eth0"}, back: []string{"addr add " + lab.LaptopIP + "/24 dev eth0", route}},
		{gone: []string{"link set up0 down"}, back: []string{"link set up0 up"}, far: true},
	}
}

// howManyFlaps is some seconds of them, or what is asked for.
func howManyFlaps(t *testing.T) int {
	t.Helper()
	const asked = "MAILCRANE_TRIAL_FLAPS"
	text := os.Getenv(asked)
	if text == "" {
		return 80
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s is no number of flaps", asked, text)
	}
	return n
}

// Coverage: A11.
func TestFlapsLeaveNothingBehindAndLoseNothing(t *testing.T) {
	t.Parallel()
	// One session at a time, so that two queue runs would show.
	w := newAway(t, "sessions = 1\n[timeout]\nconnect = \"5s\"\n")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("in the queue: %+v; the agent said:\n%s", w.home.list(), w.agent.said())
		}
	})
	w.storm(20, "warm") // what is made once has been made
	w.calmed()
	w.agent.rests()
	before, opened := w.agent.footprint(), w.opened()

	count, began := howManyFlaps(t), time.Now()
	watch := w.agent.watchConnections()
	letters := w.storm(count, "storm")
	stormed := time.Since(began)
	w.calmed()
	late := time.Since(began) - stormed
	most := watch()
	opened = w.opened() - opened
	w.agent.rests()
	after := w.agent.footprint()

	uncertain, twice := strings.Count(w.agent.said(), "message uncertain"), w.copies(letters)-len(letters)
	t.Logf("%d flaps in %v, %d letters: the last arrived %v later; %d connections tried, %d at once; %d uncertain, %d copies more",
		count, stormed.Round(time.Millisecond), len(letters), late.Round(time.Millisecond), opened, most, uncertain, twice)
	t.Logf("before: %+v; after: %+v", before, after)
	if twice > uncertain {
		t.Errorf("%d copies too many, and only %d times no answer came", twice, uncertain)
	}
	if most > 1 {
		t.Errorf("%d connections at once; the account has sessions = 1", most)
	}
	// Each letter may open a session, beside what is tried in vain.
	if bound := len(letters) + uncertain + inVain(stormed); opened > bound {
		t.Errorf("%d connections tried, want at most %d", opened, bound)
	}
	if late > 5*time.Second {
		t.Errorf("the last letter arrived %v after the last flap; the agent said:\n%s", late, w.agent.said())
	}
	after.noMoreThan(t, before)
	w.noMoreGoroutines()
}

// inVain is how many connections the plan of a route allows within that time,
// however often the network changes: ten tries at once and one a second, and after
// each a look for a captive portal.
func inVain(within time.Duration) int { return 2 * (10 + int(within/time.Second) + 1) }

func TestFlapsDoNotTroubleAServerThatTakesNoConnection(t *testing.T) {
	t.Parallel()
	w := newAwayAfter(t, "", func(_ *lab.Network, h *home) {
		h.configure(h.account("smtps://"+lab.SmarthostIP+":2465", "nobody", ""))
	})
	count, opened, began := howManyFlaps(t), w.opened(), time.Now()
	letters := w.storm(count, "in-vain")
	stormed := time.Since(began)
	opened = w.opened() - opened
	t.Logf("%d flaps in %v, %d letters: %d connections tried", count, stormed.Round(time.Millisecond), len(letters), opened)
	if bound := inVain(stormed); opened > bound || opened == 0 {
		t.Errorf("%d connections tried, want from one to %d; the agent said:\n%s", opened, bound, w.agent.said())
	}
	if n := len(w.home.queued()); n != len(letters) {
		t.Errorf("%d messages in the queue, and %d were handed in", n, len(letters))
	}
}

// noMoreGoroutines ends the agent, and compares it with one that has just begun.
func (w *away) noMoreGoroutines() {
	w.t.Helper()
	old := w.agent.goroutines()
	w.agent = w.home.agent()
	w.home.mail("fresh", you)
	w.server.wantArrival(w.t, "fresh")
	w.agent.rests()
	fresh := w.agent.goroutines()
	w.t.Logf("goroutines: %d, of an agent that has just begun: %d", len(old), len(fresh))
	if len(old) > len(fresh) {
		w.t.Errorf("%d goroutines, and an agent that has just begun has %d:\n%s", len(old), len(fresh), strings.Join(old, "\n\n"))
	}
}

// storm flaps n times while letters are handed in, and returns their ids. The way
// out is there at its end.
func (w *away) storm(n int, name string) (letters []string) {
	w.t.Helper()
	laptop, gateway := w.shell(w.Laptop), w.shell(w.Gateway)
	over := make(chan struct{})
	go func() {
		defer close(over)
		dice, kinds := rand.New(rand.NewPCG(1, uint64(n))), flaps() //nolint:gosec // the same storm in each run
		for i := range n {
			f, at := kinds[i%len(kinds)], laptop
			if f.far {
				at = gateway
			}
			next := time.NewTimer(flapTime)
			at.say(f.gone)
			<-time.After(time.Duration(dice.Int64N(int64(flapTime))))
			at.say(f.back)
			<-next.C
		}
		laptop.end()
		gateway.end()
	}()
	tick := time.NewTicker(letterTime)
	defer tick.Stop()
	for {
		id := fmt.Sprintf("%s-%d", name, len(letters))
		if len(letters)%20 == 10 {
			id = "large-" + id
		}
		w.home.mail(id, you)
		letters = append(letters, id)
		select {
		case <-tick.C:
		case <-over:
			return letters
		}
	}
}

// A shell takes lines of ip(8) for one namespace.
type shell struct {
	t     testing.TB
	cmd   *exec.Cmd
	lines chan []string
}

// A flap that comes before the one before is over may find less than it takes
// away, or more than it brings: hence -force.
func (w *away) shell(at *lab.Namespace) *shell {
	w.t.Helper()
	cmd := exec.Command("ip", "-n", at.Name, "-force", "-batch", "-")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	s := &shell{w.t, cmd, make(chan []string)}
	go func() {
		defer stdin.Close()
		for lines := range s.lines {
			if _, err := fmt.Fprintln(stdin, strings.Join(lines, "\n")); err != nil {
				w.t.Errorf("ip: %v", err)
			}
		}
	}()
	return s
}

func (s *shell) say(lines []string) { s.lines <- lines }

func (s *shell) end() {
	close(s.lines)
	// Its exit code tells of lines that came too early.
	_ = s.cmd.Wait()
}

// calmed waits until all has left but what was twice without an answer, which is
// not to go a third time before its pause is over, and has that go then.
func (w *away) calmed() {
	w.t.Helper()
	await(w.t, "the queue is empty but for what is uncertain", func() bool {
		return len(w.home.queued()) == 0 || !slices.ContainsFunc(w.home.list(), func(i item) bool { return i.State != "uncertain" || i.Attempts < 2 })
	})
	if len(w.home.queued()) > 0 {
		w.home.flushed()
	}
}

// settled waits until all has left, and the server has each letter that did.
func (w *away) settled() {
	w.t.Helper()
	await(w.t, "the queue is empty", func() bool { return len(w.home.queued()) == 0 })
}

// copies is how often the server has letters, all of which it must have whole.
func (w *away) copies(letters []string) int {
	w.t.Helper()
	n, got := 0, w.server.received()
	for _, id := range letters {
		if len(got[id]) == 0 {
			w.t.Errorf("%s was lost", id)
		}
		for _, r := range got[id] {
			if !r.whole() {
				w.t.Errorf("%s arrived, and is not whole", id)
			}
		}
		n += len(got[id])
	}
	return n
}

// opened is how many TCP connections were tried in the laptop.
func (w *away) opened() int {
	w.t.Helper()
	_, text, _ := strings.Cut(w.agent.proc("net/snmp"), "\nTcp:")
	header, values, _ := strings.Cut(text, "\nTcp:")
	values, _, _ = strings.Cut(values, "\n")
	fields := strings.Fields(values)
	for i, name := range strings.Fields(header) {
		if name == "ActiveOpens" && i < len(fields) {
			n, err := strconv.Atoi(fields[i])
			if err != nil {
				w.t.Fatal(err)
			}
			return n
		}
	}
	w.t.Fatal("the kernel does not count connections")
	return 0
}
