// Package trace lets a person listen to the dialogues of a live server. Those
// who listen get what the server has told so far without ever slowing it: who
// reads too slowly loses lines, and is told how many.
package trace

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// mostListeners bounds those who listen at once.
	mostListeners = 16
	// heldLines is how many lines wait for one.
	heldLines = 1024
	// patience is how long one may take to read a line.
	patience = 2 * time.Second
)

// The directions of a Line. The words stand in docs/json.md, for good.
const (
	In      = "in"      // what the client said
	Out     = "out"     // what it was answered
	Body    = "body"    // of a message: octets as they come, and last, with Octets, how many
	Note    = "note"    // what the server did: connect, disconnect, a refusal
	Missing = "missing" // lines that the listener was too slow for
)

// A Line is one of a dialogue, in --json.
type Line struct {
	At time.Time `json:"at"`
	// Session tells the dialogues apart; it is 0 for Missing.
	Session   uint64 `json:"session"`
	Port      string `json:"port,omitempty"`
	Client    string `json:"client,omitempty"`
	Direction string `json:"direction"`
	Text      string `json:"text"`
	// Octets of a whole message, and Lost the number of lines that are Missing.
	Octets int64 `json:"octets,omitempty"`
	Lost   int   `json:"lost,omitempty"`

	addr netip.Addr
}

// Of is a line of the client at addr.
func Of(addr netip.Addr, l Line) Line {
	l.addr = addr.Unmap()
	return l
}

// A Request says what a listener wants to hear.
type Request struct {
	// Clients are networks; none: all.
	Clients []netip.Prefix `json:"clients,omitempty"`
	// Port is the name of a listener; "": all.
	Port string `json:"port,omitempty"`
	// Body: messages themselves, not only their size.
	Body bool `json:"body,omitempty"`
}

func (r Request) wants(l Line) bool {
	if r.Port != "" && r.Port != l.Port {
		return false
	}
	for _, net := range r.Clients {
		if net.Contains(l.addr) {
			return true
		}
	}
	return len(r.Clients) == 0
}

// A Hub passes lines on. Without a listener, telling it costs the reading of
// one number.
type Hub struct {
	now       func() time.Time
	listening atomic.Int32 // how many listen
	bodies    atomic.Int32 // how many of them want messages

	mu        sync.Mutex
	listeners map[*listener]struct{}
}

type listener struct {
	Request
	lines chan Line
	lost  atomic.Int64
}

// NewHub makes one.
func NewHub(now func() time.Time) *Hub {
	return &Hub{now: now, listeners: make(map[*listener]struct{})}
}

// Listened says that somebody listens; Bodies that somebody wants messages.
func (h *Hub) Listened() bool { return h != nil && h.listening.Load() > 0 }

// Bodies says that somebody wants the messages themselves.
func (h *Hub) Bodies() bool { return h != nil && h.bodies.Load() > 0 }

// Tell passes a line on to who wants it, and waits for nobody.
func (h *Hub) Tell(l Line) {
	if !h.Listened() {
		return
	}
	if l.At.IsZero() {
		l.At = h.now()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for to := range h.listeners {
		if !to.wants(l) {
			continue
		}
		if l.Direction == Body && l.Octets == 0 && !to.Body {
			continue
		}
		select {
		case to.lines <- l:
		default:
			to.lost.Add(1)
		}
	}
}

// join adds a listener, or is nil where too many listen.
func (h *Hub) join(r Request) *listener {
	l := &listener{Request: r, lines: make(chan Line, heldLines)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.listeners) >= mostListeners {
		return nil
	}
	h.listeners[l] = struct{}{}
	h.listening.Add(1)
	if r.Body {
		h.bodies.Add(1)
	}
	return l
}

func (h *Hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, l)
	h.listening.Add(-1)
	if l.Body {
		h.bodies.Add(-1)
	}
}

// Serve writes lines to conn, an object a line, until the listener goes or ctx
// ends; then it closes conn. request is the JSON of a Request.
func (h *Hub) Serve(ctx context.Context, conn net.Conn, request string) {
	defer conn.Close()
	out := json.NewEncoder(conn)
	var r Request
	if err := json.Unmarshal([]byte(request), &r); err != nil {
		h.turnAway(out, "this agent does not understand what is asked of it: it is of another version")
		return
	}
	l := h.join(r)
	if l == nil {
		h.turnAway(out, fmt.Sprintf("%d others listen already", mostListeners))
		return
	}
	defer h.leave(l)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		io.Copy(io.Discard, conn) //nolint:errcheck // it has gone, whatever the error
	}()
	if conn.SetDeadline(time.Time{}) != nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case line := <-l.lines:
			if h.pass(conn, out, l, line) != nil {
				return
			}
		}
	}
}

// pass writes a line, and before it how many are missing.
func (h *Hub) pass(conn net.Conn, out *json.Encoder, l *listener, line Line) error {
	if err := conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if lost := l.lost.Swap(0); lost > 0 {
		missing := Line{At: h.now(), Direction: Missing, Lost: int(lost), Text: fmt.Sprintf("about here %d lines are missing: they came faster than they were read", lost)}
		if err := out.Encode(missing); err != nil {
			return err
		}
	}
	return out.Encode(line)
}

func (h *Hub) turnAway(out *json.Encoder, why string) {
	// Who asked may have gone.
	_ = out.Encode(Line{At: h.now(), Direction: Note, Text: why})
}
