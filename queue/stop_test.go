package queue

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// lingering is a transport whose servers never answer QUIT.
type lingering struct{ *world }

func (l lingering) Open(ctx context.Context, r Route) (Session, *RouteFault) {
	if _, fault := l.world.Open(ctx, r); fault != nil {
		return nil, fault
	}
	return l, nil
}

func (lingering) Close(ctx context.Context) { <-ctx.Done() }

// Coverage: B8.
func TestAStopDoesNotWaitForAServerThatDoesNotSayGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Transport = lingering{w}
		put(t, s, envelope("a@x.org"), "x")
		ctx, cancel := context.WithCancel(t.Context())
		const after = time.Hour
		time.AfterFunc(after, cancel)
		began := time.Now()
		_, _ = w.runner.Flush(ctx, nil)
		if took := time.Since(began); took != after+quitGrace {
			t.Errorf("the run ended %v after the stop, want %v", took-after, quitGrace)
		}
		if w.copies("a@x.org") != 1 {
			t.Error("the message has not gone")
		}
	})
}

// mute is a transport whose servers take a connection and never greet.
type mute struct{ *world }

func (mute) Open(ctx context.Context, _ Route) (Session, *RouteFault) {
	<-ctx.Done()
	return nil, &RouteFault{Server: "mx.test", Step: StepGreeting, Err: ctx.Err()}
}

func TestAStopWhileConnectingSaysNothingOfTheRoute(t *testing.T) {
	for name, separate := range map[string]bool{"one session": false, "a session for each message": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testSpool(t)
				w := newWorld(t, s)
				w.runner.Transport, w.runner.Tuning.SeparateSessions = mute{w}, separate
				hosts := w.remembers()
				put(t, s, envelope("a@x.org"), "x")
				put(t, s, envelope("b@x.org"), "x")
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				sum, _ := w.runner.Flush(ctx, nil)
				if len(sum.Faults) != 0 || sum.Waiting != 2 {
					t.Errorf("the run says %+v, want 2 waiting and no fault", sum)
				}
				if state, err := s.RouteState("main"); err != nil || !state.At.IsZero() {
					t.Errorf("the route is said to be %+v, %v, want nothing", state, err)
				}
				if len(hosts.last) != 0 {
					t.Errorf("the host is said to be %+v, want nothing", hosts.last)
				}
			})
		})
	}
}
