package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// sessionSuffix is added for what the last session of a route has cost. It only
// tells: nothing rests on it. No account has a name with such a sign.
const sessionSuffix = "~session"

// NoteSession writes down what a session did and cost, but for a server's doors,
// which are many.
func (s *Spool) NoteSession(end SessionEnd) error {
	if end.Route.door() {
		return nil
	}
	return s.replace(dirRoute, RouteFile(end.Route)+sessionSuffix, end.append(nil))
}

// LastSession is the last session of a route that has ended, of any process;
// the zero value if there was none.
func (s *Spool) LastSession(route Route) (SessionEnd, error) {
	text, err := s.readAll(s.routePath(route)+sessionSuffix, maxRouteState)
	if errors.Is(err, fs.ErrNotExist) {
		return SessionEnd{}, nil
	}
	if err != nil {
		return SessionEnd{}, err
	}
	end, err := parseSessionEnd(text)
	end.Route = route
	return end, err
}

// append writes a line for each thing: its name, a space, its value. Times are
// in nanoseconds.
func (e *SessionEnd) append(b []byte) []byte {
	b = append(append(b, "began "...), e.Began.UTC().Format(time.RFC3339Nano)...)
	b = append(append(append(b, "\nserver "...), oneLine(e.Server)...), '\n')
	for _, number := range [...]struct {
		name  string
		value int64
	}{
		{"took", int64(e.Took)},
		{"messages", int64(e.Messages)},
		{"recipients", int64(e.Recipients)},
		{"mail", e.Mail},
		{"sent", e.Sent},
		{"received", e.Received},
		{"handshake_sent", e.HandshakeSent},
		{"handshake_received", e.HandshakeReceived},
		{"round_trips", int64(e.RoundTrips)},
		{"round_trip", int64(e.RoundTrip)},
	} {
		b = append(append(b, number.name...), ' ')
		b = append(strconv.AppendInt(b, number.value, 10), '\n')
	}
	for _, word := range [...]struct{ name, value string }{{"tls", e.TLS}, {"key_exchange", e.KeyExchange}, {"why", e.Why}} {
		if word.value != "" {
			b = append(append(append(append(b, word.name...), ' '), oneLine(word.value)...), '\n')
		}
	}
	if e.Resumed {
		b = append(b, "resumed\n"...)
	}
	return b
}

// parseSessionEnd reads it; what it does not know it passes over, so that a
// later version may write more.
func parseSessionEnd(text string) (SessionEnd, error) {
	var e SessionEnd
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if err := e.set(name, value); err != nil {
			return SessionEnd{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	if e.Began.IsZero() {
		return SessionEnd{}, errors.New("it does not say when the session began")
	}
	return e, nil
}

func (e *SessionEnd) set(name, value string) (err error) {
	switch name {
	case "began":
		e.Began, err = time.Parse(time.RFC3339Nano, value)
	case "server":
		e.Server = value
	case "tls":
		e.TLS = value
	case "key_exchange":
		e.KeyExchange = value
	case "why":
		e.Why = value
	case "resumed":
		e.Resumed = true
	default:
		return e.setNumber(name, value)
	}
	return err
}

func (e *SessionEnd) setNumber(name, value string) error {
	var small *int
	var large *int64
	switch name {
	case "took":
		large = (*int64)(&e.Took)
	case "messages":
		small = &e.Messages
	case "recipients":
		small = &e.Recipients
	case "mail":
		large = &e.Mail
	case "sent":
		large = &e.Sent
	case "received":
		large = &e.Received
	case "handshake_sent":
		large = &e.HandshakeSent
	case "handshake_received":
		large = &e.HandshakeReceived
	case "round_trips":
		small = &e.RoundTrips
	case "round_trip":
		large = (*int64)(&e.RoundTrip)
	default:
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err == nil && n < 0 {
		err = strconv.ErrRange
	}
	if small != nil {
		*small = int(n)
	} else {
		*large = n
	}
	return err
}
