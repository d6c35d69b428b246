package slumber

import (
	"fmt"
	"io"

	"mailcrane/netwatch/bus"
)

// watchSleep has the kernel tell of a clock that leaps, as it does when the
// machine wakes, and where somebody wants to hear of a sleep before it, logind.
func watchSleep(w *Watch) ([]io.Closer, error) {
	var tells []io.Closer
	if w.naps != nil {
		tells = append(tells, openLogind(w, bus.System))
	}
	clock, err := watchClock(w.look)
	if err != nil {
		w.unwatched = true
		err = fmt.Errorf("the kernel does not tell when the clock is set: %w", err)
	} else {
		tells = append(tells, clock)
	}
	return append(tells, watchCont(w.cont)), err
}
