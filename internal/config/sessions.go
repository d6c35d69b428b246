package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Sessions is how many sessions may be open at once with an account's server; 0
// is auto: more than one where the server leaves no other way to save waiting.
type Sessions int

// mostSessions bounds them: smarthosts allow some ten to twenty connections of
// one client.
const mostSessions = 20

func parseSessions(text string) (Sessions, error) {
	if strings.EqualFold(text, "auto") {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > mostSessions {
		return 0, fmt.Errorf("%s is no number of sessions: it is auto, or from 1 to %d", quotedText(text), mostSessions)
	}
	return Sessions(n), nil
}

func (s Sessions) String() string {
	if s == 0 {
		return "auto"
	}
	return strconv.Itoa(int(s))
}
