package queue

import "sync"

// A rumour is what the log was last told of why a route is down. A route that stays
// so is tried again and again, for days, and the log hears of it when it begins, when
// the reason is another one, and when it is over. It may be used from several
// goroutines.
type rumour struct {
	mu   sync.Mutex
	last string
}

// spread makes why the reason, "" for none, and says what it was.
func (r *rumour) spread(why string) (before string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, r.last = r.last, why
	return before
}
