package trial

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// A farEnd is a way in which the way out is lost behind the laptop's own link,
// so that the laptop's kernel has nothing to tell.
type farEnd struct {
	reason string
	// between, if not nil, puts something between the laptop and its gateway.
	between    func(w *away)
	gone, back func(w *away)
}

func farEnds() []farEnd {
	return []farEnd{
		{reason: "the gateway swallows all", gone: func(w *away) { w.Silence() }, back: func(w *away) { w.Answer() }},
		{
			// The cable to the switch stays in, and the one behind it is out: nobody
			// answers to ARP either.
			reason: "the cable behind a switch",
			between: func(w *away) {
				w.far("link add sw0 type bridge", "addr flush dev up0", "link set up0 master sw0",
					"addr add "+lab.GatewayIP+"/24 dev sw0", "link set sw0 up")
			},
			gone: func(w *away) { w.far("link set sw0 down") },
			back: func(w *away) { w.far("link set sw0 up") },
		},
	}
}

// someLimits is several times the second that a session may stand still here.
const someLimits = 10 * time.Second

// far runs lines of ip(8) in the gateway.
func (w *away) far(lines ...string) {
	w.t.Helper()
	for _, line := range lines {
		if out, err := exec.Command("ip", append([]string{"-n", w.Gateway.Name}, strings.Fields(line)...)...).CombinedOutput(); err != nil {
			w.t.Fatalf("ip %s: %v: %s", line, err, out)
		}
	}
}

// Coverage: A11.
func TestALinkLostAtTheFarEndIsNoticedBySessionsAndMailGoesByItselfWhenItIsBack(t *testing.T) {
	t.Parallel()
	for _, end := range farEnds() {
		for _, when := range []struct {
			reason string
			verb   string // the loss comes when the server has heard it; "" is before
			letter string
			says   string // the agent, when it has noticed
		}{
			{"before the session", "", "small", "route is down"},
			{"in the middle of a message", "BDAT", "large", "route is down"},
			{"when all was sent", "end", "small", "message uncertain"},
		} {
			t.Run(end.reason+", "+when.reason, func(t *testing.T) {
				t.Parallel()
				w := newAway(t, "[queue]\ninterval = \"2s\"\n[timeout]\nconnect = \"1s\"\ninitial = \"1s\"\ndatablock = \"1s\"\ndatafinal = \"1s\"\n")
				if end.between != nil {
					end.between(w)
				}
				w.home.mail("before", you)
				w.server.wantArrival(t, "before")
				id, heard := when.letter+"-lost", strings.Count(w.agent.said(), "network changed")
				lost := time.Now()
				if when.verb == "" {
					end.gone(w)
					w.home.mail(id, you)
				} else {
					reached, goOn := w.pauses(when.verb)
					w.home.mail(id, you)
					<-reached
					lost = time.Now()
					end.gone(w)
					goOn()
				}
				w.noticed(when.says, 0)
				noticed := time.Since(lost)
				// Where the answer alone is missing, the route is not known to be down
				// before it is tried again.
				w.home.mail("behind", you)
				w.noticed("route is down", 0)
				if n := strings.Count(w.agent.said(), "network changed") - heard; n != 0 {
					t.Errorf("the kernel told of it %d times: this trial shows nothing", n)
				}
				if noticed > someLimits {
					t.Errorf("noticed only after %v", noticed)
				}
				w.wantUnreachable()
				back := time.Now()
				end.back(w)
				await(t, "the queue is empty", func() bool { return len(w.home.queued()) == 0 })
				t.Logf("noticed after %v; gone %v after the way was back", noticed.Round(time.Millisecond), time.Since(back).Round(time.Millisecond))
				copies, uncertain := len(w.server.received()[id]), strings.Count(w.agent.said(), "message uncertain")
				if copies < 1 || copies > 1+uncertain {
					t.Errorf("it arrived %d times, and %d times no answer came", copies, uncertain)
				}
			})
		}
	}
}

// wantUnreachable is what a person sees meanwhile: why, what will be done about
// it, and that no message is blamed.
func (w *away) wantUnreachable() {
	w.t.Helper()
	r := w.home.run("", "mailcrane", "status", "--json")
	var status struct {
		Accounts []struct {
			Standing struct{ Prospect, Reason, Reacts string }
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &status); err != nil || len(status.Accounts) != 1 {
		w.t.Fatalf("mailcrane status --json: %v: %s", err, r.said())
	}
	s := status.Accounts[0].Standing
	if s.Prospect != "smarthost unreachable" || !strings.Contains(s.Reason, "smarthost.test") || s.Reacts == "" {
		w.t.Errorf("status says %+v", s)
	}
	w.t.Logf("%s: %s; waits for %s", s.Prospect, s.Reason, s.Reacts)
	for _, i := range w.home.list() {
		if i.State != "queued" && i.State != "uncertain" || i.State == "queued" && i.Attempts != 0 {
			w.t.Errorf("a message is blamed: %+v", i)
		}
	}
}
