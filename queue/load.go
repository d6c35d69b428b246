package queue

import (
	"time"

	"mailcrane/internal/config"
)

// loadPause is how long a message that waits for the load to fall is left
// alone: the average is that of a minute.
const loadPause = 15 * time.Second

// A brake is the load average at one moment, and what it holds up.
type brake struct {
	tuning config.Queue
	load   int64
}

func (r *Runner) brake() brake {
	b := brake{tuning: r.Tuning}
	if r.Load != nil && r.Tuning.LoadLimit > 0 {
		b.load = int64(r.Load())
	}
	return b
}

// holds says that the load is too high for a message of that priority.
func (b brake) holds(n Name) bool {
	t := b.tuning
	over := b.load - t.LoadLimit
	return t.LoadLimit > 0 && over >= 0 && n.Priority(t) > t.LoadFactor/(over+1)
}

// Overloaded says which messages are not tried just now, since the load of the
// machine is too high for them.
func (r *Runner) Overloaded() func(Name) bool { return r.brake().holds }
