package events

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailcrane/netwatch"
	"mailcrane/queue"
)

func quietHub() *Hub {
	return NewHub(time.Now, func() map[queue.Route]netwatch.Standing {
		return map[queue.Route]netwatch.Standing{"work": {Reason: "all is well"}}
	}, nil)
}

// linked runs a link to what agent answers, and returns what it tells.
func linked(t *testing.T, agent func() (net.Conn, error)) (told <-chan Item, socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "agent.sock")
	l, err := linkAgent(Options{Now: time.Now, Socket: socket, Agent: func(context.Context) (net.Conn, error) { return agent() }})
	if err != nil {
		t.Fatal(err)
	}
	items := make(chan Item)
	go l.run(t.Context(), func(e Item) {
		select {
		case items <- e:
		case <-t.Context().Done():
		}
	})
	return items, socket
}

func want(t *testing.T, told <-chan Item, event, why string) {
	t.Helper()
	select {
	case e := <-told:
		if e.Event != event || !strings.Contains(e.Why, why) {
			t.Fatalf("told %+v, not %s with %q", e, event, why)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("%s is not told", event)
	}
}

// Who is turned away asked again at once, and was turned away again, without end.
func TestWhoIsOneTooManyIsToldAndWaitsForAnotherAgent(t *testing.T) {
	h := quietHub()
	for range mostListeners {
		if events, _ := h.listen(); events == nil {
			t.Fatal("turned away too early")
		}
	}
	var calls atomic.Int32
	told, socket := linked(t, func() (net.Conn, error) {
		if calls.Add(1) > 1 {
			return nil, errors.New("it has ended")
		}
		near, far := net.Pipe()
		go h.Serve(t.Context(), far)
		return near, nil
	})
	want(t, told, AgentUp, "")
	want(t, told, Missed, "32 others listen")
	if n := calls.Load(); n != 1 {
		t.Errorf("the agent was asked %d times", n)
	}
	if err := os.WriteFile(socket, nil, 0o600); err != nil { // any change of it
		t.Fatal(err)
	}
	want(t, told, AgentDown, "ended")
}

// The agent was said to have ended, which it had not.
func TestAReaderThatWasCutOffIsToldThatItMissedSomething(t *testing.T) {
	h := quietHub()
	told, _ := linked(t, func() (net.Conn, error) {
		near, far := net.Pipe()
		go h.Serve(t.Context(), far)
		return near, nil
	})
	want(t, told, AgentUp, "")
	want(t, told, RouteUp, "")
	h.mu.Lock()
	for range 2 * heldEvents { // nobody reads them meanwhile
		h.tell(Item{Event: SessionOpened})
	}
	if len(h.listeners) > 0 {
		t.Error("a reader that is far behind is still listened for")
	}
	h.mu.Unlock()
	for {
		if e := <-told; e.Event != SessionOpened {
			if e.Event != Missed || !strings.Contains(e.Why, "too slowly") {
				t.Errorf("told %+v", e)
			}
			return
		}
	}
}

func TestWithoutAListenerAnEventCostsNothing(t *testing.T) {
	h := quietHub()
	e := queue.Event{Kind: queue.Progress, ID: "cemhx4cmm09d5", Octets: 1, Size: 2}
	if n := testing.AllocsPerRun(100, func() { h.Watch(e); h.look() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
