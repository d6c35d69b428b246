package netwatch

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/netwatch/network"
	"mailcrane/netwatch/portal"
	"mailcrane/queue"
)

const loginPage = "http://198.51.100.1/login"

// A hotel is the network's answer to whoever asks for a web page; "" refuses.
type hotel struct {
	mu    sync.Mutex
	says  string
	asked []string
	log   strings.Builder
}

func (h *hotel) say(answer string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.says = answer
}

func (h *hotel) dial(_ context.Context, _, address string) (net.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if strings.HasSuffix(address, ":443") {
		return nil, errors.New("refused")
	}
	h.asked = append(h.asked, address)
	if h.says == "" {
		return nil, errors.New("refused")
	}
	ours, theirs := net.Pipe()
	answer := h.says
	go func() {
		defer theirs.Close()
		theirs.Read(make([]byte, 1000))
		io.WriteString(theirs, answer)
	}()
	return ours, nil
}

func (h *hotel) looks() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.asked)
}

func (h *hotel) said() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.String()
}

func (h *hotel) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.Write(b)
}

const redirects = "HTTP/1.1 302 x\r\nLocation: " + loginPage + "\r\nContent-Length: 0\r\n\r\n"

// inHotel runs f on a network whose web pages are the hotel's to answer.
func inHotel(t *testing.T, f func(t *testing.T, s *script, w *Watcher, h *hotel)) {
	t.Helper()
	h := &hotel{says: redirects}
	o := Options{Dial: h.dial, Log: slog.New(slog.NewTextHandler(h, nil)), Server: func(r queue.Route) Server {
		return Server{Host: "smtp." + string(r) + ".example", Bare: strings.HasPrefix(string(r), "bare")}
	}}
	scripted(t, o, func(t *testing.T, s *script, w *Watcher) {
		s.happen(atHome(), nil)
		pass(time.Second)
		changed(w)
		f(t, s, w, h)
	})
}

func fails(step queue.Step, change func(*queue.RouteFault)) transport {
	return func(context.Context) *queue.RouteFault {
		f := &queue.RouteFault{Step: step, Server: "smtp.work.example:465", Err: errors.New("no"), Unproven: true, NeedsPerson: true}
		if change != nil {
			change(f)
		}
		return f
	}
}

var stranges = fails(queue.StepTLS, nil)

func try(t *testing.T, w *Watcher, r queue.Route, does transport) *queue.RouteFault {
	t.Helper()
	_, fault := w.Prove(does).Open(t.Context(), r)
	return fault
}

func TestWhichFaultsLookLikeAPortal(t *testing.T) {
	for _, c := range []struct {
		reason string
		does   transport
		want   bool
	}{
		{"a certificate that is not the server's", fails(queue.StepTLS, nil), true},
		{"a greeting that is none", fails(queue.StepGreeting, nil), true},
		{"EHLO refused in the clear", fails(queue.StepHello, nil), true},
		{"no connection", fails(queue.StepConnect, nil), true},
		{"no such name", fails(queue.StepLookup, nil), true},
		{"the server itself refuses the log-in", fails(queue.StepAuth, func(f *queue.RouteFault) { f.Unproven = false }), false},
		{"the server itself refuses us, under TLS", fails(queue.StepGreeting, func(f *queue.RouteFault) { f.Unproven = false }), false},
		{"the configuration is wrong", fails(queue.StepConfig, nil), false},
		{"no secret", fails(queue.StepSecret, nil), false},
		{"the network changed meanwhile", fails(queue.StepConnect, func(f *queue.RouteFault) { f.Lost = true }), false},
	} {
		inHotel(t, func(t *testing.T, _ *script, w *Watcher, h *hotel) {
			fault := try(t, w, "work", c.does)
			if fault.Captive != c.want || (h.looks() > 0) != c.want || fault.NeedsPerson == c.want {
				t.Errorf("%s: %+v after %d looks", c.reason, fault, h.looks())
			}
		})
	}
}

func TestAPortalIsSaidPlainly(t *testing.T) {
	inHotel(t, func(t *testing.T, _ *script, w *Watcher, _ *hotel) {
		fault := try(t, w, "work", stranges)
		if got := fault.Sentence(); got != "smtp.work.example:465, checking the server's certificate: a captive portal answers instead of smtp.work.example" {
			t.Error(got)
		}
		if fault.Hint != "log in at "+loginPage+" in a browser; mail goes by itself as soon as the portal opens" {
			t.Error(fault.Hint)
		}
		if got := w.Standing("work"); got.Prospect != Captive || got.Page != loginPage {
			t.Errorf("%+v", got)
		}
		if s := w.State(); !s.Portal || s.Page != loginPage || !strings.HasSuffix(s.Reason, ", a captive portal in the way") {
			t.Errorf("%+v", s)
		}
		if fault := try(t, w, "home", fails(queue.StepConnect, nil)); fault.Err.Error() != "a captive portal lets nothing through to smtp.home.example" {
			t.Error(fault.Err)
		}
	})
}

func TestAPortalIsLookedForSeldomOnceItIsKnown(t *testing.T) {
	inHotel(t, func(t *testing.T, _ *script, w *Watcher, h *hotel) {
		for range 40 { // a minute
			if fault := try(t, w, "work", stranges); !fault.Captive {
				t.Fatalf("%+v", fault)
			}
			pass(1500 * time.Millisecond)
		}
		if h.looks() != 2 {
			t.Errorf("%d looks", h.looks())
		}
		if n := strings.Count(h.said(), "\n"); strings.Count(h.said(), "captive portal") != 1 {
			t.Errorf("%d lines in the log:\n%s", n, h.said())
		}
		if changed(w) {
			t.Error("what an attempt has found is passed on as a change")
		}
	})
}

func TestWhatGetsThroughEndsThePortalAndWakesTheOthers(t *testing.T) {
	for reason, does := range map[string]transport{
		"a session":            reached,
		"a log-in was refused": fails(queue.StepAuth, func(f *queue.RouteFault) { f.Unproven = false }),
	} {
		inHotel(t, func(t *testing.T, _ *script, w *Watcher, h *hotel) {
			try(t, w, "work", stranges)
			try(t, w, "work", does)
			pass(time.Second)
			if !changed(w) || w.State().Portal || !strings.Contains(h.said(), "the captive portal is open") {
				t.Errorf("%s: %+v\n%s", reason, w.State(), h.said())
			}
			try(t, w, "work", does)
			pass(time.Second)
			if changed(w) {
				t.Errorf("%s: it opens twice", reason)
			}
		})
	}
}

func TestAServerThatIsDownBehindAnOpenPortalIsNoPortal(t *testing.T) {
	inHotel(t, func(t *testing.T, _ *script, w *Watcher, h *hotel) {
		try(t, w, "work", stranges)
		h.say("")
		tried := 0
		for began := time.Now(); try(t, w, "work", stranges).Captive; tried++ {
			if time.Since(began) > 3*lookAgain {
				t.Fatal("it is a portal for ever")
			}
			pass(time.Second)
		}
		if w.State().Portal || tried == 0 {
			t.Errorf("after %d tries: %+v", tried, w.State())
		}
	})
}

func TestAnotherServerThatIsReachedShowsThatThereIsNoPortal(t *testing.T) {
	inHotel(t, func(t *testing.T, _ *script, w *Watcher, h *hotel) {
		try(t, w, "home", reached)
		if fault := try(t, w, "work", stranges); fault.Captive || !fault.NeedsPerson || h.looks() > 0 {
			t.Errorf("%+v after %d looks", fault, h.looks())
		}
		if fault := try(t, w, "home", fails(queue.StepConnect, nil)); fault.Captive {
			t.Errorf("a closed port where the server was reached before: %+v", fault)
		}
	})
}

// A log-in runs out after hours, of which no event tells. Taken for the server's own,
// a portal's certificate would keep mail for an hour.
func TestAPortalWhoseLogInHasRunOutIsFound(t *testing.T) {
	inHotel(t, func(t *testing.T, _ *script, w *Watcher, _ *hotel) {
		try(t, w, "home", reached)
		pass(time.Hour)
		if fault := try(t, w, "work", stranges); !fault.Captive || fault.NeedsPerson {
			t.Errorf("%+v", fault)
		}
	})
}

func TestAPortalBelongsToItsNetwork(t *testing.T) {
	inHotel(t, func(t *testing.T, s *script, w *Watcher, _ *hotel) {
		try(t, w, "work", stranges)
		s.happen(roamed(), nil)
		pass(debounce) // what was seen of the portal may have been a look just now
		if s := w.State(); s.Portal || s.Gateway != roamed().Gateway {
			t.Errorf("%+v", s)
		}
	})
}

func TestAnAttemptThatHangsIsGivenUpInAPortal(t *testing.T) {
	// hangs until it is stirred, and then counts as lost to the change.
	hangs := transport(func(ctx context.Context) *queue.RouteFault {
		stirred := make(chan struct{}, 1)
		leave := queue.OnStir(ctx, func() { stirred <- struct{}{} })
		defer leave()
		<-stirred
		return &queue.RouteFault{Step: queue.StepConnect, Err: errors.New("the way out changed"), Unproven: true, Lost: true}
	})
	inHotel(t, func(t *testing.T, _ *script, w *Watcher, h *hotel) {
		for _, want := range []time.Duration{patience, portalPatience} {
			began := time.Now()
			fault := try(t, w, "work", hangs)
			if took := time.Since(began); took != want || !fault.Captive || fault.Lost || fault.Waited != want {
				t.Errorf("after %v: %+v", took, fault)
			}
		}
		if h.looks() != 1 {
			t.Errorf("%d looks", h.looks())
		}
	})
}

func TestAPortalThatASourceTellsOfNeedsNoLook(t *testing.T) {
	inHotel(t, func(t *testing.T, s *script, w *Watcher, h *hotel) {
		h.say("")
		s.happen(with(atHome(), func(n *network.State) { n.Portal = true }), nil)
		fault := try(t, w, "work", fails(queue.StepConnect, nil))
		if !fault.Captive || !strings.Contains(fault.Hint, "open any web page") {
			t.Errorf("%+v", fault)
		}
	})
}

func TestTheSystemsOwnPageIsAskedBeforeTheServer(t *testing.T) {
	inHotel(t, func(t *testing.T, s *script, w *Watcher, h *hotel) {
		h.say("HTTP/1.1 204 x\r\n\r\n")
		s.happen(with(atHome(), func(n *network.State) {
			n.Checks = []portal.Question{{Kind: portal.AsksSystem, URL: "http://check.example.net/"}}
		}), nil)
		if fault := try(t, w, "work", stranges); fault.Captive || len(h.asked) != 1 || h.asked[0] != "check.example.net:80" {
			t.Errorf("%+v after asking %q", fault, h.asked)
		}
	})
}

func TestNothingIsAskedWhereAllIsWell(t *testing.T) {
	inHotel(t, func(t *testing.T, _ *script, w *Watcher, h *hotel) {
		try(t, w, "work", reached)
		pass(24 * time.Hour)
		if h.looks() > 0 {
			t.Errorf("asked %q", h.asked)
		}
	})
}

func TestAServerOnThisMachineIsBehindNoPortal(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		for _, host := range []string{"localhost", "LOCALHOST.", "127.0.0.1", "::1", "::ffff:127.0.0.1", "/run/smtp", ""} {
			if beyondUs(host) {
				t.Error(host)
			}
		}
		for _, host := range []string{"smtp.example.org", "192.0.2.1", "mail.local"} {
			if !beyondUs(host) {
				t.Error(host)
			}
		}
	})
}
