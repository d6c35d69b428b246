// Package syntax says what a command and a body of SMTP look like (RFC 5321):
// what the listeners of this machine and the server have to agree on, octet by
// octet.
package syntax

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// CutLineEnd takes the end off a line; lf says that it was not CRLF.
func CutLineEnd(line string) (text string, lf bool) {
	if text, ok := strings.CutSuffix(line, "\r\n"); ok {
		return text, false
	}
	return strings.TrimSuffix(line, "\n"), true
}

// Printable says that s is UTF-8 without control characters but tabs.
func Printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// A ParamError is a parameter of MAIL or RCPT that cannot be taken, whatever
// its value.
type ParamError struct {
	Key string
	// Twice: it is there twice; else it is not known.
	Twice bool
}

func (e *ParamError) Error() string {
	if e.Twice {
		return fmt.Sprintf("the parameter %s is there twice", e.Key)
	}
	return fmt.Sprintf("the parameter %s is not known here", e.Key)
}

// Params are ESMTP parameters by upper-case keyword (RFC 5321 section 4.1.2);
// no value is "". An error is a *ParamError.
func Params(fields, known []string) (map[string]string, error) {
	params := make(map[string]string, len(fields))
	for _, f := range fields {
		key, value, _ := strings.Cut(f, "=")
		key = strings.ToUpper(key)
		if _, twice := params[key]; twice {
			return nil, &ParamError{Key: key, Twice: true}
		}
		if !slices.Contains(known, key) {
			return nil, &ParamError{Key: key}
		}
		params[key] = value
	}
	return params, nil
}

// ReleaseTime reads HOLDFOR or HOLDUNTIL (RFC 4865), which may be at most most
// ahead of now; the zero time is none of them. A time that is past is no
// mistake: the message took its time to come here (section 4.1).
func ReleaseTime(params map[string]string, now time.Time, most time.Duration) (time.Time, error) {
	wait, isFor := params["HOLDFOR"]
	until, isUntil := params["HOLDUNTIL"]
	var at time.Time
	switch {
	case isFor && isUntil:
		return at, errors.New("HOLDFOR or HOLDUNTIL, not both")
	case isFor:
		seconds, err := strconv.ParseUint(wait, 10, 32)
		if err != nil || len(wait) > 9 {
			return at, errors.New("HOLDFOR= wants a number of seconds")
		}
		at = now.Add(time.Duration(seconds)*time.Second + time.Second - 1).Truncate(time.Second)
	case isUntil:
		var err error
		if at, err = time.Parse(time.RFC3339, until); err != nil {
			return at, errors.New("HOLDUNTIL= wants a time, as 2026-11-23T08:00:00Z")
		}
	default:
		return at, nil
	}
	if at.Sub(now) > most+time.Second {
		return at, fmt.Errorf("HOLDFOR= and HOLDUNTIL= may be at most %s ahead; see FUTURERELEASE in the reply to EHLO", days(most))
	}
	return at, nil
}

func days(d time.Duration) string {
	if d >= 366*24*time.Hour {
		return "a year"
	}
	return d.String()
}
