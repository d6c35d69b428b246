package smtpd

import "time"

// Commands after which a client is slowed down; sendmail's numbers.
const (
	mostBad  = 25
	mostHELO = 3
	mostVRFY = 6
	mostETRN = 8

	longestDelay = 4 * time.Minute
)

// counts are the commands that get no mail on.
type counts struct{ bad, noop, helo, vrfy, etrn int }

// slowed counts a command, and from the one after most of them on lets the
// client wait: a second, and each time twice as long.
func (d *dialogue) slowed(counter *int, most int) {
	*counter++
	if over := *counter - most; over > 0 {
		d.sleep(doubled(over - 1))
	}
}

// doubled is a second, doubled so many times; at most 4 minutes.
func doubled(times int) time.Duration {
	if times >= 8 {
		return longestDelay
	}
	return time.Second << times
}

// wrong counts a reply of 5yz: after 25 each takes a second longer, after 50
// the connection ends.
func (d *dialogue) wrong() {
	d.counts.bad++
	switch {
	case d.counts.bad >= 2*mostBad:
		d.cut(421, "4.7.0", "Too many bad commands; closing the connection")
	case d.counts.bad > mostBad:
		d.sleep(time.Second)
	}
}
