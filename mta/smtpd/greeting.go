package smtpd

import (
	"strings"
	"time"
)

// GreetingText is what stands behind 220, by SmtpGreetingMessage: $j is
// hostname, $v and $Z version, $b the date of now, $$ a dollar sign. ESMTP is
// put behind the first word, and what begins with the host's name so stays
// (RFC 5321 section 4.2).
func GreetingText(message, hostname, version string, now time.Time) string {
	text := strings.NewReplacer(
		"$$", "$",
		"$j", hostname,
		"$v", version,
		"$Z", version,
		"$b", now.Format("Mon, 2 Jan 2006 15:04:05 -0700"),
	).Replace(message)
	first, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	if first == "" {
		first = hostname
	}
	return strings.TrimRight(first+" ESMTP "+strings.TrimLeft(rest, " "), " ")
}
