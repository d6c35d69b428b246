package queue

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/sysexits"
)

// A notebook is a log that is read while it is written.
type notebook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (n *notebook) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(b)
}

func (n *notebook) lines() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Split(strings.TrimSpace(n.text.String()), "\n")
}

func TestAPortalIsTriedAgainAndAgainAndSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testSpool(t))
		var log notebook
		w.runner.Log = slog.New(slog.NewTextHandler(&log, nil))
		hosts := &memoryHosts{}
		w.runner.Hosts = hosts
		captive := *inPortal
		captive.Cost = Cost{Sent: 1500, RoundTrips: 2}
		w.set(func() { w.down = &captive })
		put(t, w.runner.Spool, envelope("a@x.org"), "x")
		stop := w.serve(make(chan struct{}))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if n := w.opened(); n < 200 || n > 300 {
			t.Errorf("%d tries in five minutes", n)
		}
		if got := log.lines(); len(got) != 1 || !strings.Contains(got[0], "route is down") {
			t.Errorf("%d lines in the log, the first of them %q", len(got), got[0])
		}
		if hosts.exit != sysexits.OK {
			t.Error("the portal is taken for the host's failure")
		}
		w.set(func() { w.down = nil })
		began := time.Now()
		for w.copies("a@x.org") == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it left %v after the portal was open", took)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Coverage: portal.
func TestAnIdleQueueTriesNoPortal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testSpool(t))
		w.set(func() { w.down = inPortal })
		stop := w.serve(make(chan struct{}))
		time.Sleep(24 * time.Hour)
		if n := w.opened(); n > 0 {
			t.Errorf("%d tries", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// memoryHosts keeps the last status.
type memoryHosts struct{ exit int }

func (h *memoryHosts) Status(string) (HostStatus, error) { return HostStatus{}, nil }
func (h *memoryHosts) Note(s HostStatus) error           { h.exit = s.Exit; return nil }
func (h *memoryHosts) Hold(string) (func(), bool, error) { return func() {}, true, nil }

func TestTheWaitInAPortalIsPartOfThePause(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for waited, want := range map[time.Duration]time.Duration{
		0: portalPause, time.Second: portalPause - time.Second, time.Minute: leastPortalPause,
	} {
		p := newPlan(func() float64 { return 0 }, begin)
		fault := *inPortal
		fault.Waited = waited
		if got := p.down(begin, &fault); got != want {
			t.Errorf("after %v: %v, want %v", waited, got, want)
		}
	}
}

func TestAnOpenIsStirredByTwo(t *testing.T) {
	var outer stirring
	ctx := context.WithValue(t.Context(), stirringKey{}, &outer)
	within, stir, end := WithStir(ctx)
	told := 0
	leave := OnStir(within, func() { told++ })
	outer.tell()
	stir()
	if told != 2 || outer.times() != 1 {
		t.Errorf("told %d times, and the other %d", told, outer.times())
	}
	leave()
	end()
	outer.tell()
	stir()
	if told != 2 || len(outer.told) > 0 {
		t.Errorf("told %d times, %d left", told, len(outer.told))
	}
}
