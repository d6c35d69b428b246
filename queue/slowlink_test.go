package queue

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slowly is a world with a link on which a connection and each message take a
// while.
type slowly struct {
	*world
	connect time.Duration
	order   []string
	// most sessions are allowed at once, 0 for any number.
	most, sessions int
}

func newSlowly(t *testing.T, s *Spool) *slowly {
	w := &slowly{world: newWorld(t, s), connect: 12 * time.Second}
	w.runner.Transport = w
	return w
}

func (w *slowly) Open(ctx context.Context, r Route) (Session, *RouteFault) {
	time.Sleep(w.connect)
	if _, fault := w.world.Open(ctx, r); fault != nil {
		return nil, fault
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.most > 0 && w.sessions == w.most {
		return nil, &RouteFault{Step: StepGreeting, Err: errors.New("421 one session is enough")}
	}
	w.sessions++
	return w, nil
}

func (w *slowly) Close(context.Context) { w.set(func() { w.sessions-- }) }

func (w *slowly) Deliver(ctx context.Context, d *Delivery) *RouteFault {
	w.set(func() { w.order = append(w.order, d.To[0].Address) })
	for sent := int64(0); sent < d.Size; sent += 1200 { // 9.6 kbit/s
		time.Sleep(time.Second)
		d.Progress(sent)
	}
	return w.world.Deliver(ctx, d)
}

func TestASmallMessageGoesBeforeALargeOneThatWasNotBegun(t *testing.T) {
	big := strings.Repeat("x\n", 50_000)
	for _, c := range []struct {
		reason string
		wait   time.Duration // from the start to the arrival
		want   []string
	}{
		{"while the session is being opened", 4 * time.Second, []string{"small@x.org", "big1@x.org", "big2@x.org"}},
		{"while a large one is sent", 30 * time.Second, []string{"big1@x.org", "small@x.org", "big2@x.org"}},
	} {
		for _, by := range []string{"agent", "flush"} {
			t.Run(by+", "+c.reason, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := testSpool(t)
					w := newSlowly(t, s)
					put(t, s, envelope("big1@x.org"), big)
					put(t, s, envelope("big2@x.org"), big+small)
					arrivals := make(chan struct{}, 1)
					if by == "agent" {
						stop := w.serve(arrivals)
						defer stop()
					} else {
						go w.runner.Flush(t.Context(), nil)
					}
					time.Sleep(c.wait)
					put(t, s, envelope("small@x.org"), small)
					arrivals <- struct{}{}
					time.Sleep(time.Hour)
					synctest.Wait()
					if !slices.Equal(w.order, c.want) {
						t.Errorf("went as %q, want %q", w.order, c.want)
					}
				})
			})
		}
	}
}
