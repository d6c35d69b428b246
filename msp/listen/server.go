// Package listen takes mail in from programs of this machine that speak SMTP:
// on loopback TCP, on a Unix socket, or on standard input and output
// (sendmail -bs). Nobody logs in; the system says who the peer is.
//
// Prefer the Unix socket: the kernel vouches for its peer's user. Any local
// user can connect to a loopback port. On Linux the owner of the connection is
// looked up and other users are refused; elsewhere it cannot be told, and a
// loopback listener takes mail from every user of the machine.
//
// The SMTP server is go-smtp; a guard stands between it and the connection
// and lets only octets through whose meaning is certain.
package listen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/load"
	"mailcrane/internal/socket"
	"mailcrane/internal/sysexits"
)

// Options are the bounds of a Server. A zero field has the value given with it.
type Options struct {
	// Access says whose mail is taken; zero: this process's user and root.
	Access Access
	// Hostname stands in the greeting, which only local programs see; "localhost".
	Hostname string
	// MaxSize is the octets of one message, line ends as CRLF; 100 MiB, at
	// most 2 GiB - 1 in one BDAT chunk.
	MaxSize int64
	// MaxRecipients of one message; 1000.
	MaxRecipients int
	// MaxConnections at once, over all listeners; 50. One more is told 421.
	MaxConnections int
	// MaxPerUser of them are one user's at the most, root's apart; 0 is no bound.
	MaxPerUser int
	// MaxErrors is the 5yz replies after which a session ends with 421; 20.
	MaxErrors int
	// Idle is how long a client may be silent where a command is due; 5 minutes
	// (RFC 5321 section 4.5.3.2.7).
	Idle time.Duration
	// Block is how long it may be silent within a message, for each read; 3
	// minutes (RFC 5321 section 4.5.3.2.5).
	Block time.Duration
	// Grace is how long a message under way may take once the server is told
	// to stop; 10 seconds.
	Grace time.Duration
	// NoDSN offers no DSN (RFC 3461), and refuses its parameters.
	NoDSN bool
	// Answer answers what a user asks of the mail that is its own, and returns
	// when all is said; nil: nothing can be asked. See Question.
	Answer func(ctx context.Context, q Question, w io.Writer)
	// Load is the machine's load and its limits; zero: it has none.
	Load Load
	// Now is the clock that FUTURERELEASE goes by; nil: time.Now.
	Now func() time.Time
	// Left, if not nil, is called when a client has gone, from several goroutines.
	Left func()
	// Log hears of refused peers and of faults in this program; nil: nobody does.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Hostname = cmp.Or(o.Hostname, "localhost")
	o.MaxSize = cmp.Or(o.MaxSize, 100<<20)
	o.MaxRecipients = cmp.Or(o.MaxRecipients, 1000)
	o.MaxConnections = cmp.Or(o.MaxConnections, 50)
	o.MaxErrors = cmp.Or(o.MaxErrors, 20)
	o.Idle = cmp.Or(o.Idle, 5*time.Minute)
	o.Block = cmp.Or(o.Block, 3*time.Minute)
	o.Grace = cmp.Or(o.Grace, 10*time.Second)
	o.Load.LogInterval = cmp.Or(o.Load.LogInterval, 3*time.Hour)
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return o
}

// A Server takes submissions. It may serve several listeners at once.
type Server struct {
	submit Submit
	limits Options
	slots  chan struct{}
	users  crowd
	asking chan struct{} // holds a token while a question is answered
	loaded load.Refusals
	door   *door
}

// New makes a Server that hands every message to submit, which is called from
// many goroutines.
func New(submit Submit, o Options) *Server {
	o = o.withDefaults()
	return &Server{submit: submit, limits: o, slots: make(chan struct{}, o.MaxConnections), asking: make(chan struct{}, 1), door: newDoor()}
}

// Serve answers clients of l until ctx is done, and closes l. It then tells
// clients that wait 421, lets messages under way be finished for Grace, cuts
// off what is left, and returns nil. An error means that l failed, or that it
// can be reached from other machines.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	defer l.Close()
	if err := localOnly(l.Addr()); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	s.door.opened(l)
	defer s.door.closed(l)
	var clients sync.WaitGroup
	defer clients.Wait()
	for {
		c, err := s.accept(ctx, l)
		if err != nil || c == nil {
			return err
		}
		clients.Go(func() {
			s.welcome(ctx, c)
			s.door.left()
			if s.limits.Left != nil {
				s.limits.Left()
			}
		})
	}
}

// accept returns nil, nil when ctx is done.
func (s *Server) accept(ctx context.Context, l net.Listener) (net.Conn, error) {
	const pause = 100 * time.Millisecond // for descriptors to be given back
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			s.door.entered()
			return c, nil
		case ctx.Err() != nil:
			return nil, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.door.wait(l, ctx.Done())
			continue
		case !socket.Scarce(err):
			return nil, fmt.Errorf("listening on %v: %w", l.Addr(), err)
		}
		s.limits.Log.Warn("a connection could not be accepted", "listener", l.Addr().String(), "error", err)
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(pause):
		}
	}
}

// welcome serves one connection if there is room and its peer may submit.
func (s *Server) welcome(ctx context.Context, c net.Conn) {
	g := newGuard(c, s.limits, false)
	if l := &s.limits.Load; s.loaded.Refuse(l.limit(l.Refuse), c.LocalAddr().String(), time.Now(), s.limits.Log) {
		g.write("421 4.3.2 This machine is too busy to take mail over SMTP just now; try again in a few minutes")
		_ = g.Close()
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		// No lingering here: it would need the room that there is not.
		g.write("421 4.3.2 Too many connections; try again in a moment")
		_ = g.Close()
		return
	}
	who, err := s.limits.Access.admit(c)
	if err != nil {
		s.limits.Log.Warn("a peer was refused", "listener", c.LocalAddr().String(), "error", err)
		_ = g.cut(refusePeer(err))
		return
	}
	if who.known && !s.users.enter(who.uid, s.limits.MaxPerUser) {
		g.write("421 4.3.2 You have too many connections open; try again in a moment")
		_ = g.Close()
		return
	}
	defer s.users.leave(who)
	g.owner = who.owner(s.limits.Access)
	g.slowDown()
	if err := s.serve(ctx, g, who.words); err != nil {
		s.limits.Log.Info("a session was cut off", "listener", c.LocalAddr().String(), "reason", err)
	}
}

// ServeStdio is sendmail -bs: one session on in and out, whose user is the
// caller. Commands and bodies may have LF for CRLF, and a whole dialogue may
// be piped in. It returns nil after QUIT and at the end of in, and an error
// that says why (exit code DataErr) if the session had to be cut off, as it is where
// in ends inside a message. A read of in under way when ctx ends is left behind.
func (s *Server) ServeStdio(ctx context.Context, in io.Reader, out io.Writer, submitter string) error {
	err := s.serve(ctx, newGuard(stdio{in, out}, s.limits, true), submitter)
	if err != nil {
		return sysexits.Errorf(sysexits.DataErr, "", "SMTP on standard input: %w", err)
	}
	return nil
}

// serve runs go-smtp on one connection. The contexts of messages under way
// outlive ctx by Grace.
func (s *Server) serve(ctx context.Context, g *guard, submitter string) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	client := &session{ctx: work, submit: s.submit, submitter: submitter, owner: g.owner, guard: g}
	g.ask = func(words []string) { s.answer(work, g, words) }
	served := make(chan struct{})
	go func() {
		defer close(served)
		// It returns when the guard is shut; that is no error.
		_ = s.goSMTP(client).Serve(&once{conn: g})
	}()
	select {
	case <-served:
	case <-ctx.Done():
		g.stop()
		grace := time.NewTimer(s.limits.Grace)
		defer grace.Stop()
		select {
		case <-served:
		case <-grace.C:
			cancel()
			g.abort()
			<-served
		}
	}
	client.wait()
	return g.end()
}

// goSMTP has no bounds of its own where the guard has better ones: its
// ReadTimeout covers a whole body, its size limit refuses a message of just
// that size and its line limit drops chunks.
func (s *Server) goSMTP(client *session) *smtp.Server {
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return client, nil }))
	srv.Domain = s.limits.Hostname
	srv.MaxLineLength = 0
	srv.MaxRecipients = s.limits.MaxRecipients
	srv.EnableSMTPUTF8 = true
	srv.EnableDSN = !s.limits.NoDSN
	srv.ErrorLog = errorLog{s.limits.Log}
	return srv
}

// A once is the listener of one connection: go-smtp serves nothing less.
type once struct {
	conn *guard
	used bool
}

func (o *once) Accept() (net.Conn, error) {
	if !o.used {
		o.used = true
		return o.conn, nil
	}
	<-o.conn.done
	return nil, net.ErrClosed
}

func (o *once) Close() error   { return nil }
func (o *once) Addr() net.Addr { return o.conn.LocalAddr() }

// errorLog takes what go-smtp logs: panics in Submit, with the stack.
type errorLog struct{ *slog.Logger }

func (l errorLog) Printf(format string, args ...any) { l.Error(fmt.Sprintf(format, args...)) }
func (l errorLog) Println(args ...any)               { l.Error(fmt.Sprintln(args...)) }

// refusePeer is the greeting for a peer that may not submit.
func refusePeer(err error) string {
	if sysexits.Code(err) == sysexits.NoPerm {
		return "554 5.7.1 " + oneLine(err.Error())
	}
	return "421 4.3.0 " + oneLine(err.Error())
}
