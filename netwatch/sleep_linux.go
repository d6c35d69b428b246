package netwatch

import (
	"fmt"
	"io"
)

// watchSleep has the kernel tell of a clock that leaps, as it does when the
// machine wakes, and where somebody wants to hear of a sleep before it, logind.
func watchSleep(s *slumber) ([]io.Closer, error) {
	var tells []io.Closer
	if s.naps != nil {
		tells = append(tells, openLogind(s, systemBus))
	}
	clock, err := watchClock(s.look)
	if err != nil {
		s.unwatched = true
		err = fmt.Errorf("the kernel does not tell when the clock is set: %w", err)
	} else {
		tells = append(tells, clock)
	}
	return append(tells, watchCont(s.cont)), err
}
