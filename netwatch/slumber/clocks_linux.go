package slumber

import (
	"time"

	"golang.org/x/sys/unix"
)

// clocks reads the wall clock that is handed in, and the two that nobody sets:
// CLOCK_MONOTONIC stands still while the machine sleeps, CLOCK_BOOTTIME does not
// (clock_gettime(2)).
func clocks(now func() time.Time) func() reading {
	return func() reading {
		var awake, elapsed unix.Timespec
		err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &awake)
		if err == nil {
			err = unix.ClockGettime(unix.CLOCK_BOOTTIME, &elapsed)
		}
		return reading{
			wall: now(), blind: err != nil,
			awake: time.Duration(awake.Nano()), elapsed: time.Duration(elapsed.Nano()),
		}
	}
}
