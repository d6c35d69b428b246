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
