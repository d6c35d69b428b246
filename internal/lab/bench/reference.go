//go:build linux

package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// A reference client does nothing but hand over n messages in as few flights as
// the protocol allows, from memory: it keeps no queue, and asks nobody. What it
// needs is what the link and the sink need.
type reference struct {
	tls *tls.Config
	// dial connects to the sink.
	dial    func() (net.Conn, error)
	message []byte
}

// A spent is what a session of the reference client has cost, above TCP.
type spent struct {
	// up and down are of the handshake, then of the greeting, of EHLO, and of
	// the rest. hello is the first part of up[0]; the other goes with up[1].
	up, down [4]int
	hello    int
}

// paper is the same session without hesitation.
func (s spent) paper(c course) paper {
	return paper{
		roundTrip: 2 * c.delay, rate: c.rate, flight: s.up[3],
		legs: []int{s.hello, s.down[0], s.up[0] - s.hello + s.up[1], s.down[1], s.up[2], s.down[2]},
	}
}

// newReference is one whose sessions are resumed after the first, and whose
// messages have so many octets.
func newReference(s *sink, host string, size int, dial func() (net.Conn, error)) (*reference, error) {
	pem, err := os.ReadFile(s.ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &reference{
		dial: dial, message: []byte(strings.Repeat("x", max(0, size-2)) + "\r\n"),
		tls: &tls.Config{
			RootCAs: pool, ServerName: host, ClientSessionCache: tls.NewLRUClientSessionCache(1),
			// 32 octets each way; Go's own choice is 1.2 KiB.
			CurvePreferences: []tls.CurveID{tls.X25519},
		},
	}, nil
}

// A counter counts a connection's octets.
type counter struct {
	net.Conn
	up, down int
	// hello is the first write.
	hello int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.down += n
	return n, err
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.up += n
	if c.hello == 0 {
		c.hello = n
	}
	return n, err
}

// send hands over n messages.
func (r *reference) send(n int) (spent, error) {
	conn, err := r.dial()
	if err != nil {
		return spent{}, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Minute)); err != nil {
		return spent{}, err
	}
	count := &counter{Conn: conn}
	session := tls.Client(count, r.tls)
	if err := session.Handshake(); err != nil {
		return spent{}, err
	}
	cost := spent{hello: count.hello}
	at := 0
	mark := func() {
		cost.up[at], cost.down[at] = count.up, count.down
		count.up, count.down = 0, 0
		at++
	}
	mark()
	in := bufio.NewReader(session)
	if err := replies(in, 1); err != nil {
		return spent{}, err
	}
	mark()
	if _, err := session.Write([]byte("EHLO localhost.localdomain\r\n")); err != nil {
		return spent{}, err
	}
	if err := replies(in, 1); err != nil {
		return spent{}, err
	}
	mark()
	out := bufio.NewWriterSize(session, 64<<10)
	written := make(chan error, 1)
	go func() { written <- r.flight(out, n) }()
	if err := replies(in, 4*n); err != nil {
		return spent{}, err
	}
	mark()
	if err := <-written; err != nil {
		return spent{}, err
	}
	_, err = session.Write([]byte("QUIT\r\n"))
	return cost, err
}

// flight is the log-in and all messages.
func (r *reference) flight(out *bufio.Writer, n int) error {
	fmt.Fprintf(out, "AUTH PLAIN %s\r\n", base64.StdEncoding.EncodeToString([]byte("\x00"+sinkUser+"\x00"+sinkPassword)))
	for i := range n {
		if i > 0 {
			out.WriteString("RSET\r\n")
		}
		fmt.Fprintf(out, "MAIL FROM:<me@example.test> SIZE=%d\r\nRCPT TO:<you@example.test>\r\nBDAT %d LAST\r\n", len(r.message), len(r.message))
		out.Write(r.message)
	}
	return out.Flush() // tells of the writes, too
}

// replies reads so many, all of which must be good.
func replies(in *bufio.Reader, n int) error {
	for n > 0 {
		line, err := in.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case len(line) < 4 || line[0] != '2':
			return fmt.Errorf("the sink says %q", line)
		case line[3] == ' ':
			n--
		}
	}
	return nil
}
