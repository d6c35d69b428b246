package listen

import (
	"bufio"
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

func quietServer(t *testing.T, left func()) (s *Server, l net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = New(nil, Options{Access: Access{Everyone: true}, Left: left})
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	s.door.opened(l) // as Serve does, so that Pause need not be later than it
	go func() { served <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s, l
}

func greeting(t *testing.T, l net.Listener) (net.Conn, func() string) {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	lines := bufio.NewReader(c)
	return c, func() string {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return line
	}
}

func TestAClientThatComesInAPauseIsServedAfterIt(t *testing.T) {
	s, l := quietServer(t, nil)
	if !s.Pause() {
		t.Fatal("nobody is there, and it is not quiet")
	}
	_, read := greeting(t, l)
	s.Resume()
	if line := read(); !strings.HasPrefix(line, "220 ") {
		t.Errorf("greeted with %q", line)
	}
}

func TestAPauseIsNotQuietWhileAClientIsThere(t *testing.T) {
	gone := make(chan struct{}, 1)
	s, l := quietServer(t, func() { gone <- struct{}{} })
	c, read := greeting(t, l)
	read()
	if s.Pause() {
		t.Error("quiet with a client inside")
	}
	s.Resume()
	c.Close()
	<-gone
	if !s.Pause() {
		t.Error("not quiet after the client has gone")
	}
	s.Resume()
}

// A pause that says "quiet" must not have a client behind its back: whoever
// connects is either counted before it or not accepted before Resume.
func TestNoClientSlipsThroughAPause(t *testing.T) {
	var left atomic.Int64
	s, l := quietServer(t, func() { left.Add(1) })
	const clients = 300
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range clients {
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
				t.Errorf("a client was dropped: %v", err)
			}
			c.Close()
		}
	}()
	quiet := 0
	for {
		if s.Pause() {
			quiet++
			if s.door.clients != 0 {
				t.Error("a client was accepted in the pause")
			}
		}
		s.Resume()
		select {
		case <-done:
			t.Logf("%d quiet pauses", quiet)
			return
		default:
		}
	}
}
