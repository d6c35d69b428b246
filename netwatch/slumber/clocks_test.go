package slumber

import (
	"testing"
	"time"
)

// at is the clocks of a machine of Linux that was booted at midnight.
func at(wall, elapsed, awake time.Duration) reading {
	midnight := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	return reading{wall: midnight.Add(wall), awake: awake, elapsed: elapsed}
}

// blindly is those of a system that does not tell of its sleep.
func blindly(wall, awake time.Duration) reading {
	r := at(wall, 0, awake)
	r.blind = true
	return r
}

// Coverage: sleep.
func TestClocksSayWhatHappened(t *testing.T) {
	const h, s, ms = time.Hour, time.Second, time.Millisecond
	for _, c := range []struct {
		reason        string
		before, after reading
		want          string
	}{
		{"time goes by", at(h, h, h), at(9*h, 9*h, 9*h), ""},
		{"a night", at(h, h, h), at(9*h, 9*h, h+s), "the machine woke after 7 h 59 min"},
		{"eight hours, as clocks read one after another show them", at(h, h, h), at(9*h-ms, 9*h-ms, h), "the machine woke after 8 h"},
		{"the lid was shut for a moment", at(h, h, h), at(h+20*s, h+20*s, h+8*s), "the machine woke after 12 s"},
		{"less than a second", at(h, h, h), at(h+s, h+s, h+200*ms), ""},
		{"a person corrects the clock", at(h, h, h), at(h-3*time.Minute, h+s, h+s), "the clock was set back by 3 min 1 s"},
		{"a machine without a clock of its own asks a server", at(0, s, s), at(24*h*365, 2*s, 2*s), "the clock was put forward by 364 d 23 h"},
		{"a server corrects it a little", at(h, h, h), at(h+300*ms, h, h), ""},
		{"a wake, after which a server is asked", at(h, h, h), at(9*h+2*s, 9*h, h), "the machine woke after 8 h, and the clock was put forward by 2 s"},
		{"suspended for weeks", at(h, h, h), at(337*h, 337*h, h), "the machine woke after 14 d"},
		{"blind: time goes by, at speeds a little apart", blindly(h, h), blindly(9*h, 9*h-15*s), ""},
		{"blind: a night", blindly(h, h), blindly(9*h, h+5*s), "the machine woke after 7 h 59 min, or its clock was put forward by that"},
		{"blind: the clock was set back", blindly(9*h, 9*h), blindly(h, 9*h), "the clock was set back by 8 h"},
		{"blind: a moment", blindly(h, h), blindly(h+s, h+200*ms), ""},
	} {
		l := c.after.since(c.before)
		got := ""
		if l.happened() {
			got = l.String()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
	}
}

func TestTheClocksOfThisMachineTellNothingInCalm(t *testing.T) {
	read := clocks(time.Now)
	before := read()
	for range 1000 {
		if l := read().since(before); l.happened() {
			t.Fatalf("in calm: %v", l)
		}
	}
}
