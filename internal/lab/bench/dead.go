//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// What the dead bench sends to: so many destinations, each on a loopback address of
// its own, of which every fifth is dead.
const (
	destinations = 100
	everyDead    = 5
)

// isDead says that a destination is one of the dead, which refuse and swallow
// connections by turns.
func isDead(i int) bool { return i%everyDead == 0 }

// dead measures how long a server's queue takes for the mail to live destinations:
// alone, and beside mail to dead ones.
func dead(w *workshop) error {
	if os.Getuid() != 0 {
		fmt.Println("  (left out: needs root, for a disk of its own)")
		return nil
	}
	return w.onDisk(func(d *disk) error {
		g, err := w.graveyard(d)
		if err != nil {
			return err
		}
		defer g.close()
		messages := 1000 * w.rounds
		var alone, beside []time.Duration
		for range max(1, w.rounds/3) {
			for _, way := range []struct {
				skip  bool
				times *[]time.Duration
			}{{true, &alone}, {false, &beside}} {
				took, err := g.run(w, messages, way.skip)
				if err != nil {
					return err
				}
				*way.times = append(*way.times, took)
			}
		}
		live := messages * (everyDead - 1) / everyDead
		fmt.Printf("  %d messages to %d live destinations alone: %s s\n", live, destinations*(everyDead-1)/everyDead, seconds(alone))
		fmt.Printf("  the same beside %d messages to %d dead ones: %s s\n", messages-live, destinations/everyDead, seconds(beside))
		fmt.Printf("  ratio of the medians: %.2f\n", median(beside).Seconds()/median(alone).Seconds())
		return nil
	})
}

func seconds(times []time.Duration) string {
	var words []string
	for _, t := range times {
		words = append(words, fmt.Sprintf("%.2f", t.Seconds()))
	}
	return strings.Join(words, ", ")
}

// A graveyard is a server, and the destinations that it knows.
type graveyard struct {
	server *drainer
	sink   *sink
	mute   []int // sockets that swallow connections
}

func (w *workshop) graveyard(d *disk) (*graveyard, error) {
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return nil, err
	}
	g := &graveyard{}
	if g.sink, err = w.sinkOf(sinkKind{plain: true}, l); err != nil {
		return nil, err
	}
	_, live, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return nil, err
	}
	var table strings.Builder
	for i := range destinations {
		host, port := net.IPv4(127, 0, 1, byte(i+1)), live
		switch {
		case isDead(i) && i/everyDead%2 == 0:
			port = "1" // where nothing listens
		case isDead(i):
			if port, err = g.swallows(host); err != nil {
				return nil, err
			}
		}
		fmt.Fprintf(&table, "%s\tesmtp:[%s]:%s\n", destination(i), host, port)
	}
	path := filepath.Join(w.dir, "mailertable")
	if err := os.WriteFile(path, []byte(table.String()), 0o600); err != nil {
		return nil, err
	}
	g.server, err = w.serverThatOpens(d, fmt.Sprintf("map.mailertable = %q\ndont_blame_sendmail = [\"TrustStickyBit\"]", path))
	return g, err
}

func destination(i int) string { return "d" + strconv.Itoa(i) + ".test" }

// swallows has a port that answers nothing: its queue of connections that nobody
// has accepted is full, and the kernel drops every SYN.
func (g *graveyard) swallows(host net.IP) (port string, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	g.mute = append(g.mute, fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte(host.To4())}), unix.Listen(fd, 0)); err != nil {
		return "", err
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return "", err
	}
	at, ok := bound.(*unix.SockaddrInet4)
	if !ok {
		return "", fmt.Errorf("a socket is bound to %v", bound)
	}
	port = strconv.Itoa(at.Port)
	for range 4 {
		c, err := net.DialTimeout("tcp4", net.JoinHostPort(host.String(), port), 300*time.Millisecond)
		if err != nil {
			return port, nil //nolint:nilerr // it is what was wanted
		}
		defer c.Close() // it stays in the queue of the socket all the same
	}
	return "", fmt.Errorf("%v:%s answers on", host, port)
}

func (g *graveyard) close() {
	g.sink.close()
	for _, fd := range g.mute {
		_ = unix.Close(fd)
	}
}

// run fills the queue and measures until the last live destination has its mail.
func (g *graveyard) run(w *workshop, messages int, liveAlone bool) (took time.Duration, err error) {
	p, live := g.server, messages*(everyDead-1)/everyDead
	kept := messages
	if liveAlone {
		kept = live
	}
	if err := p.filled(w, kept, func() error { return p.fillAll(messages, liveAlone) }); err != nil {
		return 0, err
	}
	g.sink.forget()
	if err := w.settle(); err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := p.opens(""); err != nil {
		return 0, err
	}
	ended := w.undoing.later(func() { err = errors.Join(err, p.down(), p.empty()) })
	defer ended()
	_, last, err := g.sink.awaits(live)
	return last.Sub(begin), err
}

// fillAll hands messages in for all destinations by turns, by ten sessions.
func (p *drainer) fillAll(messages int, liveAlone bool) error {
	const sessions = 10
	text := []byte("From: me@bench.test\r\nSubject: bench\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 56))
	failed := make([]error, sessions)
	var all sync.WaitGroup
	for session := range sessions {
		all.Go(func() {
			failed[session] = p.handsIn(text, func(yield func(string) bool) {
				for i := session; i < messages; i += sessions {
					// Each session has each destination in its turn.
					to := (i/sessions + i%sessions) % destinations
					if liveAlone && isDead(to) {
						continue
					}
					if !yield("you@" + destination(to)) {
						return
					}
				}
			})
		})
	}
	all.Wait()
	return errors.Join(slices.DeleteFunc(failed, func(err error) bool { return err == nil })...)
}

// handsIn hands a message in for each recipient, by one session with pipelining.
func (p *drainer) handsIn(text []byte, recipients func(func(string) bool)) error {
	c, err := textproto.Dial("tcp4", "127.0.0.1:"+strconv.Itoa(p.port))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // what was to be said is said
	said := func(codes ...int) error {
		for _, code := range codes {
			if _, _, err := c.ReadResponse(code); err != nil {
				return err
			}
		}
		return nil
	}
	if err := errors.Join(c.PrintfLine("EHLO client.bench.test"), said(220, 250)); err != nil {
		return err
	}
	for to := range recipients {
		if err := errors.Join(c.PrintfLine("MAIL FROM:<me@bench.test>\r\nRCPT TO:<%s>\r\nDATA", to), said(250, 250, 354)); err != nil {
			return err
		}
		if err := errors.Join(c.PrintfLine("%s.", text), said(250)); err != nil {
			return err
		}
	}
	return errors.Join(c.PrintfLine("QUIT"), said(221))
}
