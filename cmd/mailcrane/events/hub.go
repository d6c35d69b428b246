package events

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"mailcrane/netwatch"
	"mailcrane/queue"
)

const (
	// mostListeners bounds those who listen to the agent at once.
	mostListeners = 32
	// heldEvents is how many events wait for a listener; one that falls farther
	// behind is cut off, and nobody waits for it.
	heldEvents = 512
	// patience is how long a listener may take to read one event.
	patience = 2 * time.Second
	// progressPause is the shortest time between two events of one message's
	// progress.
	progressPause = 250 * time.Millisecond
)

// A Hub passes on what the agent does to those who listen. Without a listener
// it does nothing.
type Hub struct {
	now func() time.Time
	// standings is how each account stands now.
	standings func() map[queue.Route]netwatch.Standing
	also      func(map[queue.Route]netwatch.Standing)
	// looks has a value when it may have changed how an account stands.
	looks chan struct{}

	mu        sync.Mutex
	listeners map[chan Item]struct{}
	stood     map[queue.Route]netwatch.Standing // as it was told last
	progress  map[queue.ID]time.Time            // when it was told last
	needy     map[queue.Route]string            // the fault for which a log-in was asked
}

// NewHub makes one that asks standings how each account stands, and tells also,
// each time it has asked, where that is not nil.
func NewHub(now func() time.Time, standings func() map[queue.Route]netwatch.Standing, also func(map[queue.Route]netwatch.Standing)) *Hub {
	return &Hub{
		now: now, standings: standings, also: also, looks: make(chan struct{}, 1),
		listeners: make(map[chan Item]struct{}), progress: make(map[queue.ID]time.Time), needy: make(map[queue.Route]string),
	}
}

// listen has events come on the channel, which is closed for a listener that
// falls behind. The first ones tell how each account stands. It is nil where
// too many listen.
func (h *Hub) listen() (events chan Item, leave func()) {
	events = make(chan Item, heldEvents)
	stood := h.standings()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.listeners) >= mostListeners {
		return nil, nil
	}
	now := h.now()
	for route, s := range stood {
		if len(events) < heldEvents/2 {
			events <- routeEvent(route, nil, s, now)
		}
	}
	if len(h.listeners) == 0 {
		h.stood = stood
		clear(h.progress)
		clear(h.needy)
	}
	h.listeners[events] = struct{}{}
	return events, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.listeners, events)
	}
}

// tell passes an event on. The caller holds mu.
func (h *Hub) tell(e Item) {
	if e.At.IsZero() {
		e.At = h.now()
	}
	for events := range h.listeners {
		select {
		case events <- e:
		default:
			delete(h.listeners, events)
			close(events)
		}
	}
}

// Watch is told of every event of the queue runs. Soon after each but progress
// it is seen whether an account stands otherwise than it did.
func (h *Hub) Watch(e queue.Event) {
	if e.Kind != queue.Progress {
		defer ring(h.looks)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.listeners) == 0 {
		return
	}
	item := Item{ID: e.ID, From: e.From, Account: string(e.Route), Size: e.Size}
	switch e.Kind {
	case queue.Progress, queue.Begun:
		h.onWay(e, item)
	case queue.Settled:
		h.settled(e, item)
	case queue.Opened:
		item.Event = SessionOpened
		delete(h.needy, e.Route)
		h.tell(item)
	case queue.SessionEnded:
		cost := CostOf(*e.Session)
		item.Event, item.Session = SessionClosed, &cost
		h.tell(item)
	case queue.Closed, queue.Retry:
		h.loginNeeded(e, item)
	case queue.Ended:
		delete(h.progress, e.ID)
	default:
	}
}

// onWay tells how far a message is: now and then, and when all of it has been
// handed over.
func (h *Hub) onWay(e queue.Event, item Item) {
	now := h.now()
	if e.Octets > 0 && e.Octets < e.Size && now.Sub(h.progress[e.ID]) < progressPause {
		return
	}
	h.progress[e.ID] = now
	item.Event, item.Octets = Progress, e.Octets
	h.tell(item)
}

// settled tells what a server's reply has settled for good. What it has not is
// told when it is written down.
func (h *Hub) settled(e queue.Event, item Item) {
	switch e.Outcome.State() {
	case queue.Delivered:
		item.Event = Sent
	case queue.Failed:
		item.Event = Failed
	default:
		return
	}
	item.Address, item.Host, item.Reply = e.To, e.Outcome.Host(), e.Outcome.Reply().String()
	h.tell(item)
}

// loginNeeded tells once of a fault that it takes a log-in to mend.
func (h *Hub) loginNeeded(e queue.Event, item Item) {
	if !e.Fault.WantsLogin() || h.needy[e.Route] == e.Fault.Sentence() {
		return
	}
	h.needy[e.Route] = e.Fault.Sentence()
	item.Event, item.Why, item.Mend = LoginNeeded, e.Fault.Sentence(), e.Fault.Hint
	h.tell(item)
}

// look tells which accounts stand otherwise than they did.
func (h *Hub) look() {
	h.mu.Lock()
	none := len(h.listeners) == 0
	h.mu.Unlock()
	if none && h.also == nil {
		return
	}
	stands := h.standings()
	if h.also != nil {
		h.also(stands)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for route, s := range stands {
		before := h.stood[route]
		if before.Prospect != s.Prospect || before.Reason != s.Reason || before.Fault != s.Fault || before.Hint != s.Hint {
			h.tell(routeEvent(route, &before, s, h.now()))
		}
	}
	h.stood = stands
}

// turnAway says why nothing is told.
func turnAway(conn net.Conn, now time.Time) {
	if conn.SetWriteDeadline(time.Now().Add(patience)) == nil {
		why := fmt.Sprintf("%d others listen to the agent already: how far a message is and how accounts stand is not told here", mostListeners)
		json.NewEncoder(conn).Encode(Item{Event: Missed, At: now, Why: why}) //nolint:errcheck,errchkjson // it has gone
	}
}

// Serve writes events to conn until the listener leaves, falls behind, or ctx
// ends; then it closes conn.
func (h *Hub) Serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	events, leave := h.listen()
	if events == nil {
		turnAway(conn, h.now())
		return
	}
	defer leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		io.Copy(io.Discard, bufio.NewReaderSize(conn, 16)) //nolint:errcheck // it has gone, whatever the error
	}()
	if conn.SetDeadline(time.Time{}) != nil {
		return
	}
	out := json.NewEncoder(conn)
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-events:
			if !ok || conn.SetWriteDeadline(time.Now().Add(patience)) != nil || out.Encode(e) != nil {
				return
			}
		}
	}
}
