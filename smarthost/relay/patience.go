package relay

import "time"

const (
	// mostPatience bounds a wait in which the server does speak, as a multiple of
	// its limit: an octet now and then is no reply.
	mostPatience = 4
	// looks is how often in a wait we see whether octets of ours got through, of
	// which the system does not tell by itself.
	looks = 8
)

// A wait is for what the server is to say.
type wait struct {
	// limit is how long nothing may move; below zero there is none.
	limit time.Duration
	// out is when the wait began, or an octet of ours last got through; last is
	// when anything last moved.
	out, last time.Time
	// acked and received are the octets that had moved by then.
	acked, received int64
}

// saw takes note of what has moved.
func (t *wait) saw(m motion) {
	if m.acked > t.acked {
		t.acked, t.out, t.last = m.acked, later(t.out, m.out), later(t.last, m.out)
	}
	if m.received > t.received {
		t.received, t.last = m.received, later(t.last, m.in)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// end is when the wait ends if nothing moves. There must be a limit.
func (t *wait) end() time.Time {
	quiet, all := t.last.Add(t.limit), t.out.Add(mostPatience*t.limit)
	if all.Before(quiet) {
		return all
	}
	return quiet
}

// patience begins a wait. A limit is not on the whole wait, but on the time in
// which nothing moves: what was written before may take minutes to leave, and
// the server cannot answer what it has not got. Below zero nothing is awaited,
// and there is no limit.
func (w *wire) patience(limit time.Duration) error {
	m, now := w.motion(), time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wait = wait{limit: limit, out: now, last: now, acked: m.acked, received: m.received}
	return w.armRead(now)
}

// waitsOn is asked when a read's deadline has passed, and says whether the wait
// goes on.
func (w *wire) waitsOn() bool {
	m, now := w.motion(), time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wait.saw(m)
	if w.wait.limit >= 0 && !now.Before(w.wait.end()) {
		return false
	}
	return w.armRead(now) == nil
}

// unheard says of a wait that has come to its limit that octets of ours have not
// reached the other end for most of it: it is the link that is silent, and not the
// server.
func (w *wire) unheard(limit time.Duration) bool {
	s, _ := w.status()
	return s.clocks && s.open && s.silent >= limit/2
}

// awaits says that something is expected of the server.
func (w *wire) awaits() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wait.limit >= 0 || w.writes.Load() > 0
}

// armRead sets the deadline of reads, unless the wire has been cut, whose
// deadline stays. The caller holds mu.
func (w *wire) armRead(now time.Time) error {
	switch {
	case w.cause != nil:
		return w.cause
	case w.wait.limit < 0:
		return w.SetReadDeadline(time.Time{})
	}
	until := w.wait.end()
	if look := now.Add(w.wait.limit / looks); look.Before(until) {
		until = look
	}
	return w.SetReadDeadline(until)
}

// armWrite sets the deadline of the next write, unless the wire has been cut.
func (w *wire) armWrite() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.cause != nil:
		return w.cause
	case w.block < 0:
		return w.SetWriteDeadline(time.Time{})
	}
	return w.SetWriteDeadline(time.Now().Add(w.block))
}
