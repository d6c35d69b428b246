package netwatch

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// Its quick tries would each wait for a web server that does not answer either.
func TestAServerThatIsDownCostsALookNowAndThen(t *testing.T) {
	looks := 0
	o := Options{
		Server: func(queue.Route) Server { return Server{Host: "smtp.example"} },
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			looks++
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
	scripted(t, o, func(t *testing.T, s *script, w *Watcher) {
		s.happen(atHome(), nil)
		var waited time.Duration
		for range 10 {
			began := time.Now()
			if fault := try(t, w, "work", fails(queue.StepConnect, nil)); fault.Captive {
				t.Fatal(fault.Err)
			}
			waited += time.Since(began)
			pass(400 * time.Millisecond)
		}
		if looks != 1 || waited != 3*time.Second {
			t.Errorf("%d looks, %v waited for them in ten quick tries", looks, waited)
		}
		try(t, w, "work", stranges)
		if looks != 2 {
			t.Errorf("somebody else answers, and %d looks", looks)
		}
		pass(vainTime)
		try(t, w, "work", fails(queue.StepConnect, nil))
		if looks != 3 {
			t.Errorf("after a while %d looks", looks)
		}
		s.happen(roamed(), nil)
		try(t, w, "work", fails(queue.StepConnect, nil))
		if looks != 4 {
			t.Errorf("by another network %d looks", looks)
		}
	})
}

// A rule that holds mail in a portal lets nothing be tried, by which alone a portal
// that an attempt has found is seen to be open.
func TestARuleThatHoldsMailInAPortalEndsWithIt(t *testing.T) {
	h := &hotel{says: redirects}
	o := Options{
		Rules: []config.Rule{{Name: "a", Portal: config.Yes, Do: config.Hold}}, Routes: []queue.Route{"work", "home"}, Dial: h.dial,
		Server: func(r queue.Route) Server { return Server{Host: "smtp." + string(r) + ".example"} },
	}
	scripted(t, o, func(t *testing.T, s *script, w *Watcher) {
		s.happen(atHome(), nil)
		pass(time.Second)
		try(t, w, "work", stranges)
		pass(time.Second)
		changed(w)
		for range 3 {
			if w.Verdict("work").Try {
				t.Fatal("mail is tried in a portal, against the rule")
			}
			pass(doubtTime)
			if !changed(w) || !w.Verdict("work").Try {
				t.Fatal("mail is held for ever for a portal that may be open")
			}
			try(t, w, "work", stranges)
			pass(time.Millisecond)
			changed(w)
		}
		pass(doubtTime)
		if changed(w); !w.Verdict("work").Try {
			t.Fatal("not tried again")
		}
		began := len(s.looks())
		pass(time.Hour)
		if len(s.looks()) != began || changed(w) || !w.nextByClock().IsZero() || !w.doubtAt().IsZero() {
			t.Error("with nothing due the machine wakes for it")
		}
		try(t, w, "work", reached)
		pass(time.Second)
		if w.State().Portal || !w.Verdict("work").Try {
			t.Errorf("%+v", w.State())
		}
	})
}

// The rules may change while an attempt is begun: what it finds out is of one server,
// and the proof is of another.
func TestAnAttemptIsOfTheRulesThatItBeganWith(t *testing.T) {
	var hook atomic.Pointer[func()]
	o := Options{Server: func(queue.Route) Server {
		if do := hook.Swap(nil); do != nil {
			(*do)()
		}
		return Server{Host: "smtp.example"}
	}}
	scripted(t, o, func(t *testing.T, s *script, w *Watcher) {
		s.happen(atHome(), nil)
		change := func() {
			w.mu.Lock()
			w.epoch++ // as reconsider does
			w.mu.Unlock()
		}
		hook.Store(&change)
		try(t, w, "work", fails(queue.StepConnect, func(f *queue.RouteFault) { f.Unproven = false }))
		if s := w.Standing("work"); s.Fault != "" {
			t.Errorf("the fault of the server before is the one of this: %+v", s)
		}
	})
}

// The machine is about to sleep just as the session is open. What is on its way
// still has its answers, and a refusal is whoever's it may be.
func TestASessionWithoutTLSIsCarefulThoughItWasCalledOff(t *testing.T) {
	h := &hotel{}
	o := Options{Dial: h.dial, Server: func(queue.Route) Server { return Server{Host: "smtp.example", Bare: true} }}
	scripted(t, o, func(t *testing.T, s *script, w *Watcher) {
		s.happen(atHome(), nil)
		ctx, cancel := context.WithCancel(t.Context())
		session, _ := w.Prove(&calledOff{cancel: cancel}).Open(ctx, "work")
		if _, careful := session.(*bareSession); !careful {
			t.Errorf("%T", session)
		}
	})
}

// A calledOff opens a session at the very moment when nobody wants it any more.
type calledOff struct {
	bareServer
	cancel func()
}

func (c *calledOff) Open(context.Context, queue.Route) (queue.Session, *queue.RouteFault) {
	c.cancel()
	return &c.bareServer, nil
}
