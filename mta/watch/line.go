package watch

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"mailcrane/internal/visible"
	"mailcrane/mta/ident"
)

// mostWords bounds what a client or a server said in a line, in octets;
// mostAddress an address, which RFC 5321 section 4.5.3.1.3 has at 256.
const (
	mostWords   = 1000
	mostAddress = 320
)

// words is text from outside, fit for a line of the log.
func words(text string) string { return visible.Line(text, mostWords) }

// path is an address as sendmail logs it.
func path(address string) string { return "<" + visible.Line(address, mostAddress) + ">" }

// A Peer is the client of a connection.
type Peer struct {
	// Name is what the name service calls it, "" where that has no name for it.
	Name string
	// Forged: the name is that of another address.
	Forged bool
	// Addr is its address; the zero Addr came by a Unix socket.
	Addr netip.Addr
	// Port is the name of the listener.
	Port string
	// Ident is what the client's machine says of who has made the connection (RFC
	// 1413), "" where nobody was asked or has answered.
	Ident string
	// Number tells the server's connections apart, for trace.
	Number uint64
}

// Relay is the client as sendmail's relay= has it: its name and its address, and
// before them what ident says.
func (p Peer) Relay() string {
	return ident.Named(p.Ident, p.Host())
}

// Host is Relay without ident.
func (p Peer) Host() string {
	if !p.Addr.IsValid() {
		return "localhost"
	}
	literal := "[" + p.Addr.Unmap().WithZone("").String() + "]"
	if p.Addr.Unmap().Is6() {
		literal = "[IPv6:" + literal[1:]
	}
	switch {
	case p.Name == "" || strings.HasPrefix(p.Name, "["):
		return literal
	case p.Forged:
		return visible.Line(p.Name, mostAddress) + " " + literal + " (may be forged)"
	}
	return visible.Line(p.Name, mostAddress) + " " + literal
}

func (p Peer) port() string {
	if p.Port == "" {
		return "MTA"
	}
	return words(p.Port)
}

func (p Peer) facts(event string) []slog.Attr {
	facts := []slog.Attr{slog.String("event", event), slog.String("relay", p.Relay()), slog.String("daemon", p.port())}
	if p.Addr.IsValid() {
		facts = append(facts, slog.String("addr", p.Addr.Unmap().String()))
	}
	return facts
}

// ofMessage begins a line with the message that it is about, in sendmail's
// words: NOQUEUE where there is none yet.
func ofMessage(id, line string) string {
	if id == "" {
		id = "NOQUEUE"
	}
	return words(id) + ": " + line
}

// clockTime is a duration in sendmail's form: 01:00:00, and from a day on
// 2+00:30:00.
func clockTime(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	text := fmt.Sprintf("%02d:%02d:%02d", s/3600%24, s/60%60, s%60)
	if days := s / 86400; days > 0 {
		return strconv.FormatInt(days, 10) + "+" + text
	}
	return text
}
