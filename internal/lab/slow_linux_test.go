package lab

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// slowPair is a connection over a slow link.
func slowPair(t *testing.T, n *Network, l net.Listener) (client, server net.Conn) {
	t.Helper()
	err := n.Laptop.Do(func() (err error) {
		d := net.Dialer{Timeout: 5 * time.Second}
		client, err = d.DialContext(context.Background(), "tcp", l.Addr().String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func TestSlowLinkTakesItsTime(t *testing.T) {
	const delay, rate = 50 * time.Millisecond, 800_000
	n, link := Slow(t, delay, rate)
	l := n.Gateway.Listen(SmarthostIP + ":465")
	begin := time.Now()
	client, server := slowPair(t, n, l)
	if took := time.Since(begin); took < 3*delay || took > 3*delay+time.Second {
		t.Errorf("handshake in %v, want three times %v", took, delay)
	}
	begin = time.Now()
	const octets = 12_000
	go func() {
		if _, err := client.Write([]byte(strings.Repeat("x", octets))); err != nil {
			t.Error(err)
		}
	}()
	if _, err := io.ReadFull(server, make([]byte, octets)); err != nil {
		t.Fatal(err)
	}
	if took, least := time.Since(begin), delay+octets*8*time.Second/rate; took < least || took > least+time.Second {
		t.Errorf("%d octets in %v, want %v and a little more", octets, took, least)
	}
	up, down := link.Passed()
	if up.Octets < octets+9*40 || up.Octets > octets+30*80 || up.Packets < 9 || down.Packets == 0 {
		t.Errorf("up %+v, down %+v", up, down)
	}
}

func TestSlowLinkForgetsConnections(t *testing.T) {
	n, link := Slow(t, time.Millisecond, 0)
	l := n.Gateway.Listen(SmarthostIP + ":465")
	old, atOld := slowPair(t, n, l)
	link.BlackHole()
	link.Restore()
	client, server := slowPair(t, n, l)
	for _, c := range []net.Conn{old, client} {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.ReadFull(server, make([]byte, 1)); err != nil {
		t.Error(err)
	}
	// Long enough for the kernel to have sent it again.
	if err := atOld.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := atOld.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}
