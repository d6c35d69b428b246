package relay

import "time"

const (
	// leastStill is how long nothing must be heard on a short link until a session
	// that was stirred is given up.
	leastStill = 250 * time.Millisecond
	// guessedTrip is the round trip where nobody knows it.
	guessedTrip = time.Second
	// probeWait is how long the system may put a probe off (see probe).
	probeWait = time.Second
	// unsharp is how exactly the system tells when it heard something.
	unsharp = 20 * time.Millisecond
)

// A suspicion is that the other end cannot be heard any more, since the way out
// may have changed. It ends with a sign of life that cannot have been under way
// before, or with the wire. All but wire is guarded by the wire's mu.
type suspicion struct {
	wire *wire
	// began is when the way out last may have changed.
	began time.Time
	// heard is when the other end last was, and since when we could have heard of
	// it again.
	heard, since time.Time
	// calm ends what knock began.
	calm func()
}

// suspect begins one, or has the one that there is go on: who keeps saying that
// the way out has changed does not put its end off.
func (w *wire) suspect() {
	w.mu.Lock()
	u := w.suspicion
	if u == nil {
		u = &suspicion{wire: w, calm: func() {}}
		w.suspicion = u
		defer u.look()
	}
	u.began = time.Now()
	w.mu.Unlock()
}

// look sees whether the suspicion has come to an end, and comes again else.
func (u *suspicion) look() {
	w := u.wire
	s, _ := w.status()
	s.open = s.open || !s.clocks
	heard, sent := w.lastMotion(s)
	awaits, trip := w.awaits(), w.trip(s)
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if heard.Sub(u.heard) > unsharp {
		u.heard, u.since = heard, time.Time{}
	}
	again := trip / 4
	switch {
	case w.cause != nil, heard.Sub(u.began) > trip/2:
		// What was under way when the way out changed comes within half a round
		// trip; trip has room for one and a half.
		u.end()
		return
	case !awaits && now.Sub(u.began) > 2*trip:
		u.end() // who is idle now ends the session
		return
	case awaits:
		u.wait(s, sent, now)
		due := u.since.Add(trip).Sub(now)
		if due <= 0 {
			u.end()
			w.cutNow(errStill)
			return
		}
		if s.open {
			again = due
		}
		again = min(again, due)
	}
	time.AfterFunc(again, u.look)
}

// wait says since when the other end could have been heard of. The caller holds
// the wire's mu.
func (u *suspicion) wait(s status, sent, now time.Time) {
	switch {
	case s.late:
		u.since = u.heard
	case s.open:
		// What is open now has been so since the last of it left, or longer.
		if from := later(u.heard, sent); u.since.IsZero() || from.Before(u.since) {
			u.since = from
		}
	case u.since.IsZero():
		// The server may be at work for long on what it has got. Only its system
		// can tell that it is there.
		u.calm()
		if calm, knocks := knock(u.wire.Conn); knocks {
			u.calm = calm
		}
		u.since = later(u.heard.Add(probeWait), now)
	}
}

// end is the suspicion's. The caller holds the wire's mu.
func (u *suspicion) end() {
	u.calm()
	u.wire.suspicion = nil
}

// lastMotion is when the other end was last heard, and octets last left. Where
// nobody knows, octets of ours that the system has taken are a sign of life.
func (w *wire) lastMotion(s status) (heard, sent time.Time) {
	if s.clocks {
		now := time.Now()
		return now.Add(-s.silent), now.Add(-s.sent)
	}
	read, wrote := time.Unix(0, w.read.Load()), time.Unix(0, w.wrote.Load())
	return later(read, wrote), wrote
}

// trip is how long an octet and its answer may take.
func (w *wire) trip(s status) time.Duration {
	trip := s.roundTrip()
	if trip == 0 {
		trip = time.Duration(w.answered.Load()) * 3 / 2
	}
	if trip == 0 {
		trip = guessedTrip
	}
	return max(trip, leastStill)
}
