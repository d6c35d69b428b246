//go:build linux

package main

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A sink is a smarthost with TLS at once and AUTH PLAIN that throws the
// messages away as fast as they come: what a client sends to it is not slowed
// by a disk, so that the client is what is measured.
type sink struct {
	listener net.Listener
	tls      *tls.Config
	ca       string // file with the CA's certificate, in PEM
	// accepted gets the time at which a message was answered with 250.
	accepted chan time.Time
}

const (
	sinkUser     = "bob@smarthost.test"
	sinkPassword = "sekrit"
)

// sink listens on l until close.
func (w *workshop) sink(l net.Listener) (*sink, error) {
	dir := filepath.Join(w.dir, "ca")
	makeCertificates := exec.Command("go", "run", "./internal/lab/certs", dir)
	makeCertificates.Dir = w.module
	if out, err := makeCertificates.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cannot make certificates: %w\n%s", err, out)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "good.pem"), filepath.Join(dir, "good.key"))
	if err != nil {
		return nil, err
	}
	s := &sink{
		listener: l, ca: filepath.Join(dir, "ca.pem"), accepted: make(chan time.Time, 1000),
		tls: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
	}
	go s.serve()
	return s, nil
}

func (s *sink) close() { s.listener.Close() }

// forget empties accepted.
func (s *sink) forget() {
	for len(s.accepted) > 0 {
		<-s.accepted
	}
}

func (s *sink) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			session := tls.Server(conn, s.tls)
			c := &sinkSession{r: bufio.NewReaderSize(session, 64<<10), w: session, accepted: s.accepted}
			// A client that breaks off is one whose message does not arrive,
			// which the bench notices.
			_ = errors.Join(c.talk(), session.Close())
		}()
	}
}

// A sinkSession is one client's connection.
type sinkSession struct {
	r        *bufio.Reader
	w        io.Writer
	accepted chan<- time.Time
}

func (c *sinkSession) talk() error {
	err := c.say("220 sink.test ESMTP")
	for err == nil {
		var line string
		if line, err = c.r.ReadString('\n'); err != nil {
			return err
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.EqualFold(verb, "QUIT") {
			return c.say("221 2.0.0 bye")
		}
		err = c.obey(strings.ToUpper(verb), rest)
	}
	return err
}

func (c *sinkSession) obey(verb, rest string) error {
	switch verb {
	case "EHLO":
		return c.say("250-sink.test\r\n250-PIPELINING\r\n250-SIZE 67108864\r\n250-8BITMIME\r\n250-CHUNKING\r\n250 AUTH PLAIN")
	case "AUTH":
		want := base64.StdEncoding.EncodeToString([]byte("\x00" + sinkUser + "\x00" + sinkPassword))
		if rest != "PLAIN "+want {
			return c.say("535 5.7.8 no")
		}
		return c.say("235 2.7.0 yes")
	case "DATA":
		return errors.Join(c.say("354 go on"), c.data(), c.taken())
	case "BDAT":
		words := strings.Fields(strings.ToUpper(rest) + " .")
		n, err := strconv.Atoi(words[0])
		if err != nil {
			return err
		}
		if _, err := c.r.Discard(n); err != nil {
			return err
		}
		if words[1] == "LAST" {
			return c.taken()
		}
	}
	return c.say("250 2.0.0 well")
}

// data throws lines away up to the one that is a dot.
func (c *sinkSession) data() error {
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if string(line) == ".\r\n" {
			return nil
		}
	}
}

func (c *sinkSession) taken() error {
	err := c.say("250 2.0.0 taken")
	if err == nil {
		c.accepted <- time.Now()
	}
	return err
}

func (c *sinkSession) say(reply string) error {
	_, err := io.WriteString(c.w, reply+"\r\n")
	return err
}
