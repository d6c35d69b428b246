package relay

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// A manner is how a session speaks: it takes what the server offers, and step
// by step less where the server turns out not to stand it.
type manner struct {
	// group: commands go out in groups, and message after message is streamed.
	group bool
	// chunks: messages go by BDAT.
	chunks bool
	// login: AUTH may share a flight with what follows.
	login bool
}

// patientStrikes is how many sessions in a row may break before the server is
// tried without groups: one can break by chance.
const (
	patientStrikes = 2
	patientResets  = 3
)

// resetFor is how long it is spared if nothing but resets speaks against it: a
// link may have been the cause after all.
const resetFor = 24 * time.Hour

// A doubt is what the sessions of this process have seen of a server that may
// not stand what it offers.
type doubt struct {
	// strikes are the sessions in groups that broke, one after another, before
	// the server had taken a message. login: the last had AUTH on the way.
	strikes int
	login   bool
	// resets are those of which the connection was reset: by a server that closes
	// it with octets of ours unread, or by the way to it.
	resets int
}

// groups says that the server is still trusted with groups.
func (d doubt) groups() bool { return d.strikes < patientStrikes && d.resets < patientResets }

// doubted is the doubt about the server.
func (m *Memory) doubted() doubt {
	if m == nil {
		return doubt{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.doubt
}

func (m *Memory) setDoubt(d doubt) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doubt = d
}

// firstManner is how a session with a server that offers caps begins.
func (t *Target) firstManner(caps Capabilities) manner {
	spare, d := t.Memory.Recall().Broken.Spare(t.Now(), caps), t.Memory.doubted()
	return manner{
		group:  caps.Pipelining && !spare.Pipelining && d.groups(),
		chunks: caps.Chunking && !spare.Chunking,
		login:  !spare.Login && !d.login,
	}
}

// manner is how the session speaks now.
func (s *Session) manner() manner {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.speaks
}

// less is the next step down after a doubtful reply, if there is one: without
// chunks where the server does not know them, else without groups first. fixed
// says that the message can only go by BDAT.
func (m manner) less(r reply, fixed bool) (manner, bool) {
	chunks := m.chunks && !fixed
	switch {
	case m.group && (r.code == 503 || !chunks):
		m.group = false
	case chunks:
		m.chunks = false
	default:
		return m, false
	}
	return m, true
}

// lostThread says that a reply sounds like that of a server that has lost the thread,
// or does not know what it offers: syntax, not implemented, bad sequence.
func (r reply) lostThread() bool { return r.code == 500 || r.code == 502 || r.code == 503 }

// worked takes note of a message that the server has taken in that manner,
// after it had not in the one before; they are equal where it was the first.
func (s *Session) worked(how, before manner) {
	s.mu.Lock()
	breaks := Breaks{Pipelining: before.group && !how.group, Chunking: before.chunks && !how.chunks}
	s.speaks.group, s.speaks.chunks = s.speaks.group && !breaks.Pipelining, s.speaks.chunks && !breaks.Chunking
	first := s.accepted == 0
	s.accepted++
	s.mu.Unlock()
	known, now := s.target.Memory, s.target.Now()
	if d := known.doubted(); first && d != (doubt{}) {
		// What was left out this time is what broke the sessions before.
		if s.caps.Pipelining && !d.groups() && !how.group {
			breaks.Pipelining = true
			if d.strikes < patientStrikes {
				now = now.Add(resetFor - brokenFor)
			}
		}
		breaks.Login = d.login && how.group
		known.setDoubt(doubt{})
	}
	if breaks != (Breaks{}) {
		known.Learn(func(k *Known) { k.Broken.Add(breaks, now, s.offered) })
	}
}

// broke takes note of a session that ended by err before its time.
func (s *Session) broke(err error) {
	s.mu.Lock()
	first, accepted, how, onWay := !s.counted, s.accepted, s.speaks, s.onWay
	s.counted = true
	s.mu.Unlock()
	if !first {
		return
	}
	if isLost(err) {
		s.shrink()
	}
	_, ended := errors.AsType[*closing](err)
	_, here := errors.AsType[*localError](err)
	reset := errors.Is(err, syscall.ECONNRESET)
	if ended || here || isLost(err) && !reset || accepted > 0 || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return // neither of these is what a group does to a server
	}
	known := s.target.Memory
	d := known.doubted()
	switch {
	case !how.group:
		d = doubt{} // it breaks without groups as well
	case reset:
		d.resets++
	case onWay:
		d.login = true
	default:
		d.strikes++
	}
	known.setDoubt(d)
}
