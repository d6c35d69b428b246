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

// route is the message's route; errUnread if it cannot be read, and another
// error if no account carries it.
func (g *guide) route(n Name) (Route, error) {
	g.mu.Lock()
	route, apart := g.apart[n.ID]
	// An edit may have given it another sender than its Key is of.
	keyed := !apart && n.Key != 0 && !n.Edited && !g.runner.ByRecipient
	if keyed {
		route = g.byKey[n.Key]
	}
	g.mu.Unlock()
	if route != "" {
		return route, nil
	}
	route, err := g.runner.routeOf(n)
	switch {
	case err == nil && keyed:
		learn(g, g.byKey, n.Key, route)
	case err == nil && (n.Edited || g.runner.ByRecipient):
		learn(g, g.apart, n.ID, route)
	}
	return route, err
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
	learn(g, g.apart, m.Name.ID, own)
	return false
}

// learn remembers a route in one of the guide's tables, which begins anew when
// it is full: what was in it is found out again.
func learn[K comparable](g *guide, table map[K]Route, key K, route Route) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(table) >= maxLearnt {
		clear(table)
	}
	table[key] = route
}
