package netwatch

import (
	"context"
	"slices"
	"time"

	"mailcrane/netwatch/network"
)

const (
	// debounce is the longest pause between two looks at the network where
	// Options name none: a third of the 150 ms from a route that comes up to
	// the first message accepted, and at most twenty looks a second.
	debounce = 50 * time.Millisecond
	// firstPause is the pause after the first look: enough for the address and
	// the route that follow a link within the same command, and too short to
	// be felt.
	firstPause = 5 * time.Millisecond
	// readShare bounds the time spent reading: after a look that took t, the
	// next comes no sooner than readShare·t, however many routes there are.
	readShare = 10
	// readTries is how often in a row a look that failed is repeated, over some
	// twenty seconds; after that the next event decides.
	readTries = 12
)

// poke says that something happened. It never blocks; sources call it.
func (w *Watcher) poke() {
	select {
	case w.poked <- struct{}{}:
	default:
	}
}

func (w *Watcher) run(ctx context.Context) {
	defer close(w.done)
	defer w.close()
	timer := time.NewTimer(time.Hour)
	for {
		w.arm(timer)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-w.poked:
			if w.network == nil {
				w.strike()
			} else {
				w.follow(ctx)
			}
		case <-timer.C:
			w.strike()
		}
	}
}

func (w *Watcher) close() {
	if w.network != nil {
		if err := w.network.Close(); err != nil {
			w.log.Debug("closing the sources of network events", "why", err)
		}
	}
	if w.sleeps != nil {
		if err := w.sleeps.Close(); err != nil {
			w.log.Debug("closing what tells of sleeps", "why", err)
		}
	}
}

// follow looks at once, then again after each pause in which something
// happened. The pauses double up to the debounce time, so that in calm a
// change is seen within milliseconds, and a storm of events costs a bounded
// number of looks. It returns after the first quiet pause.
func (w *Watcher) follow(ctx context.Context) {
	failed := 0
	for pause := min(firstPause, w.debounce); ; pause *= 2 {
		began := w.now()
		next, err := w.read()
		w.accept(next)
		if err == nil {
			failed = 0
			pause = min(pause, w.debounce)
		} else if failed++; failed < readTries {
			w.poke()
		}
		took := min(w.now().Sub(began), w.debounce)
		if !w.rest(ctx, max(pause, readShare*took)) {
			return
		}
	}
}

// rest waits for a pause, and says whether something happened in it.
func (w *Watcher) rest(ctx context.Context, pause time.Duration) bool {
	if !wait(ctx, pause) {
		return false
	}
	select {
	case <-w.poked:
		return true
	default:
		return false
	}
}

// wait waits, and says whether the context has not ended meanwhile.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// read reads the state. With an error it is the Unknown one that says so.
func (w *Watcher) read() (network.State, error) {
	s, err := w.network.Read()
	if err != nil {
		return network.NotKnown(err), err
	}
	return s, nil
}

// accept makes next the state, and passes a change on.
func (w *Watcher) accept(next network.State) {
	why := w.woke()
	changed := w.replace(next, why != "")
	switch {
	case why != "":
		w.log.Info("all is tried anew: "+why, "network", next.Reason)
	case changed:
		w.log.Info("network changed", "state", next.Reason)
	}
	if w.reconsider() || changed {
		w.tell()
	}
}

// woke is what has ended a sleep since it was last called, or "".
func (w *Watcher) woke() (why string) {
	if w.sleeps == nil {
		return ""
	}
	n, why := w.sleeps.Wakes()
	if n == w.wakes {
		return ""
	}
	w.wakes = n
	return why
}

// replace makes next the state, and says whether that is a change, as any is after
// a sleep.
func (w *Watcher) replace(next network.State, slept bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.state
	same := next.SameWays(before) && !slept
	if !same || !slices.Equal(next.VPN, before.VPN) {
		w.shifted = w.now()
	}
	if same {
		next.Since = before.Since
		w.state = next
		return !next.Same(before)
	}
	next.Since = w.now()
	w.state = next
	w.epoch++
	clear(w.proofs)
	w.sight, w.vain = nil, time.Time{}
	return true
}
