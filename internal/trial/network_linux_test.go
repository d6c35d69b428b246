package trial

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// away is a laptop with a running agent, and a smarthost behind its gateway.
type away struct {
	*lab.Network
	t      *testing.T
	server *smarthost
	home   *home
	agent  *agent
}

func newAway(t *testing.T, more string) *away {
	t.Helper()
	return newAwayAfter(t, more, func(*lab.Network, *home) {})
}

// newAwayAfter has before change things before the agent begins.
func newAwayAfter(t *testing.T, more string, before func(*lab.Network, *home)) *away {
	t.Helper()
	n := lab.Netns(t)
	s := unstarted(t)
	s.serve(n.Gateway.Listen(lab.SmarthostIP + ":465"))
	h := newHome(t, "", s.password)
	h.configure(h.account("smtps://smarthost.test", s.user, s.caFile) + more)
	h.within = n.Laptop.Command
	before(n, h)
	return &away{n, t, s, h, h.agent()}
}

func (w *away) ip(line string) {
	w.t.Helper()
	if out, err := exec.Command("ip", append([]string{"-n", w.Laptop.Name}, strings.Fields(line)...)...).CombinedOutput(); err != nil {
		w.t.Fatalf("ip %s: %v: %s", line, err, out)
	}
}

// noticed waits until the agent has seen the way out go, after it has done so
// n times before.
func (w *away) noticed(word string, n int) {
	w.t.Helper()
	await(w.t, "the agent notices: "+word, func() bool { return strings.Count(w.agent.said(), word) > n })
}

// Coverage: A11, A12, B52.
func TestMailSubmittedWhileTheWayOutIsGoneArrivesAfterItIsBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason    string
		gone      func(w *away)
		back      func(w *away)
		unnoticed bool
		within    time.Duration // generous
	}{
		{reason: "the route", gone: func(w *away) { w.RouteDown() }, back: func(w *away) { w.RouteUp() }, within: 2 * time.Second},
		{reason: "the link, at the far end", gone: func(w *away) { w.PlugOut() }, back: func(w *away) { w.PlugIn() }, within: 8 * time.Second},
		{
			reason: "the address", within: 3 * time.Second,
			gone: func(w *away) {
				w.ip("addr flush dev eth0")
				w.ip("-6 route flush default")
			},
			back: func(w *away) {
				w.ip("addr add " + lab.RoamedIP + "/24 dev eth0")
				w.ip("route replace default via " + lab.GatewayIP)
			},
		},
		{
			// No event tells of it: the route's own pauses end the wait.
			reason: "all answers", gone: func(w *away) { w.Silence() }, back: func(w *away) { w.Answer() }, unnoticed: true, within: 25 * time.Second,
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			w := newAway(t, "[timeout]\nconnect = \"1s\"\n")
			w.home.mail("before", you)
			w.server.wantArrival(t, "before")
			c.gone(w)
			if c.unnoticed {
				w.home.mail("away", you)
				w.noticed("route is down", 0)
			} else {
				w.noticed("network changed", 0)
				w.home.mail("away", you)
			}
			before := w.home.queued()
			if len(before) != 1 || !strings.Contains(before[0], ".a0.n0.f.") {
				t.Errorf("in the queue: %q", before)
			}
			began := time.Now()
			c.back(w)
			took := w.server.wantArrival(t, "away").at.Sub(began)
			t.Logf("accepted %v after the way out was back", took)
			if took > c.within {
				t.Errorf("accepted only %v after the way out was back; the agent said:\n%s", took, w.agent.said())
			}
		})
	}
}

func TestTheWayOutGoesInTheMiddleOfAMessage(t *testing.T) {
	t.Parallel()
	w := newAway(t, "[timeout]\nconnect = \"1s\"\ndatablock = \"1s\"\n")
	reached, goOn := w.pauses("BDAT")
	w.home.mail("large-one", you)
	<-reached
	w.Silence()
	goOn()
	w.home.mail("small-one", you)
	w.noticed("route is down", 0)
	for _, item := range w.home.list() {
		if item.State != "queued" || item.Attempts != 0 {
			t.Errorf("meanwhile the queue shows %+v", item)
		}
	}
	w.Answer()
	w.server.wantArrival(t, "large-one")
	w.server.wantArrival(t, "small-one")
}

// Coverage: A11.
func TestFromRouteUpToTheFirstMessageAccepted(t *testing.T) {
	w := newAway(t, "")
	const toggles = 20
	var took []time.Duration
	for n := range toggles {
		w.RouteDown()
		w.noticed("there is no default route", n)
		id := fmt.Sprintf("toggle-%d", n)
		w.home.mail(id, you)
		began := time.Now()
		w.RouteUp()
		took = append(took, w.server.wantArrival(t, id).at.Sub(began))
	}
	slices.Sort(took)
	median := took[toggles/2]
	t.Logf("from route up to accepted, %d times: median %v, least %v, most %v", toggles, median, took[0], took[toggles-1])
	// 150 ms is the aim on a machine of its own; tests share theirs.
	if median > time.Second {
		t.Errorf("median %v", median)
	}
}
