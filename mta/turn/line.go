package turn

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"mailcrane/queue"
	"mailcrane/smarthost/relay"
)

// route is what the queue calls the connection.
func (p peer) route() queue.Route { return queue.Route("turn:" + p.domains[0]) }

// A router has all mail go over the turned connection.
type router struct {
	queue.Router
	route queue.Route
}

func (r router) Route(*queue.Envelope) (queue.Route, error) { return r.route, nil }

// always is the reach of a connection that is there.
type always struct{}

func (always) Verdict(queue.Route) queue.Verdict { return queue.Verdict{Try: true} }
func (always) Changes() <-chan struct{}          { return nil }

// A line is the Transport and the Session of a turned connection: there is no
// other, and it stays open until the run is over.
type line struct {
	*relay.Session

	mu           sync.Mutex
	taken, broke bool
}

// errOver is why nothing more goes over the connection.
var errOver = errors.New("the connection that the client had made is over")

// farewellTime is how long the client may take for its last word.
const farewellTime = 10 * time.Second

// open begins the session on conn.
func (d *Desk) open(ctx context.Context, to peer, conn net.Conn) (*line, *queue.RouteFault) {
	var once sync.Once
	s, fault := relay.Open(ctx, relay.Target{
		Server: to.domains[0], Address: remote(conn), Mode: relay.Insecure, // TLS is on it already, where it is
		Hello: d.Hostname, Timeouts: d.Timeouts, Now: d.Now,
		Dial: func(context.Context, string, string) (got net.Conn, err error) {
			err = errOver
			once.Do(func() { got, err = conn, nil })
			return got, err
		},
	})
	if fault != nil {
		return nil, fault
	}
	return &line{Session: s}, nil
}

// remote is the address of the other end, as a fault shows it.
func remote(conn net.Conn) string {
	if a := conn.RemoteAddr(); a != nil && strings.Contains(a.String(), ":") {
		return a.String()
	}
	return "localhost:0"
}

// Open implements queue.Transport, for one lane at a time.
func (l *line) Open(context.Context, queue.Route) (queue.Session, *queue.RouteFault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken || l.broke {
		return nil, &queue.RouteFault{Step: queue.StepConnect, Err: errOver, NeedsPerson: l.broke}
	}
	l.taken = true
	return l, nil
}

// Deliver implements queue.Session.
func (l *line) Deliver(ctx context.Context, d *queue.Delivery) *queue.RouteFault {
	fault := l.Session.Deliver(ctx, d)
	if fault != nil {
		l.mu.Lock()
		l.broke = true
		l.mu.Unlock()
	}
	return fault
}

// Close leaves the connection to the next message of the run.
func (l *line) Close(context.Context) {
	l.mu.Lock()
	l.taken = false
	l.mu.Unlock()
}

// hangUp ends the session, also where ctx has ended.
func (l *line) hangUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTime)
	defer cancel()
	l.Session.Close(ctx)
}
