package trial

import (
	"os/exec"
	"sync"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// pauses has the server stop once, when it has heard verb: reached is closed
// then, and goOn lets it go on.
func (w *away) pauses(verb string) (reached <-chan struct{}, goOn func()) {
	heard, on := make(chan struct{}), make(chan struct{})
	pause := sync.OnceFunc(func() {
		close(heard)
		<-on
	})
	w.server.behave(behaviour{answer: func(at step) string {
		if at.verb == verb {
			pause()
		}
		return ""
	}})
	return heard, func() { close(on) }
}

// Coverage: A11, lost-link.
func TestAMessageStuckOnTheOldNetworkGoesAtOnceByTheNewOne(t *testing.T) {
	t.Parallel()
	w := newAway(t, "")
	reached, goOn := w.pauses("BDAT")
	w.home.mail("large-stuck", you)
	<-reached
	w.Silence()
	goOn()
	// The old flow stays silent for ever, and every limit is an hour off.
	if out, err := exec.Command("ip", "-n", w.Gateway.Name, "route", "del", "blackhole", lab.RoamedIP).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	began := time.Now()
	w.Roam()
	took := w.server.wantArrival(t, "large-stuck").at.Sub(began)
	t.Logf("accepted %v after the new network was there", took)
	if took > 2*time.Second {
		t.Errorf("accepted only %v after the new network was there; the agent said:\n%s", took, w.agent.said())
	}
	await(t, "the queue is empty", func() bool { return len(w.home.queued()) == 0 })
}

func TestAFlushLeavesASessionWhoseServerIsAtWork(t *testing.T) {
	t.Parallel()
	w := newAway(t, "")
	reached, goOn := w.pauses("end")
	w.home.mail("scanned", you)
	<-reached
	flush := w.home.begin("mailcrane", "flush")
	// Longer than a probe takes to be missed.
	time.AfterFunc(3*time.Second, goOn)
	if r := flush.wait(); r.code != 0 {
		t.Errorf("flush: %+v", r)
	}
	w.server.wantArrival(t, "scanned")
	await(t, "the queue is empty", func() bool { return len(w.home.queued()) == 0 })
	if n := len(w.server.received()["scanned"]); n != 1 {
		t.Errorf("%d copies; the agent said:\n%s", n, w.agent.said())
	}
}

func TestAMessageWhoseAnswerTheOldNetworkSwallowedIsUncertainAndGoesAgainAtOnce(t *testing.T) {
	t.Parallel()
	w := newAway(t, "")
	reached, goOn := w.pauses("end")
	w.home.mail("unanswered", you)
	<-reached
	w.Silence()
	goOn()
	await(t, "the server takes it", func() bool { return len(w.server.received()["unanswered"]) == 1 })
	began := time.Now()
	w.Answer()
	w.Roam()
	await(t, "the queue is empty", func() bool { return len(w.home.queued()) == 0 })
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the queue was empty only %v after the new network was there; the agent said:\n%s", took, w.agent.said())
	}
	w.noticed("message uncertain", 0)
	if n := len(w.server.received()["unanswered"]); n != 2 {
		t.Errorf("%d copies: nothing says that the server has it", n)
	}
}

func TestAMessageStuckOnTheCableGoesAtOnceByTheWirelessLink(t *testing.T) {
	t.Parallel()
	w := newAway(t, "")
	w.ip("link add wlan0 type veth peer name up1 netns " + w.Gateway.Name)
	w.ip("link set wlan0 up")
	w.ip("addr add 192.0.2.9/24 dev wlan0")
	w.far("addr add 192.0.2.1/24 dev up1", "link set up1 up")
	reached, goOn := w.pauses("BDAT")
	w.home.mail("large-cable", you)
	<-reached
	w.Silence()
	goOn()
	began := time.Now()
	// The cable keeps its address, so the kernel does not break its connections.
	w.ip("route replace default via 192.0.2.1 dev wlan0")
	took := w.server.wantArrival(t, "large-cable").at.Sub(began)
	t.Logf("accepted %v after the other link was there", took)
	if took > 3*time.Second {
		t.Errorf("accepted only %v after the other link was there; the agent said:\n%s", took, w.agent.said())
	}
	await(t, "the queue is empty", func() bool { return len(w.home.queued()) == 0 })
}
