package netwatch

import (
	"context"
	"errors"
	"testing"
	"time"

	"mailcrane/queue"
)

// An opener of sessions that does as it is told.
type transport func(ctx context.Context) *queue.RouteFault

func (t transport) Open(ctx context.Context, _ queue.Route) (queue.Session, *queue.RouteFault) {
	return nil, t(ctx)
}

func refused(context.Context) *queue.RouteFault {
	return &queue.RouteFault{Step: queue.StepConnect, Server: "smtp.example.org:465", Err: errors.New("refused")}
}

func reached(context.Context) *queue.RouteFault { return nil }

func TestARouteIsProvedByASessionUntilTheNetworkChanges(t *testing.T) {
	scripted(t, Options{}, func(t *testing.T, s *script, w *Watcher) {
		s.happen(atHome(), nil)
		pass(time.Minute)
		at := time.Now()
		w.Prove(transport(reached)).Open(t.Context(), "work")
		if got := w.Standing("work"); !got.Proved.Equal(at) || got.Fault != "" || got.Prospect != Reachable {
			t.Errorf("after a session: %+v", got)
		}
		if got := w.Standing("home"); got.Prospect != Untried || !got.Proved.IsZero() {
			t.Errorf("another route: %+v", got)
		}
		pass(time.Minute)
		w.Prove(transport(refused)).Open(t.Context(), "work")
		got := w.Standing("work")
		if !got.Proved.Equal(at) || !got.Failed.Equal(at.Add(time.Minute)) ||
			got.Fault != "smtp.example.org:465, connecting: refused" || got.Prospect != Unreachable {
			t.Errorf("after a fault: %+v", got)
		}
		w.Prove(transport(reached)).Open(t.Context(), "work")
		if got := w.Standing("work"); got.Fault != "" {
			t.Errorf("a fault is not forgotten: %+v", got)
		}
		s.happen(noRoute(), nil)
		if got := w.Standing("work"); got.Prospect != LinkAlone || !got.Proved.IsZero() || got.Fault != "" {
			t.Errorf("on another network: %+v", got)
		}
	})
}

func TestASessionOfThePastProvesNothing(t *testing.T) {
	scripted(t, Options{}, func(t *testing.T, s *script, w *Watcher) {
		s.happen(atHome(), nil)
		pass(time.Minute)
		slow := transport(func(context.Context) *queue.RouteFault {
			s.happen(noRoute(), nil)
			return nil
		})
		w.Prove(slow).Open(t.Context(), "work")
		if got := w.Standing("work"); !got.Proved.IsZero() {
			t.Errorf("proved by a session from before the change: %+v", got)
		}
	})
}

func TestAnAttemptThatWasBrokenOffSaysNothing(t *testing.T) {
	scripted(t, Options{}, func(t *testing.T, s *script, w *Watcher) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w.Prove(transport(refused)).Open(ctx, "work")
		if got := w.Standing("work"); got.Prospect == Unreachable || got.Fault != "" {
			t.Errorf("%+v", got)
		}
	})
}
