package syntax

import (
	"errors"
	"strings"
)

// CutPath takes a reverse-path or forward-path off the front of s: <mailbox>,
// <>, or a mailbox without brackets, which many scripts write. A source route
// is left out (RFC 5321 appendix C). The mailbox comes as it was written,
// quotes and all; its domain may be missing.
func CutPath(s string) (mailbox, rest string, err error) {
	s, bracket := strings.CutPrefix(s, "<")
	if bracket && strings.HasPrefix(s, "@") {
		i := strings.IndexAny(s, ":> ")
		if i < 0 || s[i] != ':' {
			return "", "", errors.New("a route without a colon")
		}
		s = s[i+1:]
	}
	if bracket && strings.HasPrefix(s, ">") {
		return cutRest("", s[1:])
	}
	n, err := localPart(s)
	if err != nil {
		return "", "", err
	}
	if strings.HasPrefix(s[n:], "@") {
		d, err := domain(s[n+1:])
		if err != nil {
			return "", "", err
		}
		n += 1 + d
	}
	mailbox, s = s[:n], s[n:]
	if bracket {
		var closed bool
		if s, closed = strings.CutPrefix(s, ">"); !closed {
			return "", "", errors.New("the closing > is missing or something stands before it")
		}
	}
	return cutRest(mailbox, s)
}

func cutRest(mailbox, s string) (string, string, error) {
	if s != "" && s[0] != ' ' && s[0] != '\t' {
		return "", "", errors.New("something follows it without a space")
	}
	return mailbox, s, nil
}

// localPart is the length of the local part in front of s: a quoted string,
// or atoms and dots. Dots may stand anywhere, as they do in real addresses.
func localPart(s string) (int, error) {
	if strings.HasPrefix(s, `"`) {
		for i := 1; i < len(s); i++ {
			switch {
			case s[i] == '"' && i == 1:
				return 0, errors.New(`"" is an empty local part`)
			case s[i] == '"':
				return i + 1, nil
			case s[i] == '\\':
				i++
			}
		}
		return 0, errors.New("the closing quote is missing")
	}
	n := strings.IndexAny(s, "()<>[]:;@\\,\" \t")
	if n < 0 {
		n = len(s)
	}
	if n == 0 {
		return 0, errors.New("the local part is missing")
	}
	return n, nil
}

// domain is the length of the domain or address literal in front of s.
func domain(s string) (int, error) {
	if strings.HasPrefix(s, "[") {
		n := strings.IndexAny(s, "] \t\\<>")
		if n < 2 || s[n] != ']' {
			return 0, errors.New("a domain in [ ] that is not closed or empty")
		}
		return n + 1, nil
	}
	n := strings.IndexFunc(s, func(r rune) bool {
		return r < 0x80 && !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '-' || r == '.' || r == '_')
	})
	if n < 0 {
		n = len(s)
	}
	d := "." + s[:n] + "."
	if n == 0 || strings.Contains(d, "..") {
		return 0, errors.New("a part of the domain is empty")
	}
	return n, nil
}

// Qualified says whether mailbox has a domain.
func Qualified(mailbox string) bool {
	n, err := localPart(mailbox)
	return err == nil && n < len(mailbox)
}
