package queue

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/sysexits"
)

// memory is Hosts for one process.
type memory struct {
	mu    sync.Mutex
	last  map[string]HostStatus
	taken bool // by another process
}

func (m *memory) Status(host string) (HostStatus, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last[host], nil
}

func (m *memory) Note(s HostStatus) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last[s.Host] = s
	return nil
}

func (m *memory) Hold(string) (func(), bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return func() {}, !m.taken, nil
}

func (w *world) remembers() *memory {
	m := &memory{last: make(map[string]HostStatus)}
	w.runner.Hosts = m
	w.runner.HostOf = func(r Route) string { return string(r) + ".test" }
	return m
}

// Coverage: B29, X2.
func TestAHostThatFailedLatelyIsNotTried(t *testing.T) {
	for _, c := range []struct {
		reason string
		ago    time.Duration
		exit   int
		run    Run
		opens  int
	}{
		{"a run from cron", time.Minute, sysexits.TempFail, Run{}, 0},
		{"it is long ago", 31 * time.Minute, sysexits.TempFail, Run{}, 1},
		{"it went well", time.Minute, sysexits.OK, Run{}, 1},
		{"a person asks", time.Minute, sysexits.TempFail, Run{Person: true}, 1},
		{"a run with a selector", time.Minute, sysexits.TempFail, Run{Want: func(Entry) bool { return true }}, 1},
		{"the clock was an hour ahead when that was written", -time.Hour, sysexits.TempFail, Run{}, 1},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		m := w.remembers()
		m.last["main.test"] = HostStatus{Host: "main.test", At: time.Now().Add(-c.ago), Exit: c.exit, Reply: "connection refused"}
		put(t, s, envelope("a@x.org"), "x")
		sum, err := w.runner.Run(t.Context(), c.run)
		if err != nil || w.opened() != c.opens {
			t.Errorf("%s: %d connections, want %d; %v", c.reason, w.opened(), c.opens, err)
		}
		if fault := sum.Faults["main"]; c.opens == 0 && (fault == nil || !strings.Contains(fault.Sentence(), "failed 1 minute ago") ||
			!strings.Contains(fault.Sentence(), "connection refused")) {
			t.Errorf("%s: the fault is %v", c.reason, fault)
		}
	}
}

func TestASessionIsWrittenDownForOthers(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	m := w.remembers()
	put(t, s, envelope("a@x.org"), "x")
	w.set(func() { w.down = lost() })
	w.flush()
	if got := m.last["main.test"]; got.Exit != sysexits.TempFail || !strings.Contains(got.Reply, "connection reset") {
		t.Errorf("after a failure: %+v", got)
	}
	w.set(func() { w.down = nil })
	w.flush()
	if got := m.last["main.test"]; got.Exit != sysexits.OK || got.At.IsZero() {
		t.Errorf("after a session: %+v", got)
	}
}

func TestANewWayOutComesBeforeWhatIsKnownOfTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.remembers()
		w.down = lost()
		put(t, s, envelope("a@x.org"), "x")
		stop := w.serve(nil)
		time.Sleep(29 * time.Minute)
		synctest.Wait()
		if w.opened() != 1 {
			t.Errorf("%d connections in 29 minutes, want one", w.opened())
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if w.opened() != 2 {
			t.Errorf("%d connections after half an hour, want two", w.opened())
		}
		w.set(func() { w.down = nil })
		w.changes <- struct{}{}
		synctest.Wait()
		if w.copies("a@x.org") != 1 {
			t.Error("a new way out has to wait for the host's status")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestASecondSessionWithAHostIsNotOpenedWhereOneIsAllowed(t *testing.T) {
	for _, single := range []bool{true, false} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.remembers().taken = true
		w.runner.Tuning.SingleThread = single
		put(t, s, envelope("a@x.org"), "x")
		sum := w.flush()
		if fault := sum.Faults["main"]; single && (fault == nil || !strings.Contains(fault.Sentence(), "another process has a session")) {
			t.Errorf("the fault is %v", fault)
		}
		if (w.opened() == 0) != single {
			t.Errorf("single %v: %d connections", single, w.opened())
		}
		if state, _ := s.RouteState("main"); state.Fault != nil {
			t.Errorf("the account counts as down: %s", state.Fault.Sentence)
		}
	}
}

// counted counts the sessions that are open at once.
type counted struct {
	*world
	closed int
}

func (c *counted) Open(ctx context.Context, r Route) (Session, *RouteFault) {
	if _, fault := c.world.Open(ctx, r); fault != nil {
		return nil, fault
	}
	return c, nil
}

func (c *counted) Close(context.Context) { c.set(func() { c.closed++ }) }

// Coverage: B42, B43.
func TestSeparateSessionsAreOneForEachMessage(t *testing.T) {
	for _, c := range []struct {
		reason        string
		separate      bool
		down          *RouteFault
		opens, closed int
	}{
		{"one for all", false, nil, 1, 1},
		{"one each", true, nil, 4, 4},
		{"a dead host is known to the run", false, lost(), 1, 0},
		{"nothing is remembered between jobs", true, lost(), 4, 0},
		{"but for a wrong password, which locks the account", true, &RouteFault{Step: StepAuth, Err: errors.New("535 no"), NeedsPerson: true}, 1, 0},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		session := &counted{world: w}
		w.runner.Transport, w.down, w.runner.Tuning.SeparateSessions = session, c.down, c.separate
		for range 4 {
			put(t, s, envelope("a@x.org"), "x")
		}
		sum := w.flush()
		if w.opened() != c.opens || session.closed != c.closed || (sum.Faults["main"] != nil) != (c.down != nil) {
			t.Errorf("%s: %d opened, %d closed; %+v", c.reason, w.opened(), session.closed, sum)
		}
	}
}
