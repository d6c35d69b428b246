//go:build !linux

package slumber

import "time"

// clocks reads the wall clock that is handed in, and the runtime's own, which
// on most systems stands still while the machine sleeps.
func clocks(now func() time.Time) func() reading {
	began := time.Now()
	return func() reading { return reading{wall: now(), awake: time.Since(began), blind: true} }
}
