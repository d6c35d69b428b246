package main

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/queue"
)

// nodeWorld is a way out on which the hosts of *.hung.example say nothing, and all
// others take mail.
type nodeWorld struct {
	mu    sync.Mutex
	tries map[string]int // by route
}

func (*nodeWorld) Route(e *queue.Envelope) (queue.Route, error) {
	return queue.Route("esmtp:" + address.Domain(e.To[0].Address)), nil
}
func (*nodeWorld) ReturnTo(*queue.Envelope) string   { return "" }
func (*nodeWorld) Verdict(queue.Route) queue.Verdict { return queue.Verdict{Try: true} }
func (*nodeWorld) Changes() <-chan struct{}          { return nil }

func (w *nodeWorld) Open(ctx context.Context, r queue.Route) (queue.Session, *queue.RouteFault) {
	w.mu.Lock()
	w.tries[string(r)]++
	w.mu.Unlock()
	if strings.HasSuffix(string(r), "hung.example") {
		<-ctx.Done()
		return nil, &queue.RouteFault{Step: queue.StepConnect, Err: ctx.Err()}
	}
	return w, nil
}

func (*nodeWorld) Deliver(_ context.Context, d *queue.Delivery) *queue.RouteFault {
	for i := range d.To {
		d.Report(i, queue.OutcomeOf("host", queue.Reply{Code: 250, Enhanced: "2.0.0", Text: "ok"}))
	}
	return nil
}
func (*nodeWorld) Close(context.Context) {}

func (w *nodeWorld) tried(domain string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tries["esmtp:"+domain]
}

// Regression: the runs were made one after the other, so that a host which took hours
// for a message kept all others from their mail.
func TestAHostThatHangsKeepsNobodyElseFromETRN(t *testing.T) {
	spool := queue.NewSpool(t.TempDir(), queue.OS{}, time.Now)
	if err := spool.Prepare(); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"a@hung.example", "b@client.example"} {
		if _, err := spool.Put(t.Context(), &queue.Envelope{To: []queue.Recipient{{Address: to}}}, strings.NewReader("Subject: x\n\n")); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		w := &nodeWorld{tries: make(map[string]int)}
		n := newNodeRuns()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go n.serve(ctx, queue.Runner{
			Spool: spool, Router: w, Transport: w, Reach: w, Tuning: config.DefaultQueue(), Now: time.Now, ByRecipient: true,
			Log: slog.New(slog.DiscardHandler), Hostname: "us.example",
		})
		ask := func(domain string) {
			t.Helper()
			node, err := queue.ParseNode(domain)
			if err == nil {
				err = n.begin(node)
			}
			if err != nil {
				t.Error(err)
			}
		}
		for range 2 * mostNodes { // who asks for one again and again has one place
			ask("hung.example")
			time.Sleep(time.Second)
		}
		ask("client.example")
		time.Sleep(2 * nodePause)
		synctest.Wait()
		if hung, client := w.tried("hung.example"), w.tried("client.example"); hung != 1 || client != 1 {
			t.Errorf("the host that hangs was tried %d times, the other one %d", hung, client)
		}
		stop()
		synctest.Wait()
	})
}

func TestANodeThatIsAskedForOnceMoreHasOneMoreRun(t *testing.T) {
	n := newNodeRuns()
	node, err := queue.ParseNode("client.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		why     string
		do      func()
		waiting int
	}{
		{"asked for", func() { _ = n.begin(node) }, 1},
		{"twice before it began", func() { _ = n.begin(node) }, 1},
		{"under way", func() { n.slots <- struct{}{}; n.begun(<-n.waiting) }, 0},
		{"asked for meanwhile", func() { _ = n.begin(node) }, 0},
		{"over", func() { n.ended(node) }, 1},
		{"the second one under way", func() { n.slots <- struct{}{}; n.begun(<-n.waiting) }, 0},
		{"over too", func() { n.ended(node) }, 0},
	} {
		if step.do(); len(n.waiting) != step.waiting {
			t.Errorf("%s: %d wait", step.why, len(n.waiting))
		}
	}
	if len(n.asked) != 0 || len(n.slots) != 0 {
		t.Errorf("%v, and %d places are left behind", n.asked, len(n.slots))
	}
}
