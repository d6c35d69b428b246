package queue

import (
	"maps"
	"time"

	"github.com/cespare/xxhash/v2"
)

// restTime is how long a message that a carrier has had is left alone though
// it still counts as due: another process may be at it, or its disk may refuse
// to take what became of it. Without a rest it would be tried in a circle.
const restTime = time.Minute

// unreadTime is how long one is left alone that could not be read: the disk may
// come back, of which nobody tells.
const unreadTime = 15 * time.Minute

// A rest leaves a message alone as long as it has that very name: another one
// is another state.
type rest struct {
	state uint64 // the sum of the name
	until int64  // in nanoseconds since 1970; 0: until something happens that makes all due
	seen  bool   // in the scan under way
}

// rests are kept small: all of a full queue may rest.
type rests map[uint64]rest

func (rs rests) add(n Name, until time.Time) {
	r := rest{state: xxhash.Sum64String(n.String()), seen: true}
	if !until.IsZero() {
		r.until = until.UnixNano()
	}
	rs[n.ID.key()] = r
}

// resting says whether the message is to be left alone at now, and until when;
// the zero time is until something happens.
func (rs rests) resting(n Name, now time.Time) (until time.Time, resting bool) {
	if len(rs) == 0 {
		return time.Time{}, false
	}
	key := n.ID.key()
	r, ok := rs[key]
	if !ok || r.state != xxhash.Sum64String(n.String()) {
		return time.Time{}, false
	}
	r.seen = true
	rs[key] = r
	if r.until == 0 {
		return time.Time{}, true
	}
	until = time.Unix(0, r.until)
	return until, until.After(now)
}

// unseen begins a scan.
func (rs rests) unseen() {
	for key, r := range rs {
		r.seen = false
		rs[key] = r
	}
}

// forgetGone ends a whole scan: what was not seen has left the queue.
func (rs rests) forgetGone() {
	maps.DeleteFunc(rs, func(_ uint64, r rest) bool { return !r.seen })
}
