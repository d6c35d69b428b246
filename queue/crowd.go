package queue

import (
	"iter"
	"time"
)

const (
	// slowRoute is how long a route is at work before it counts as one that takes
	// long, as where nobody answers. Of these there may be so many more that they
	// and the others together are slowShare times MostRoutes: they must not keep the
	// mail of all others (law 3).
	slowRoute = 10 * time.Second
	slowShare = 5
)

// A crowd is the routes at work, and how many more there may be.
type crowd struct {
	server     *server
	now        time.Time
	fresh, all int
	// again is when the first of the fresh ones takes long; zero where that makes no
	// room.
	again time.Time
}

// room is that of the lines as they are.
func (s *server) room() *crowd {
	r := &crowd{server: s, now: s.Now()}
	if s.MostRoutes <= 0 {
		return r
	}
	for route, l := range s.lines {
		if l.carrier != nil && !s.near(route) {
			r.count(l.began)
		}
	}
	return r
}

func (r *Runner) near(route Route) bool { return r.Near != nil && r.Near(route) }

// full says that a queue run is at as many routes as it may be: one more begins when
// another has ended.
func (f *flush) full(route Route) bool {
	return f.MostRoutes > 0 && len(f.carriers) >= slowShare*f.MostRoutes && !f.near(route)
}

func (r *crowd) count(began time.Time) {
	r.all++
	if slow := began.Add(slowRoute); ahead(slow, r.now) {
		r.fresh++
		r.again = sooner(r.again, slow)
	}
}

// enter says whether one more route may begin, and counts it.
func (r *crowd) enter(route Route) bool {
	most := r.server.MostRoutes
	switch {
	case most <= 0 || r.server.near(route):
		return true
	case r.all >= slowShare*most:
		r.again = time.Time{}
		return false
	case r.fresh >= most:
		return false
	}
	r.count(r.now)
	return true
}

// wellFirst is the courses, those last whose route was down when it was tried last.
func (s *server) wellFirst(courses map[Route]*course) iter.Seq2[Route, *course] {
	return func(yield func(Route, *course) bool) {
		for _, down := range []bool{false, true} {
			for route, c := range courses {
				if c.line.plan.failed.IsZero() != down && !yield(route, c) {
					return
				}
			}
		}
	}
}
