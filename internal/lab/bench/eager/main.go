//go:build linux

// Command eager is the floor that an agent is measured against when the way out
// comes back: it waits for the kernel to say that something changed in the network,
// connects at once, and again every few milliseconds until it gets through, and
// sends a message by the fewest round trips. It keeps nothing and has no patience.
//
//	eager ADDRESS NAME CA USER PASSWORD < LINES
//
// It sends one message for each line of standard input. ADDRESS may be a name;
// without CA, a file, the server is spoken with in the clear and without AUTH.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// again is the pause between two attempts, and awake how long after an event
	// they are made.
	again = 5 * time.Millisecond
	awake = 3 * time.Second
)

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: eager ADDRESS NAME CA USER PASSWORD")
		os.Exit(64)
	}
	s := server{address: os.Args[1], name: os.Args[2], user: os.Args[4], password: os.Args[5]}
	if err := s.serve(os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "eager:", err)
		os.Exit(75)
	}
}

type server struct {
	address, name, user, password string
	tls                           *tls.Config // nil: none
}

func (s *server) serve(ca string) error {
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		s.tls = &tls.Config{ServerName: s.name, RootCAs: roots, ClientSessionCache: tls.NewLRUClientSessionCache(1), MinVersion: tls.VersionTLS13}
	}
	events, err := listen()
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		for len(events) > 0 {
			<-events // of the time before
		}
		conn, err := s.reach(events)
		if err != nil {
			return err
		}
		if err := s.send(conn); err != nil {
			return err
		}
	}
	return lines.Err()
}

// listen has a value for each message of the kernel's about links, addresses and
// routes; values that nobody has taken are joined.
func listen() (<-chan struct{}, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	const groups = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV4_ROUTE
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, err
	}
	events := make(chan struct{}, 1)
	go func() {
		message := make([]byte, 64<<10)
		for {
			if _, _, err := unix.Recvfrom(fd, message, 0); err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
				return
			}
			select {
			case events <- struct{}{}:
			default:
			}
		}
	}()
	return events, nil
}

// reach is the first connection that comes about after an event.
func (s *server) reach(events <-chan struct{}) (net.Conn, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	reached := make(chan net.Conn)
	attempt := func() {
		// A resolver of its own: lookups of one join, and so would all attempts.
		conn, err := (&net.Dialer{Resolver: new(net.Resolver)}).DialContext(ctx, "tcp", s.address)
		if err != nil {
			return // the next event, or the next attempt
		}
		select {
		case reached <- conn:
		case <-ctx.Done():
			conn.Close()
		}
	}
	for {
		<-events
		tick := time.NewTicker(again)
		for end := time.Now().Add(awake); time.Now().Before(end); {
			go attempt()
			select {
			case conn := <-reached:
				tick.Stop()
				return conn, nil
			case <-tick.C:
			}
		}
		tick.Stop()
	}
}

// send is one session with one message.
func (s *server) send(conn net.Conn) error {
	defer conn.Close()
	if s.tls != nil {
		conn = tls.Client(conn, s.tls)
	}
	r := bufio.NewReader(conn)
	if err := replies(r, 1); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "EHLO eager.test\r\n"); err != nil {
		return err
	}
	if err := replies(r, 1); err != nil {
		return err
	}
	envelope, n := "MAIL FROM:<me@example.test>\r\nRCPT TO:<you@example.test>\r\n", 3
	if s.tls != nil {
		answer := base64.StdEncoding.EncodeToString([]byte("\x00" + s.user + "\x00" + s.password))
		envelope, n = "AUTH PLAIN "+answer+"\r\n"+envelope, 4
	}
	text := "Subject: eager\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 56)
	if _, err := fmt.Fprintf(conn, "%sBDAT %d LAST\r\n%s", envelope, len(text), text); err != nil {
		return err
	}
	if err := replies(r, n); err != nil {
		return err
	}
	_, err := fmt.Fprint(conn, "QUIT\r\n")
	return err
}

// replies reads n whole replies, all of which must be yes.
func replies(r *bufio.Reader, n int) error {
	for n > 0 {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if line[0] != '2' {
			return fmt.Errorf("the server said %q", line)
		}
		if len(line) > 3 && line[3] == ' ' {
			n--
		}
	}
	return nil
}
