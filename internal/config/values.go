package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailcrane/internal/address"
)

// parseHostname reads the name that stands in EHLO and in header fields: of a
// machine, or an address in square brackets (RFC 5321 section 4.1.3).
func parseHostname(text string) (string, error) {
	const most = 255
	for _, c := range []byte(text) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._[]:", c) >= 0:
		default:
			return "", fmt.Errorf("%q is no name of a machine: it has letters, digits, dots and hyphens only", text)
		}
	}
	if len(text) > most {
		return "", fmt.Errorf("a name of a machine has at most %d octets, and this has %d", most, len(text))
	}
	return text, nil
}

// ParseTime reads sendmail's times: digits and a unit (s m h d w), any number
// of them in a row ("2h30m"). A last number without a unit counts in unit.
func ParseTime(text string, unit time.Duration) (time.Duration, error) {
	bad := func() error {
		return fmt.Errorf("%s is not a time: write digits and a unit of s, m, h, d, w, as in 2h30m", quotedText(text))
	}
	if text == "" {
		return 0, bad()
	}
	var sum time.Duration
	for rest := text; rest != ""; {
		i := 0
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
			i++
		}
		n, err := strconv.ParseInt(rest[:i], 10, 32)
		if err != nil {
			return 0, bad()
		}
		u := unit
		rest = rest[i:]
		if rest != "" {
			if u = timeUnit(rest[0]); u == 0 {
				return 0, fmt.Errorf("invalid time unit %s in %s: use s, m, h, d or w", quotedText(rest[:1]), quotedText(text))
			}
			rest = rest[1:]
		}
		const most = 100 * 366 * 24 * time.Hour
		if time.Duration(n) > (most-sum)/u {
			return 0, fmt.Errorf("%s is longer than a hundred years", quotedText(text))
		}
		sum += time.Duration(n) * u
	}
	return sum, nil
}

// timeUnit is what a letter stands for, in any case; 0 for none.
func timeUnit(letter byte) time.Duration {
	switch letter | 0x20 {
	case 's':
		return time.Second
	case 'm':
		return time.Minute
	case 'h':
		return time.Hour
	case 'd':
		return 24 * time.Hour
	case 'w':
		return 7 * 24 * time.Hour
	}
	return 0
}

// ParseSmarthost reads smtps://HOST, smtp://HOST or smtp+insecure://HOST,
// with an optional port (465, 587 and 25 by default).
//
// It does not use net/url, whose address types cost the shim start-up time.
func ParseSmarthost(text string) (Smarthost, error) {
	bad := func() error {
		return fmt.Errorf("%q is no smarthost: write smtps://HOST, smtp://HOST (STARTTLS) or smtp+insecure://HOST, with :PORT if it is not the usual one", text)
	}
	scheme, rest, ok := strings.Cut(text, "://")
	var s Smarthost
	switch strings.ToLower(scheme) {
	case "smtps":
		s.TLS, s.Port = Implicit, "465"
	case "smtp":
		s.TLS, s.Port = StartTLS, "587"
	case "smtp+insecure":
		s.TLS, s.Port = Insecure, "25"
	default:
		return Smarthost{}, bad()
	}
	host, port, hasPort := hostPort(strings.TrimSuffix(rest, "/"))
	if !ok || host == "" || len(host) > 255 || strings.ContainsAny(host, "/?#@ \t\r\n\x00[]") {
		return Smarthost{}, bad()
	}
	if s.Host = host; !hasPort {
		return s, nil
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
		return Smarthost{}, fmt.Errorf("%q has a port that is not between 1 and 65535", text)
	}
	s.Port = port
	return s, nil
}

// hostPort splits HOST:PORT, HOST, [V6]:PORT or [V6].
func hostPort(text string) (host, port string, hasPort bool) {
	if inner, ok := strings.CutPrefix(text, "["); ok {
		host, port, ok = strings.Cut(inner, "]")
		if !ok || !strings.Contains(host, ":") || port != "" && port[0] != ':' {
			return "", "", false
		}
		return host, strings.TrimPrefix(port, ":"), port != ""
	}
	host, port, hasPort = strings.Cut(text, ":")
	if strings.Contains(port, ":") {
		return "", "", false // an IPv6 address wants brackets
	}
	return host, port, hasPort
}

// loopback says that the host is this machine: localhost, 127.x.y.z or ::1.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") || host == "::1" {
		return true
	}
	parts := strings.Split(host, ".")
	if len(parts) != 4 || parts[0] != "127" {
		return false
	}
	for _, part := range parts {
		if n, err := strconv.Atoi(part); err != nil || n < 0 || n > 255 || strconv.Itoa(n) != part {
			return false
		}
	}
	return true
}

// parseAuth reads a SASL mechanism, "auto" or "none".
func parseAuth(text string) (string, error) {
	mechanisms := []string{
		"auto", "none", "plain", "login", "cram-md5", "scram-sha-256", "scram-sha-256-plus", "oauthbearer", "xoauth2", "external",
	}
	text = strings.ToLower(text)
	if !slices.Contains(mechanisms, text) {
		return "", fmt.Errorf("%q is no way to log in: use one of %s", text, strings.Join(mechanisms, ", "))
	}
	return text, nil
}

// parseSecret reads keyring, command:…, file:… or credential:…. Its errors do
// not show the text: a person may have typed the password here.
func parseSecret(text string) (Secret, error) {
	kind, value, colon := strings.Cut(text, ":")
	switch {
	case kind == "keyring" && !colon:
	case (kind == "command" || kind == "file" || kind == "credential") && value != "":
	default:
		return Secret{}, errors.New(`secret says where the password is, never the password itself: use keyring, command:…, file:… or credential:NAME`)
	}
	if kind == "credential" && (strings.ContainsAny(value, "/\x00") || value == "." || value == "..") {
		return Secret{}, errors.New("a credential is named by a plain name without slashes")
	}
	return Secret{Kind: kind, Value: value}, nil
}

// parseKeyExchange reads how the keys of TLS are agreed on.
func parseKeyExchange(text string) (string, error) {
	words := [...]string{"auto", PostQuantum, Classical}
	i, err := word(text, "key exchange", words[:], "")
	return words[i], err
}

// parsePin reads a SHA-256 fingerprint, in hex (colons allowed) or base64,
// with or without a leading "sha256:"; it is kept as
// lower-case hex, or as padded base64.
func parsePin(text string) (string, error) {
	s := strings.TrimSpace(text)
	for _, prefix := range []string{"sha256:", "SHA256:", "sha256//"} {
		s = strings.TrimPrefix(s, prefix)
	}
	digits := strings.ToLower(strings.ReplaceAll(s, ":", ""))
	if len(digits) == 64 && strings.Trim(digits, "0123456789abcdef") == "" {
		return digits, nil
	}
	// 32 octets are 43 digits of base 64 and one of padding.
	base64 := strings.TrimSuffix(s, "=")
	if len(base64) == 43 && strings.Trim(base64, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == "" {
		return base64 + "=", nil
	}
	return "", fmt.Errorf("%q is no SHA-256 fingerprint: give 64 hex digits, or base64", text)
}

// parsePattern reads an address, or a pattern of one.
func parsePattern(s string) (string, error) {
	if s == "" || len(s) > 320 || strings.ContainsAny(s, " \t\r\n<>,\x00") || (!strings.Contains(s, "@") && s != "*") {
		return "", fmt.Errorf("%q is no address: write me@example.org, or a pattern such as *@example.org", s)
	}
	if !strings.Contains(s, "*") {
		if err := address.Valid(s); err != nil {
			return "", fmt.Errorf("%q is no address: %w", s, err)
		}
	}
	return s, nil
}

// expandHome puts the home directory for a leading ~/.
func expandHome(path, home string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && home != "" {
		return filepath.Join(home, rest)
	}
	return path
}

// parseListen reads host:port on loopback, or unix:PATH. Anything else would
// let other machines send without logging in.
func parseListen(text string) (string, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if path == "" || len(path) > 100 {
			return "", fmt.Errorf("%q does not name a socket: after unix: stands a path of at most 100 octets", text)
		}
		return text, nil
	}
	host, port, ok := hostPort(text)
	n, err := strconv.Atoi(port)
	if !ok || err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("%q is no listener: write 127.0.0.1:2525, [::1]:2525 or unix:/path", text)
	}
	if !loopback(host) {
		return "", fmt.Errorf("%q can be reached from other machines, which could send mail without logging in: use 127.0.0.1, [::1] or unix:/path", text)
	}
	return strings.Replace(text, "localhost:", "127.0.0.1:", 1), nil
}
