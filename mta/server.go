// Package mta is server mode: mail comes in over SMTP from the network, under an
// administrator's rules, and ends in the spool.
//
// The rooms below it each know one thing: smtpd speaks SMTP, policy decides,
// access and safefile read what the administrator wrote, names and dnsbl ask the
// name service, auth and certificate know who a client is. This package makes a
// server of them.
package mta

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/socket"
	"mailcrane/internal/sysexits"
	"mailcrane/mta/aliases"
	"mailcrane/mta/auth"
	"mailcrane/mta/names"
	"mailcrane/mta/policy"
	"mailcrane/mta/smtpd"
	"mailcrane/mta/watch"
	"mailcrane/queue"
)

// Options are what a Server works with.
type Options struct {
	// Spool is where the mail goes.
	Spool *queue.Spool
	// Run starts a queue run for a node, as ETRN asks for it; nil offers none.
	Run func(queue.Node) error
	// Turn has what waits for a peer sent over the peer's own connection, as ATRN
	// asks for it; nil offers none.
	Turn Turner
	// Resolver asks the name service; nil: that of the configuration.
	Resolver names.Resolver
	// Users are those of this machine; nil are the system's.
	Users aliases.Users
	// Opener opens lists and .forward files with the rights of their users; nil has
	// this process do it.
	Opener aliases.Opener
	// Hosts remembers for all processes how each exchanger was; nil is nothing.
	Hosts queue.Hosts
	// Load is the machine's, over the last minute, and Free how many octets fit on
	// the disk of a directory.
	Load func() float64
	Free func(dir string) (int64, error)
	Now  func() time.Time
	Log  *slog.Logger
	// Watch is told what happens; nil: only Log is.
	Watch *watch.Watch
}

// A Server takes mail in on all listeners of a configuration.
type Server struct {
	Options
	engine *smtpd.Server
	rules  atomic.Pointer[rules]
	number atomic.Uint64 // of the last client
	counts *policy.Counts
	// guesses are kept over a reload too.
	guesses *auth.Guesses

	mu      sync.Mutex
	ports   []*port
	serving context.Context // nil until Serve
	clients sync.WaitGroup
	failed  chan error
}

// A port is a listener that is open, and what the configuration says of it now.
type port struct {
	net.Listener
	is atomic.Pointer[config.Listener]
}

func newPort(l net.Listener, is *config.Listener) *port {
	p := &port{Listener: l}
	p.is.Store(is)
	return p
}

// New reads all that the configuration names, and opens no listener yet.
func New(c *config.Config, o Options) (*Server, error) {
	if len(c.MTA.Listeners) == 0 {
		return nil, sysexits.Errorf(sysexits.Config, "add a table [[mta.listen]] with: address = \"0.0.0.0:25\"",
			"%s has no [[mta.listen]], so that a server would listen nowhere", c.Path)
	}
	if o.Watch == nil {
		o.Watch = watch.New(watch.Options{Log: o.Log, Now: o.Now})
	}
	if o.Load != nil {
		o.Load = eachSecond(o.Load, o.Now)
	}
	s := &Server{Options: o, failed: make(chan error, 1), counts: policy.NewCounts(), guesses: auth.NewGuesses(o.Now)}
	r, err := s.read(c)
	if err != nil {
		return nil, err
	}
	s.rules.Store(r)
	s.engine = smtpd.New(s, r.limits(s))
	return s, nil
}

// Bind opens the listeners, and takes over those that the service manager has
// opened. It may need privileges that Serve does not.
func (s *Server) Bind(ctx context.Context, inherited *socket.Inheritance) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.rules.Load().config.MTA.Listeners {
		is := &s.rules.Load().config.MTA.Listeners[i]
		l, err := open(ctx, inherited, is)
		if err != nil && is.Optional {
			s.Log.Warn("listener left out", "address", is.Address, "err", err)
			continue
		}
		if err != nil {
			return errors.Join(err, s.closePorts())
		}
		s.ports = append(s.ports, newPort(l, is))
	}
	return nil
}

func (s *Server) closePorts() (err error) {
	for _, p := range s.ports {
		err = errors.Join(err, p.Close())
	}
	s.ports = nil
	return err
}

// Serve answers clients until ctx is done; it then lets messages under way be
// finished, and returns nil. An error is that of a listener.
func (s *Server) Serve(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s.rules.Load().certificates.Begin()
	s.mu.Lock()
	s.serving = ctx
	for _, p := range s.ports {
		s.start(ctx, p)
	}
	s.mu.Unlock()
	var err error
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	stop()
	s.mu.Lock()
	_ = s.closePorts() // they are shut whatever they say
	s.mu.Unlock()
	s.clients.Wait()
	last := s.rules.Load()
	last.end()
	polite, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	last.routing.Close(polite)
	s.endGreylist(last.greylist, nil)
	return err
}

// farewell is how long exchangers have to answer QUIT at the end of the server.
const farewell = 2 * time.Second

// Addresses are where the server listens.
func (s *Server) Addresses() (all []net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.ports {
		all = append(all, p.Addr())
	}
	return all
}

// CertificatesEnd is when each certificate of the server ends, by its file, or the
// name that ACME has it for.
func (s *Server) CertificatesEnd() map[string]time.Time { return s.rules.Load().certificates.Ends() }

// Fails is why mail cannot be taken in now, or nil: the rules cannot be read, or a
// listener of the configuration is not there.
func (s *Server) Fails() error {
	r := s.rules.Load()
	if err := r.access.Usable(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, is := range r.config.MTA.Listeners {
		if !is.Optional && s.portAt(is.Address) == nil {
			return fmt.Errorf("the server does not listen on %s", is.Address)
		}
	}
	if len(s.ports) == 0 {
		return errors.New("the server listens nowhere")
	}
	return nil
}

// start answers the clients of one listener. The caller holds the lock.
func (s *Server) start(ctx context.Context, p *port) {
	s.Log.Info("listening", "address", p.Addr().String(), "name", p.is.Load().PortName())
	s.clients.Go(func() {
		if err := s.accept(ctx, p); err != nil {
			select {
			case s.failed <- fmt.Errorf("listening on %s: %w", p.is.Load().Address, err):
			default: // another has failed already
			}
		}
	})
}

// accept returns nil when ctx is done, or the listener was closed.
func (s *Server) accept(ctx context.Context, p *port) error {
	const pause = 100 * time.Millisecond // for descriptors to be given back
	for {
		c, err := p.Accept()
		switch {
		case err == nil:
			s.clients.Go(func() { s.welcome(ctx, c, p.is.Load()) })
			continue
		case ctx.Err() != nil, errors.Is(err, net.ErrClosed):
			return nil
		case !socket.Scarce(err):
			return err
		}
		s.Log.Warn("a connection could not be accepted", "address", p.is.Load().Address, "err", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// welcome serves one client, whose address a proxy before us may tell.
func (s *Server) welcome(ctx context.Context, c net.Conn, is *config.Listener) {
	c, err := proxied(c, is)
	if err != nil {
		s.Log.Warn("a proxy was not understood", "address", is.Address, "from", c.RemoteAddr().String(), "err", err)
		_ = c.Close() // nothing was said on it
		return
	}
	s.engine.ServeConn(ctx, c, is)
}
