package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// minutesText is a time in sendmail's syntax; a number without a unit counts
// minutes, as most of sendmail's timeouts do.
type minutesText time.Duration

func (m *minutesText) UnmarshalText(text []byte) error {
	d, err := ParseTime(string(text), time.Minute)
	if err != nil {
		return err
	}
	if d <= 0 {
		return fmt.Errorf("a time-out must be more than nothing, not %q", text)
	}
	*m = minutesText(d)
	return nil
}

// ParseTime reads sendmail's times: digits and a unit (s m h d w), any number
// of them in a row ("2h30m"). A last number without a unit counts in unit.
func ParseTime(text string, unit time.Duration) (time.Duration, error) {
	units := map[byte]time.Duration{
		's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
	}
	bad := fmt.Errorf("%q is not a time: write digits and a unit of s, m, h, d, w, as in 2h30m", text)
	if text == "" {
		return 0, bad
	}
	var sum time.Duration
	for rest := text; rest != ""; {
		i := 0
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
			i++
		}
		n, err := strconv.ParseInt(rest[:i], 10, 32)
		if err != nil {
			return 0, bad
		}
		u := unit
		rest = rest[i:]
		if rest != "" {
			var known bool
			if u, known = units[rest[0]|0x20]; !known {
				return 0, fmt.Errorf("invalid time unit %q in %q: use s, m, h, d or w", rest[:1], text)
			}
			rest = rest[1:]
		}
		sum += time.Duration(n) * u
		if sum < 0 || sum > 100*366*24*time.Hour {
			return 0, fmt.Errorf("%q is longer than a hundred years", text)
		}
	}
	return sum, nil
}

// modeText is a delivery mode by word or by sendmail's letter.
type modeText Mode

func (m *modeText) UnmarshalText(text []byte) error {
	mode, err := ParseMode(string(text))
	*m = modeText(mode)
	return err
}

// ParseMode reads a delivery mode: its word, or its first letter.
func ParseMode(text string) (Mode, error) {
	for _, word := range []string{"interactive", "background", "queue", "deferred"} {
		if strings.EqualFold(text, word) || strings.EqualFold(text, word[:1]) {
			return Mode(word[0]), nil
		}
	}
	return 0, fmt.Errorf("%q is no delivery mode: use interactive, background, queue or deferred", text)
}

// smarthostText is scheme://host[:port].
type smarthostText Smarthost

func (s *smarthostText) UnmarshalText(text []byte) error {
	host, err := ParseSmarthost(string(text))
	*s = smarthostText(host)
	return err
}

// ParseSmarthost reads smtps://HOST, smtp://HOST or smtp+insecure://HOST,
// with an optional port (465, 587 and 25 by default).
func ParseSmarthost(text string) (Smarthost, error) {
	const form = "write smtps://HOST, smtp://HOST (STARTTLS) or smtp+insecure://HOST, with :PORT if it is not the usual one"
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return Smarthost{}, fmt.Errorf("%q is no smarthost: %s", text, form)
	}
	s := Smarthost{Host: u.Hostname(), Port: u.Port()}
	var port string
	switch u.Scheme {
	case "smtps":
		s.TLS, port = Implicit, "465"
	case "smtp":
		s.TLS, port = StartTLS, "587"
	case "smtp+insecure":
		s.TLS, port = Insecure, "25"
	default:
		return Smarthost{}, fmt.Errorf("%q is no smarthost: %s", text, form)
	}
	if s.Port == "" {
		s.Port = port
	}
	if n, err := strconv.Atoi(s.Port); err != nil || n < 1 || n > 65535 {
		return Smarthost{}, fmt.Errorf("%q has a port that is not between 1 and 65535", text)
	}
	return s, nil
}

// authText is a SASL mechanism, "auto" or "none". It and the types below are
// structs because the TOML library does not ask a string type to read its own
// text.
type authText struct{ value string }

func (a *authText) UnmarshalText(text []byte) error {
	mechanisms := []string{
		"auto", "none", "plain", "login", "cram-md5", "scram-sha-256", "scram-sha-256-plus", "oauthbearer", "xoauth2", "external",
	}
	a.value = strings.ToLower(string(text))
	if !slices.Contains(mechanisms, a.value) {
		return fmt.Errorf("%q is no way to log in: use one of %s", text, strings.Join(mechanisms, ", "))
	}
	return nil
}

// secretText is keyring, command:…, file:… or credential:….
type secretText Secret

func (s *secretText) UnmarshalText(text []byte) error {
	kind, value, colon := strings.Cut(string(text), ":")
	switch {
	case kind == "keyring" && !colon:
	case (kind == "command" || kind == "file" || kind == "credential") && value != "":
	default:
		// The text is not shown: a person may have typed the password here.
		return errors.New(`secret says where the password is, never the password itself: use keyring, command:…, file:… or credential:NAME`)
	}
	if kind == "credential" && (strings.ContainsAny(value, "/\x00") || value == "." || value == "..") {
		return errors.New("a credential is named by a plain name without slashes")
	}
	*s = secretText{Kind: kind, Value: value}
	return nil
}

// pinText is a SHA-256 fingerprint, in hex (colons allowed) or base64, with
// or without a leading "sha256:"; kept as lower-case hex.
type pinText struct{ value string }

func (p *pinText) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	for _, prefix := range []string{"sha256:", "SHA256:", "sha256//"} {
		s = strings.TrimPrefix(s, prefix)
	}
	sum, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	if err != nil {
		sum, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	}
	if err != nil || len(sum) != 32 {
		return fmt.Errorf("%q is no SHA-256 fingerprint: give 64 hex digits, or base64", text)
	}
	p.value = hex.EncodeToString(sum)
	return nil
}

// patternText is an address, or a pattern of one.
type patternText struct{ value string }

func (p *patternText) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "" || len(s) > 320 || strings.ContainsAny(s, " \t\r\n<>,\x00") || (!strings.Contains(s, "@") && s != "*") {
		return fmt.Errorf("%q is no address: write me@example.org, or a pattern such as *@example.org", text)
	}
	p.value = s
	return nil
}

// pathText is a file; a leading ~/ is the home directory.
type pathText string

func (p pathText) expand(home string) string { return expandHome(true, string(p), home) }

func expandHome(isPath bool, path, home string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && isPath && home != "" {
		return filepath.Join(home, rest)
	}
	return path
}

// listenText is host:port on loopback, or unix:PATH. Anything else would let
// other machines send without logging in.
type listenText struct{ value string }

func (l *listenText) UnmarshalText(text []byte) error {
	s := string(text)
	l.value = s
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" || len(path) > 100 {
			return fmt.Errorf("%q needs a path of 1 to 100 octets after unix:", text)
		}
		return nil
	}
	s = strings.Replace(s, "localhost:", "127.0.0.1:", 1)
	addr, err := netip.ParseAddrPort(s)
	if err != nil {
		return fmt.Errorf("%q is no listener: write 127.0.0.1:2525, [::1]:2525 or unix:/path", text)
	}
	if !addr.Addr().IsLoopback() {
		return fmt.Errorf("%q can be reached from other machines, which could send mail without logging in: use 127.0.0.1, [::1] or unix:/path", text)
	}
	l.value = s
	return nil
}

func (l listenText) expand(home string) string {
	if path, ok := strings.CutPrefix(l.value, "unix:"); ok {
		return "unix:" + expandHome(true, path, home)
	}
	return l.value
}
