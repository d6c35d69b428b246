package listen

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// mostAhead bounds how far ahead a message may be handed in.
const mostAhead = 366 * 24 * time.Hour

// offerRelease is the line of EHLO for FUTURERELEASE (RFC 4865 section 4),
// which go-smtp does not know.
func (g *guard) offerRelease() string {
	return fmt.Sprintf("250-FUTURERELEASE %d %s", mostAhead/time.Second, g.limits.Now().Add(mostAhead).UTC().Format(time.RFC3339))
}

// releaseTime reads HOLDFOR or HOLDUNTIL; the zero time is none of them. Its
// errors are replies. A time that is past is no mistake: the message took its
// time to come here (RFC 4865 section 4.1).
func (g *guard) releaseTime(params map[string]string) (time.Time, error) {
	wait, isFor := params["HOLDFOR"]
	until, isUntil := params["HOLDUNTIL"]
	now := g.limits.Now()
	var at time.Time
	switch {
	case isFor && isUntil:
		return at, errors.New("501 5.5.4 Give HOLDFOR or HOLDUNTIL, not both")
	case isFor:
		seconds, err := strconv.ParseUint(wait, 10, 32)
		if err != nil || len(wait) > 9 {
			return at, errors.New("501 5.5.4 HOLDFOR= wants a number of seconds")
		}
		at = now.Add(time.Duration(seconds)*time.Second + time.Second - 1).Truncate(time.Second)
	case isUntil:
		var err error
		if at, err = time.Parse(time.RFC3339, until); err != nil {
			return at, errors.New("501 5.5.4 HOLDUNTIL= wants a time, as 2026-11-23T08:00:00Z")
		}
	default:
		return at, nil
	}
	if at.Sub(now) > mostAhead+time.Second {
		return at, errors.New("501 5.5.4 That is more than a year ahead; see FUTURERELEASE in the reply to EHLO")
	}
	return at, nil
}
