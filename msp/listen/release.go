package listen

import (
	"fmt"
	"time"

	"mailcrane/internal/syntax"
)

// mostAhead bounds how far ahead a message may be handed in.
const mostAhead = 366 * 24 * time.Hour

// offerRelease is the line of EHLO for FUTURERELEASE (RFC 4865 section 4),
// which go-smtp does not know.
func (g *guard) offerRelease() string {
	return fmt.Sprintf("250-FUTURERELEASE %d %s", mostAhead/time.Second, g.limits.Now().Add(mostAhead).UTC().Format(time.RFC3339))
}

// releaseTime reads HOLDFOR or HOLDUNTIL; the zero time is none of them. Its
// errors are replies.
func (g *guard) releaseTime(params map[string]string) (time.Time, error) {
	at, err := syntax.ReleaseTime(params, g.limits.Now(), mostAhead)
	if err != nil {
		return at, fmt.Errorf("501 5.5.4 %w", err)
	}
	return at, nil
}
