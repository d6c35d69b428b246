package netwatch

import (
	"time"

	"mailcrane/netwatch/policy"
)

// doubtTime is how long a portal that attempts have found has mail held by a rule
// without being seen again. No attempt is made meanwhile, so that nothing else would
// show that it is open.
const doubtTime = time.Minute

// doubtAt is when that is over; zero where no rule holds mail for such a portal.
func (w *Watcher) doubtAt() (at time.Time) {
	w.mu.Lock()
	state, found := w.state, w.sight
	if found != nil && !found.doubted {
		at = found.looked.Add(doubtTime)
	}
	w.mu.Unlock()
	if at.IsZero() || len(w.rules) == 0 {
		return time.Time{}
	}
	behind, open := w.moment((&sight{}).in(state)), w.moment(state)
	for _, r := range w.routes {
		if policy.Decide(w.rules, string(r), behind).Hold && !policy.Decide(w.rules, string(r), open).Hold {
			return at
		}
	}
	return time.Time{}
}

// doubt has what is due tried when that time has come. If the portal is still there,
// the try sees it again; with nothing due nobody wakes for it any more.
func (w *Watcher) doubt() {
	at := w.doubtAt()
	if at.IsZero() || w.now().Before(at) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sight != nil {
		w.sight.doubted = true
	}
}
