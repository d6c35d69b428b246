//go:build unix

package lda

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"mailcrane/internal/socket"
	"mailcrane/internal/visible"
	"mailcrane/mta/aliases"
	"mailcrane/mta/local"
	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// A Server answers requests.
type Server struct {
	Agent     local.Agent
	Authority *Authority
	// Opener opens files as their users.
	Opener aliases.Opener
	Log    *slog.Logger
	// IdleExit ends Serve after so long without a request; 0 never does.
	IdleExit time.Duration
}

const (
	// mostRequests are answered at once, and the others wait.
	mostRequests = 64
	// requestTime is how long a client may take to send a piece of what it wants.
	requestTime = time.Minute
	// inMemory is the most octets of a message that is kept in memory.
	inMemory = 1 << 20
)

// Serve answers until ctx is done, or nobody has asked for IdleExit. What is under
// way is finished.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	context.AfterFunc(ctx, func() { _ = l.Close() }) // it is over either way
	var idle *time.Timer
	var busy atomic.Int32
	if s.IdleExit > 0 {
		idle = time.AfterFunc(s.IdleExit, func() {
			if busy.Load() == 0 {
				stop()
			}
		})
	}
	places := make(chan struct{}, mostRequests)
	var all sync.WaitGroup
	defer all.Wait()
	for {
		places <- struct{}{}
		conn, err := l.Accept()
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil
		case socket.Scarce(err):
			<-places
			time.Sleep(100 * time.Millisecond) // for descriptors to be given back
			continue
		default:
			return err
		}
		busy.Add(1)
		all.Go(func() {
			s.answer(context.WithoutCancel(ctx), conn)
			<-places
			if busy.Add(-1) == 0 && idle != nil {
				idle.Reset(s.IdleExit)
			}
		})
	}
}

// answer serves one connection.
func (s *Server) answer(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return
	}
	in := patient{c}
	var r request
	if err := get(in, &r); err != nil {
		s.Log.Warn("a request was not understood", "err", err)
		return
	}
	switch {
	case r.Version != version:
		s.say(c, answer{Reply: queue.Reply{Code: 451, Enhanced: "4.3.5", Text: "the local delivery agent is of another version: restart it"}})
	case r.Hello:
		s.say(c, answer{Reply: queue.Reply{Code: 220, Enhanced: "2.0.0", Text: "the local delivery agent is up"}})
	case r.Deliver != nil:
		s.say(c, answer{Reply: s.deliver(ctx, r.Deliver, in)})
	case r.Open != nil:
		s.open(ctx, c, r.Open)
	default:
		s.Log.Warn("a request asks for nothing")
	}
}

func (s *Server) say(c *net.UnixConn, a answer) {
	_ = c.SetWriteDeadline(time.Now().Add(requestTime)) // a connection that is gone says so below
	if err := put(c, a); err != nil {
		s.Log.Warn("an answer was not taken", "err", err)
	}
}

// patient gives each read its time.
type patient struct{ *net.UnixConn }

func (p patient) Read(b []byte) (int, error) {
	if err := p.SetReadDeadline(time.Now().Add(requestTime)); err != nil {
		return 0, err
	}
	return p.UnixConn.Read(b)
}

// deliver takes the message in, and does the job where it may be done.
func (s *Server) deliver(ctx context.Context, d *delivery, in io.Reader) queue.Reply {
	m := &letter{}
	defer m.close()
	if err := getMessage(m, in); err != nil {
		s.Log.Warn("a delivery broke off", "recipient", visible.Line(d.Recipient, 200), "err", err)
		return queue.Reply{Code: 451, Enhanced: "4.3.0", Text: "the local delivery agent could not take the message: " + err.Error()}
	}
	j := d.job(m.open)
	reply, may := s.Authority.permits(ctx, &j)
	if may {
		reply = s.Agent.Deliver(ctx, j)
	} else {
		s.Log.Warn("a delivery was refused that nobody has asked for", "by", visible.Line(d.By, 200), "target", visible.Line(d.Target, 200), "reply", reply.String())
	}
	s.Log.Info("delivery", "user", visible.Line(d.User, 200), "target", visible.Line(d.Target, 200), "by", visible.Line(d.By, 200), "size", d.Size, "reply", reply.String())
	return reply
}

// open opens a file as its user, and passes the descriptor on.
func (s *Server) open(ctx context.Context, c *net.UnixConn, o *opening) {
	if !s.Authority.mayOpen(ctx, o) {
		s.Log.Warn("a file was asked for that no delivery needs", "path", visible.Line(o.Path, 200), "uid", o.UID)
		s.say(c, answer{Denied: true, Wrong: "only a .forward, or a list that one names, is opened here"})
		return
	}
	f, err := s.Opener.Open(ctx, o.Kind, o.Path, o.UID)
	if err != nil {
		_, unsafe := errors.AsType[*safefile.Unsafe](err)
		s.say(c, answer{Missing: errors.Is(err, fs.ErrNotExist), Denied: errors.Is(err, fs.ErrPermission), Unsafe: unsafe, Wrong: err.Error()})
		return
	}
	defer f.Close()
	s.pass(c, f)
}

// A letter is a message while it is delivered: in memory, or in a file without a
// name.
type letter struct {
	text bytes.Buffer
	file *os.File
	size int64
}

// Write implements io.Writer.
func (m *letter) Write(p []byte) (int, error) {
	m.size += int64(len(p))
	if m.file == nil && m.size <= inMemory {
		return m.text.Write(p)
	}
	if m.file == nil {
		f, err := os.CreateTemp("", "mailcrane-lda-")
		if err != nil {
			return 0, err
		}
		m.file = f
		if err := os.Remove(f.Name()); err != nil {
			return 0, err
		}
		if _, err := f.Write(m.text.Bytes()); err != nil {
			return 0, err
		}
		m.text = bytes.Buffer{}
	}
	return m.file.Write(p)
}

func (m *letter) open() (io.ReadCloser, error) {
	if m.file == nil {
		return io.NopCloser(bytes.NewReader(m.text.Bytes())), nil
	}
	return io.NopCloser(io.NewSectionReader(m.file, 0, m.size)), nil
}

func (m *letter) close() {
	if m.file != nil {
		_ = m.file.Close() // it has no name, and goes
	}
}
