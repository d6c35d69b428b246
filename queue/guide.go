package queue

import (
	"errors"
	"sync"
)

// errAstray says of a message that another route is its own.
var errAstray = errors.New("it goes by another account")

// maxLearnt bounds each thing that a guide remembers.
const maxLearnt = 50_000

// A guide finds the routes of messages by their names alone: those of one
// sender and account have one Key, so that one of them is read for all. The
// Key is a hint. Whoever claims a message asks the guide whether the route is
// right after all.
type guide struct {
	runner *Runner

	mu    sync.Mutex
	byKey map[uint32]Route
	// apart are the messages of another route than their Key says; "" where each
	// time must be asked anew.
	apart map[ID]Route
}

func (r *Runner) newGuide() *guide {
	return &guide{runner: r, byKey: make(map[uint32]Route), apart: make(map[ID]Route)}
}

// route is the message's route; false if it cannot be read, or if no account
// carries it.
func (g *guide) route(n Name) (Route, bool) {
	g.mu.Lock()
	route, ok := g.apart[n.ID]
	if !ok && n.Key != 0 {
		route, ok = g.byKey[n.Key]
	}
	g.mu.Unlock()
	if route != "" {
		return route, true
	}
	route, read := g.runner.routeOf(n)
	if read && !ok && n.Key != 0 {
		g.mu.Lock()
		if len(g.byKey) >= maxLearnt {
			clear(g.byKey)
		}
		g.byKey[n.Key] = route
		g.mu.Unlock()
	}
	return route, read
}

// right says that the route is the claimed message's own, and remembers the
// message if it is not.
func (g *guide) right(route Route, m *Message) bool {
	own, err := g.runner.Router.Route(m.Envelope)
	if err == nil && own == route {
		return true
	}
	if err != nil {
		own = ""
	}
	g.mu.Lock()
	if len(g.apart) >= maxLearnt {
		clear(g.apart) // they will be found out again
	}
	g.apart[m.Name.ID] = own
	g.mu.Unlock()
	return false
}
