package slumber

import (
	"fmt"
	"time"
)

// A reading is what the machine's clocks show at one moment.
type reading struct {
	// wall is the clock on the wall, which a person or a time server may set.
	wall time.Time
	// awake counts while the machine is awake, and elapsed while it sleeps too,
	// each from some moment on. Nobody sets them.
	awake, elapsed time.Duration
	// blind: this system has no elapsed, or does not tell.
	blind bool
}

// A leap is what happened to the clocks between two readings, other than that
// time went by.
type leap struct {
	// slept is how long the machine has slept.
	slept time.Duration
	// set is by how much the wall clock was put forward; back, where it is
	// negative.
	set time.Duration
	// blind: what stands in slept may as well be a clock that was put forward.
	blind bool
}

// leastLeap is what is not worth a word. A time server that corrects a clock in
// small steps is no event.
const leastLeap = time.Second

// slewShare is by how much, as its inverse, a clock that is corrected bit by bit
// may run faster than one that is not: 500 ppm on most systems (adjtime(3)), and
// as much again for the other one.
const slewShare = 1000

// since compares the clocks with what they were before.
func (now reading) since(before reading) leap {
	awake := now.awake - before.awake
	wall := now.wall.Round(0).Sub(before.wall.Round(0))
	l := leap{blind: now.blind}
	if now.blind {
		// Here the two run apart by themselves.
		if gap := wall - awake; gap.Abs() < leastLeap+awake/slewShare {
			return l
		} else if gap > 0 {
			l.slept = gap
		} else {
			l.set = gap
		}
		return l
	}
	elapsed := now.elapsed - before.elapsed
	if slept := elapsed - awake; slept >= leastLeap {
		l.slept = slept
	}
	if set := wall - elapsed; set.Abs() >= leastLeap {
		l.set = set
	}
	return l
}

// happened says that something did.
func (l leap) happened() bool { return l.slept != 0 || l.set != 0 }

// String is the leap in words: what happened.
func (l leap) String() string {
	switch {
	case l.blind && l.slept > 0:
		return "the machine woke after " + lasting(l.slept) + ", or its clock was put forward by that"
	case l.slept > 0 && l.set != 0:
		return "the machine woke after " + lasting(l.slept) + ", and " + l.setting()
	case l.slept > 0:
		return "the machine woke after " + lasting(l.slept)
	}
	return l.setting()
}

func (l leap) setting() string {
	if l.set < 0 {
		return "the clock was set back by " + lasting(-l.set)
	}
	return "the clock was put forward by " + lasting(l.set)
}

// lasting is a time in its two largest units: "8 h", "2 h 5 min", "40 s".
func lasting(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = d.Round(time.Second); {
	case d >= day:
		return units(d, day, "d", time.Hour, "h")
	case d >= time.Hour:
		return units(d, time.Hour, "h", time.Minute, "min")
	case d >= time.Minute:
		return units(d, time.Minute, "min", time.Second, "s")
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

func units(d, large time.Duration, word string, small time.Duration, smallWord string) string {
	if rest := d % large / small; rest > 0 {
		return fmt.Sprintf("%d %s %d %s", d/large, word, rest, smallWord)
	}
	return fmt.Sprintf("%d %s", d/large, word)
}
