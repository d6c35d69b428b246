//go:build unix && !linux

package slumber

import "io"

// watchSleep has no event to go by: macOS and the BSDs tell of a sleep by cgo, or
// by a privileged device, only. The clocks are compared at each event of the
// network, of which a wake has some, and at each run of the queue.
func watchSleep(w *Watch) ([]io.Closer, error) {
	w.unwatched = true
	return []io.Closer{watchCont(w.cont)}, nil
}
