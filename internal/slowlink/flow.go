package slowlink

import (
	"sync"
	"syscall"
	"time"
)

// A flow is one connection.
type flow struct {
	link     *Link
	up, down stream
	// client and server are its ends.
	client, server *Conn
	// changed is for whoever waits in Read or Write.
	changed *sync.Cond
	// dead: nothing that is sent arrives any more.
	dead bool
	// broken is how Read and Write fail.
	broken error
}

func (l *Link) newFlow() *flow {
	f := &flow{link: l, changed: sync.NewCond(&l.mu)}
	f.up = l.newStream(f, &l.up, Up)
	f.down = l.newStream(f, &l.down, Down)
	l.flows[f] = struct{}{}
	l.dialled++
	return f
}

func (l *Link) newStream(f *flow, on *line, way Way) stream {
	now := time.Now()
	return stream{
		flow: f, line: on, way: way, credit: l.shape.Buffer, window: initialWindow,
		heard: now, left: now, trip: 2 * l.shape.Delay,
	}
}

// reset ends the flow at both ends.
func (f *flow) reset() {
	f.dead, f.broken = true, syscall.ECONNRESET
	delete(f.link.flows, f)
	f.changed.Broadcast()
}

// A stream is one direction of a flow, from the sender's buffer to the
// receiver's.
type stream struct {
	flow *flow
	line *line
	way  Way

	unsent []byte
	// halted: nothing of it leaves any more.
	halted bool
	// finish: the end of the stream follows the last octet. abort: a reset goes
	// instead of what is unsent. Each leaves once.
	finish, finishLeft bool
	abort, abortLeft   bool
	// waits: it has a place in the line's turn, which it can use since.
	waits bool
	since time.Time
	// credit is what the receiver has room for, as far as the sender has heard.
	credit int

	// acked is what was acknowledged; trip is how long the last of it took. heard
	// is when the other end last sent anything, and left when we did.
	acked       int64
	trip        time.Duration
	heard, left time.Time
	// departed is when the piece began to leave that arrives now.
	departed time.Time
	// Slow start: what is on its way, the most of it in this round trip, what
	// may be; round counts octets from the beginning, as acked does.
	onWay, peak, window int
	round               int64

	unread []byte
	eof    bool
	// deaf: the receiver has closed.
	deaf bool
}

// A piece is what leaves at once.
type piece struct {
	octets        []byte
	finish, abort bool
	left          time.Time
}

// allowed is how many octets may leave now.
func (s *stream) allowed() int {
	if s.halted {
		return 0
	}
	n := min(len(s.unsent), s.credit)
	if s.line.link.shape.SlowStart {
		n = min(n, s.window-s.onWay)
	}
	return max(0, n)
}

// ask takes a place in the line's turn if anything can leave.
func (s *stream) ask(since time.Time) {
	end := s.abort || s.finish && !s.finishLeft && len(s.unsent) == 0
	if s.waits || s.abortLeft || s.flow.broken != nil || s.allowed() == 0 && !end {
		return
	}
	s.waits, s.since = true, since
	s.line.turn = append(s.line.turn, s)
}

// send is ask and serve.
func (s *stream) send() {
	s.ask(time.Now())
	s.line.serve()
}

// take is the next piece, of so many octets at the most.
func (s *stream) take(most int) piece {
	if s.abort {
		s.abortLeft, s.unsent = true, nil
		return piece{abort: true}
	}
	n := min(s.allowed(), most)
	p := piece{octets: s.unsent[:n:n]}
	s.unsent = s.unsent[n:]
	s.credit -= n
	s.onWay += n
	s.peak = max(s.peak, s.onWay)
	if len(s.unsent) == 0 && s.finish {
		s.finishLeft, p.finish = true, true
	}
	s.flow.changed.Broadcast()
	return p
}

// arrive is the other end of take.
func (s *stream) arrive(p piece) {
	l := s.flow.link
	s.departed = p.left
	if l.watch != nil && len(p.octets) > 0 && !s.flow.dead {
		l.aside(func() { l.watch(s.way, p.octets) })
	}
	if t := s.line.trip; t != nil && !s.flow.dead && s.line.arrived+int64(len(p.octets)) >= t.at {
		before := t.at - s.line.arrived
		s.put(p.octets[:before])
		p.octets = p.octets[before:]
		s.line.trip = nil
		l.aside(t.do)
	}
	switch {
	case s.flow.dead:
		return
	case p.abort:
		s.flow.reset()
		return
	}
	s.back().heard = time.Now()
	s.put(p.octets)
	if p.finish {
		s.eof = true
		if s.flow.up.eof && s.flow.down.eof {
			delete(l.flows, s.flow)
		}
	}
	s.flow.changed.Broadcast()
}

// put gives octets to the receiver.
func (s *stream) put(octets []byte) {
	n := len(octets)
	if n == 0 {
		return
	}
	s.line.arrived += int64(n)
	s.acknowledge(n)
	if s.deaf {
		back := s.back()
		back.abort = true
		back.send()
		return
	}
	s.unread = append(s.unread, octets...)
	s.flow.changed.Broadcast()
}

// back is the other direction.
func (s *stream) back() *stream {
	if s.way == Up {
		return &s.flow.down
	}
	return &s.flow.up
}

// acknowledge tells the sender, after the delay, what has arrived.
func (s *stream) acknowledge(n int) {
	departed := s.departed
	s.flow.link.later(s.flow.link.shape.Delay, func() {
		if s.flow.dead {
			return
		}
		s.acked += int64(n)
		s.heard, s.trip = time.Now(), time.Since(departed)
		if !s.flow.link.shape.SlowStart {
			return
		}
		// Twice the window only for who fills at least half of it (RFC 7661).
		if s.window < 2*s.peak {
			s.window += n
		}
		s.onWay -= n
		if s.acked >= s.round {
			s.round, s.peak = s.acked+int64(s.onWay), s.onWay
		}
		s.send()
	})
}

// give hands octets to the reader, and tells the sender of the room.
func (s *stream) give(p []byte) int {
	n := copy(p, s.unread)
	s.unread = s.unread[n:]
	s.flow.link.later(s.flow.link.shape.Delay, func() {
		if !s.flow.dead {
			s.credit += n
			s.send()
		}
	})
	return n
}
