package listen

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mailcrane/queue"
)

// A received message is one that Submit accepted.
type received struct {
	env  queue.Envelope
	body string
}

// A recorder is a Submit that keeps what it is given in memory.
type recorder struct {
	mu       sync.Mutex
	messages []received
}

func (r *recorder) submit(_ context.Context, env *queue.Envelope, message io.Reader) (queue.ID, error) {
	b, err := io.ReadAll(message)
	if err != nil {
		return "", fmt.Errorf("reading the message: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, received{*env, string(b)})
	return queue.ID(fmt.Sprintf("id%d", len(r.messages))), nil
}

func (r *recorder) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.messages...)
}

// bodies are what was accepted, in the order of acceptance.
func (r *recorder) bodies() []string {
	var all []string
	for _, m := range r.all() {
		all = append(all, m.body)
	}
	return all
}

// serve runs a server on l until the test ends, or stop is called.
func serve(t *testing.T, l net.Listener, submit Submit, o Options) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- New(submit, o).Serve(ctx, l) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// onSocket serves on a Unix socket in a directory of its own.
func onSocket(t *testing.T, submit Submit, o Options) (address string) {
	t.Helper()
	address = filepath.Join(t.TempDir(), "s")
	l, err := Listen(t.Context(), "unix:"+address, o.Access)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, submit, o)
	return address
}

// onLoopback serves on a TCP port.
func onLoopback(t *testing.T, submit Submit, o Options) (address string) {
	t.Helper()
	l, err := Listen(t.Context(), "127.0.0.1:0", o.Access)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, submit, o)
	return l.Addr().String()
}

// A client is a mail program that says what it is told.
type client struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// dial connects to a path or host:port and reads the greeting.
func dial(t *testing.T, address string) *client {
	t.Helper()
	c := connect(t, address)
	c.want("220 ")
	return c
}

func connect(t *testing.T, address string) *client {
	t.Helper()
	network := "tcp"
	if filepath.IsAbs(address) {
		network = "unix"
	}
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &client{t, c, bufio.NewReader(c)}
}

// say sends octets as they are. The far end may have hung up already.
func (c *client) say(octets string) { _, _ = io.WriteString(c.Conn, octets) }

// reply reads one reply, its lines joined by " | ".
func (c *client) reply() (string, error) {
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return "", err
	}
	var lines []string
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return line, err
		}
		line = strings.TrimSuffix(line, "\r\n")
		lines = append(lines, line)
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(lines, " | "), nil
		}
	}
}

// want reads one reply for each prefix and returns the last.
func (c *client) want(prefixes ...string) (last string) {
	c.t.Helper()
	for _, p := range prefixes {
		got, err := c.reply()
		if err != nil {
			c.t.Fatalf("waiting for %q: %v", p, err)
		}
		if !strings.HasPrefix(got, p) {
			c.t.Fatalf("got %q, want %q", got, p)
		}
		last = got
	}
	return last
}

// wantEnd checks that the server says nothing more and hangs up.
func (c *client) wantEnd() {
	c.t.Helper()
	if got, err := c.reply(); err == nil || got != "" {
		c.t.Fatalf("got %q, %v, want the end of the connection", got, err)
	} else if n, ok := err.(net.Error); ok && n.Timeout() {
		c.t.Fatal("the connection is still open")
	}
}

// hello, with one transaction up to the reply to the last RCPT.
func (c *client) envelope() {
	c.t.Helper()
	c.say("EHLO me\r\n")
	c.want("250")
	c.again()
}

func (c *client) again() {
	c.t.Helper()
	c.say("MAIL FROM:<me@example.org>\r\nRCPT TO:<you@example.org>\r\n")
	c.want("250 2.1.0", "250 2.1.5")
}

func (c *client) data(body string) {
	c.t.Helper()
	c.say("DATA\r\n")
	c.want("354")
	c.say(body)
}
