package names

import "time"

const (
	// mostHold bounds how long an answer is believed, mostNegative how long it is
	// that there is none (RFC 2308 section 5).
	mostHold     = time.Hour
	mostNegative = 15 * time.Minute
	// failureHold is how long a failure is (RFC 9520 section 3.2 wants a second
	// at least), so that a crowd of clients does not ask a server in trouble over
	// and over.
	failureHold = time.Second
	// mostKept bounds the cache.
	mostKept = 4096
)

// A cache keeps answers as long as they hold. The zero is empty.
type cache struct{ kept map[question]held }

type held struct {
	found
	until time.Time
}

func (c *cache) get(q question, now time.Time) (found, bool) {
	h, ok := c.kept[q]
	if !ok || !now.Before(h.until) {
		return found{}, false
	}
	return h.found, true
}

func (c *cache) put(q question, f found, now time.Time) {
	if f.hold <= 0 {
		return
	}
	if c.kept == nil {
		c.kept = make(map[question]held)
	}
	if _, there := c.kept[q]; !there && len(c.kept) >= mostKept {
		c.makeRoom(now)
	}
	c.kept[q] = held{f, now.Add(f.hold)}
}

// makeRoom drops one answer: one that does not hold any more, where there is one
// among the first few, or else any; Go's order of a map is a different one each
// time.
func (c *cache) makeRoom(now time.Time) {
	const looked = 8
	var any question
	n := 0
	for q, h := range c.kept {
		if any = q; !now.Before(h.until) {
			break
		}
		if n++; n == looked {
			break
		}
	}
	delete(c.kept, any)
}
