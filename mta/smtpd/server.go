package smtpd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"mailcrane/internal/config"
)

// Options are the bounds of a Server. A zero field has the value given with it.
type Options struct {
	// Hostname is the server's name in replies; "localhost".
	Hostname string
	// MaxConnections at once, over all listeners (MaxDaemonChildren); 0 is no
	// bound. One more is told 421, unless a client that has long done nothing
	// can be sent away for it.
	MaxConnections int
	// MaxHeaders bounds the header section in octets (MaxHeadersLength); 0 is no
	// bound.
	MaxHeaders int64
	// BadRcptThrottle is the refused recipients of a transaction after which each
	// further RCPT waits a second, BadRcptShutdown those after which the
	// connection ends; 0 is none.
	BadRcptThrottle, BadRcptShutdown int
	// MaxNOOP is the NOOPs, HELPs and VERBs after which each takes longer
	// (MaxNOOPCommands); 20.
	MaxNOOP int
	// Help is the text for a topic of HELP, "" for none, and false where there is none;
	// nil is a list of the commands, whatever the topic.
	Help func(topic string) (lines []string, ok bool)
	// AllowBogusHELO takes a HELO without a name, or with one that is none.
	AllowBogusHELO bool
	// SoftBounce makes refusals of mail those of the moment: 5yz is 4yz.
	SoftBounce bool
	// Command is how long a whole command may take to come (Timeout.command; 1 h),
	// Block how long 1024 octets of a message (Timeout.datablock; 1 h), Auth a
	// step of AUTH (Timeout.auth; 10 min), StartTLS a handshake
	// (Timeout.starttls; 1 h).
	Command, Block, Auth, StartTLS time.Duration
	// Grace is how long a message under way may take once the server is told
	// to stop; 10 seconds.
	Grace time.Duration
	// Now is the clock that FUTURERELEASE goes by; nil: time.Now.
	Now func() time.Time
	// Log hears of faults and of clients that are cut off; nil: nobody does.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Hostname = cmp.Or(o.Hostname, "localhost")
	o.MaxNOOP = cmp.Or(o.MaxNOOP, 20)
	o.Command = cmp.Or(o.Command, time.Hour)
	o.Block = cmp.Or(o.Block, time.Hour)
	o.Auth = cmp.Or(o.Auth, 10*time.Minute)
	o.StartTLS = cmp.Or(o.StartTLS, time.Hour)
	o.Grace = cmp.Or(o.Grace, 10*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return o
}

// A Server serves any number of listeners.
type Server struct {
	backend Backend
	options atomic.Pointer[Options]

	mu      sync.Mutex
	clients map[*dialogue]struct{}
	// nobodyBefore is when the next look for an idle client is worth its while.
	nobodyBefore time.Time
}

// New makes a Server.
func New(backend Backend, o Options) *Server {
	s := &Server{backend: backend, clients: make(map[*dialogue]struct{})}
	s.SetOptions(o)
	return s
}

// SetOptions changes the bounds for clients that connect from now on.
func (s *Server) SetOptions(o Options) {
	o = o.withDefaults()
	s.options.Store(&o)
}

// Connections is the number of clients that are being served.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.clients)
}

// Serve answers clients of l until ctx is done, and closes l. Clients that
// wait are told 421 then; messages under way may be finished for Grace, what
// is left is cut off, and Serve returns nil. An error means that l failed.
func (s *Server) Serve(ctx context.Context, l net.Listener, port *config.Listener) error {
	defer l.Close()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	var clients sync.WaitGroup
	defer clients.Wait()
	for {
		c, err := s.accept(ctx, l)
		if err != nil || c == nil {
			return err
		}
		if d := s.enter(ctx, c, port); d != nil {
			clients.Go(d.serve)
		}
	}
}

// accept returns nil, nil when ctx is done.
func (s *Server) accept(ctx context.Context, l net.Listener) (net.Conn, error) {
	const pause = 100 * time.Millisecond // for descriptors to be given back
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			return c, nil
		case ctx.Err() != nil:
			return nil, nil
		case !scarce(err):
			return nil, fmt.Errorf("listening on %v: %w", l.Addr(), err)
		}
		s.options.Load().Log.Warn("a connection could not be accepted", "listener", l.Addr().String(), "error", err)
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(pause):
		}
	}
}

// scarce says that Accept may work again later.
func scarce(err error) bool {
	var temporary interface{ Temporary() bool }
	return errors.As(err, &temporary) && temporary.Temporary() || errors.Is(err, os.ErrDeadlineExceeded)
}

// ServeConn serves one client and closes c. When ctx is done it ends as Serve does.
func (s *Server) ServeConn(ctx context.Context, c net.Conn, port *config.Listener) {
	if d := s.enter(ctx, c, port); d != nil {
		d.serve()
	}
}

// enter makes room for a client, or is nil and has told it that there is none.
func (s *Server) enter(ctx context.Context, c net.Conn, port *config.Listener) *dialogue {
	o := s.options.Load()
	d := newDialogue(ctx, s, o, c, port)
	s.mu.Lock()
	room := o.MaxConnections <= 0 || len(s.clients) < o.MaxConnections || s.makeRoom(time.Now())
	if room {
		s.clients[d] = struct{}{}
	}
	s.mu.Unlock()
	if room {
		return d
	}
	if p, ok := s.backend.(Porter); ok {
		p.TurnedAway(remoteOf(c.RemoteAddr()).Addr(), port, "too many connections")
	}
	// Not lingered over: that would need the room that there is not.
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = fmt.Fprintf(c, "421 4.3.2 %s Too many connections; try again later\r\n", o.Hostname)
	_ = c.Close()
	return nil
}

// leastPatience is how long a client may do nothing when others wait for its place.
const leastPatience = 30 * time.Second

// makeRoom sends the client away that has got nowhere for longest: one that
// only holds a place must not keep others out. It is called with mu held, and
// looks through all clients at most as often as one of them could have come due.
func (s *Server) makeRoom(now time.Time) bool {
	if now.Before(s.nobodyBefore) {
		return false
	}
	var idlest *dialogue
	since := now.UnixNano()
	for d := range s.clients {
		if at := d.progress.Load(); at <= since && d.waits() {
			idlest, since = d, at
		}
	}
	due := time.Unix(0, since).Add(leastPatience)
	if idlest == nil || now.Before(due) {
		s.nobodyBefore = due
		return false
	}
	delete(s.clients, idlest)
	idlest.interrupt(crowdedOut)
	return true
}

func (s *Server) leave(d *dialogue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, d)
}
