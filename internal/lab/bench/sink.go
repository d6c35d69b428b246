//go:build linux

package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// A sink is a smarthost that throws the messages away as fast as they come:
// what a client sends to it is not slowed by a disk, so that the client is what
// is measured.
type sink struct {
	listener net.Listener
	kind     sinkKind
	tls      *tls.Config
	ca       string // file with the CA's certificate, in PEM
	// accepted gets the time at which a message was answered with 250. More than
	// it holds must be taken out meanwhile.
	accepted chan time.Time

	mu    sync.Mutex
	count sinkCount
	open  int
}

// A sinkKind says what a sink offers.
type sinkKind struct {
	// plain has no TLS and no AUTH, starttls has it on demand; otherwise it is
	// TLS at once.
	plain, starttls bool
	// unpipelined and unchunked leave out an extension.
	unpipelined, unchunked bool
	// thinks is how long it takes over each message before it answers.
	thinks time.Duration
}

// port is the usual one of its kind.
func (k sinkKind) port() string {
	switch {
	case k.plain:
		return "25"
	case k.starttls:
		return "587"
	}
	return "465"
}

// A sinkCount is what a sink has seen.
type sinkCount struct {
	sessions int
	octets   int64 // of messages
}

const (
	sinkUser     = "bob@smarthost.test"
	sinkPassword = "sekrit"
)

// sink listens on l until close, with TLS at once and AUTH PLAIN.
func (w *workshop) sink(l net.Listener) (*sink, error) { return w.sinkOf(sinkKind{}, l) }

// sinkOf listens on l until close.
func (w *workshop) sinkOf(kind sinkKind, l net.Listener) (*sink, error) {
	dir := filepath.Join(w.dir, "ca")
	if _, err := os.Stat(filepath.Join(dir, "done")); err != nil {
		makeCertificates := exec.Command("go", "run", "./internal/lab/certs", dir)
		makeCertificates.Dir = w.module
		if out, err := makeCertificates.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("cannot make certificates: %w\n%s", err, out)
		}
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "good.pem"), filepath.Join(dir, "good.key"))
	if err != nil {
		return nil, err
	}
	s := &sink{
		listener: l, kind: kind, ca: filepath.Join(dir, "ca.pem"), accepted: make(chan time.Time, 10_000),
		tls: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
	}
	go s.serve()
	return s, nil
}

func (s *sink) close() { s.listener.Close() }

// forget empties accepted, and what was counted.
func (s *sink) forget() {
	for len(s.accepted) > 0 {
		<-s.accepted
	}
	s.tally(func(c *sinkCount) { *c = sinkCount{} })
}

func (s *sink) tally(change func(*sinkCount)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.count)
}

// seen is what was counted, and how many sessions are open.
func (s *sink) seen() (sinkCount, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count, s.open
}

func (s *sink) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.count.sessions++
		s.open++
		s.mu.Unlock()
		go func() {
			// A client that breaks off is one whose message does not arrive,
			// which the bench notices.
			_ = s.converse(conn)
			s.mu.Lock()
			s.open--
			s.mu.Unlock()
		}()
	}
}
