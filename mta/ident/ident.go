// Package ident asks a client's machine which of its users has made the
// connection (RFC 1413). What it says proves nothing: it is for Received fields
// and the log, never for a decision.
package ident

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// port is where every machine answers that answers at all (RFC 1413 section 2).
const port = 113

// mostLine bounds an answer (RFC 1413 section 4), mostUser what is kept of it.
const (
	mostLine = 1000
	mostUser = 64
)

// An Asker asks. The zero asks nobody.
type Asker struct {
	// Timeout is sendmail's Timeout.ident, for the whole of a question; 0 asks
	// nobody.
	Timeout time.Duration
	// Dial makes a connection from an address of ours; nil is net.Dialer's.
	Dial func(ctx context.Context, from, to netip.AddrPort) (net.Conn, error)
}

// An Answer is one that is on its way.
type Answer struct {
	done chan struct{} // closed when user is set
	user string
}

// Ask begins to ask about the connection from remote to local, so that the
// greeting need not wait. It ends with its time-out, or with ctx if that is
// sooner. A connection by a proxy, or without a network, must not be asked
// about: its ends are not the client's.
func (a Asker) Ask(ctx context.Context, local, remote netip.AddrPort) *Answer {
	answer := &Answer{done: make(chan struct{})}
	if a.Timeout <= 0 || !local.IsValid() || !remote.IsValid() {
		close(answer.done)
		return answer
	}
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	go func() {
		defer cancel()
		defer close(answer.done)
		// Who does not tell is as good as nobody; there is nothing to mend.
		answer.user, _ = a.ask(ctx, local, remote)
	}()
	return answer
}

// User is the client's user, "" where there is no answer; it waits until the
// question has ended. A nil Answer has no user.
func (a *Answer) User() string {
	if a == nil {
		return ""
	}
	<-a.done
	return a.user
}

// Known is User as far as it is known: "" while the question is on its way.
func (a *Answer) Known() string {
	if a == nil {
		return ""
	}
	select {
	case <-a.done:
		return a.user
	default:
		return ""
	}
}

// Named is a client's host as Received fields and the log have it:
// IDENT:user@host, or the host alone where no user is known.
func Named(user, host string) string {
	if user == "" {
		return host
	}
	return "IDENT:" + user + "@" + host
}

func (a Asker) ask(ctx context.Context, local, remote netip.AddrPort) (string, error) {
	dial := a.Dial
	if dial == nil {
		dial = dialFrom
	}
	// From the address that the client knows, since its machine looks for the
	// connection of this pair.
	conn, err := dial(ctx, netip.AddrPortFrom(local.Addr(), 0), netip.AddrPortFrom(remote.Addr(), port))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := fmt.Fprintf(conn, "%d , %d\r\n", remote.Port(), local.Port()); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(io.LimitReader(conn, mostLine)).ReadString('\n')
	if err != nil && line == "" {
		return "", err
	}
	return parse(line, remote.Port(), local.Port()), nil
}

func dialFrom(ctx context.Context, from, to netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(from)}
	return d.DialContext(ctx, "tcp", to.String())
}

// parse is the user in an answer such as "6193, 23 : USERID : UNIX : stjohns",
// "" where it names none for these ports. A user of a system OTHER is none: it
// may be anything (RFC 1413 section 6).
func parse(line string, theirs, ours uint16) string {
	parts := strings.SplitN(strings.TrimRight(line, "\r\n"), ":", 4)
	if len(parts) != 4 {
		return ""
	}
	their, our, _ := strings.Cut(parts[0], ",")
	system, _, _ := strings.Cut(strings.TrimSpace(parts[2]), ",")
	if !isPort(their, theirs) || !isPort(our, ours) ||
		!strings.EqualFold(strings.TrimSpace(parts[1]), "USERID") ||
		system == "" || strings.EqualFold(strings.TrimSpace(system), "OTHER") {
		return ""
	}
	return clean(parts[3])
}

func isPort(text string, want uint16) bool {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	return err == nil && uint16(n) == want
}

// clean keeps what may stand in a header field's atom (RFC 5322 section 3.2.3),
// as sendmail does, and so much of it.
func clean(text string) string {
	var kept strings.Builder
	for _, c := range []byte(text) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if (letter || strings.IndexByte("!#$%&'*+-./=?^_`{|}~", c) >= 0) && kept.Len() < mostUser {
			kept.WriteByte(c)
		}
	}
	return kept.String()
}
