//go:build linux

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// A sinkSession is one client's connection. Replies go out together when there
// is nothing more to read, as those of any server with PIPELINING do.
type sinkSession struct {
	*sink
	conn   net.Conn
	secure bool
	r      *bufio.Reader
	w      *bufio.Writer
	// owed are the messages whose 250 is still in w.
	owed int
}

func (s *sink) converse(conn net.Conn) error {
	c := &sinkSession{sink: s}
	c.on(conn)
	defer func() { c.conn.Close() }()
	if !s.kind.plain && !s.kind.starttls {
		if err := c.encrypt(); err != nil {
			return err
		}
	}
	err := c.talk()
	if err == nil {
		err = c.flush()
	}
	return err
}

func (c *sinkSession) on(conn net.Conn) {
	c.conn = conn
	c.r = bufio.NewReaderSize(awaiting{c}, 64<<10)
	c.w = bufio.NewWriterSize(conn, 32<<10)
}

// An awaiting reader sends the replies before it waits.
type awaiting struct{ *sinkSession }

func (a awaiting) Read(p []byte) (int, error) {
	if err := a.flush(); err != nil {
		return 0, err
	}
	return a.conn.Read(p)
}

func (c *sinkSession) flush() error {
	err := c.w.Flush()
	if err != nil || c.owed == 0 {
		return err
	}
	now := time.Now()
	for range c.owed {
		c.accepted <- now
	}
	c.owed = 0
	return nil
}

func (c *sinkSession) encrypt() error {
	session := tls.Server(c.conn, c.tls)
	if err := session.Handshake(); err != nil {
		return err
	}
	c.on(session)
	c.secure = true
	return nil
}

func (c *sinkSession) talk() error {
	c.say("220 sink.test ESMTP")
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		verb, rest, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(" "))
		switch word := string(bytes.ToUpper(verb)); word {
		case "QUIT":
			c.say("221 2.0.0 bye")
			return nil
		case "STARTTLS":
			c.say("220 2.0.0 go on")
			err = c.flush()
			if err == nil {
				err = c.encrypt()
			}
		default:
			err = c.obey(word, rest)
		}
		if err != nil {
			return err
		}
	}
}

func (c *sinkSession) obey(verb string, rest []byte) error {
	switch verb {
	case "EHLO":
		c.say(c.offer())
	case "AUTH":
		return c.auth(string(rest))
	case "DATA":
		c.say("354 go on")
		return c.data()
	case "BDAT":
		return c.chunk(strings.Fields(strings.ToUpper(string(rest)) + " ."))
	default:
		c.say("250 2.0.0 well")
	}
	return nil
}

// auth takes PLAIN (RFC 4616), in one step or in two, whatever the client wants
// to be taken for.
func (c *sinkSession) auth(rest string) error {
	mechanism, answer, _ := strings.Cut(rest, " ")
	if answer == "" {
		c.say("334 ")
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		answer = strings.TrimSpace(string(line))
	}
	given, err := base64.StdEncoding.DecodeString(answer)
	words := strings.Split(string(given), "\x00")
	if err != nil || !strings.EqualFold(mechanism, "PLAIN") || len(words) != 3 || words[1] != sinkUser || words[2] != sinkPassword {
		c.say("535 5.7.8 no")
		return nil
	}
	c.say("235 2.7.0 yes")
	return nil
}

func (c *sinkSession) offer() string {
	lines := []string{"sink.test", "SIZE 67108864", "8BITMIME"}
	if !c.kind.unpipelined {
		lines = append(lines, "PIPELINING")
	}
	if !c.kind.unchunked {
		lines = append(lines, "CHUNKING")
	}
	switch {
	case c.secure:
		lines = append(lines, "AUTH PLAIN")
	case c.kind.starttls:
		lines = append(lines, "STARTTLS")
	}
	last := len(lines) - 1
	return strings.Join(append([]string{""}, lines[:last]...), "\r\n250-")[2:] + "\r\n250 " + lines[last]
}

func (c *sinkSession) chunk(words []string) error {
	n, err := strconv.Atoi(words[0])
	if err != nil {
		return err
	}
	if _, err := c.r.Discard(n); err != nil {
		return err
	}
	c.tally(func(count *sinkCount) { count.octets += int64(n) })
	if words[1] == "LAST" {
		return c.taken()
	}
	c.say("250 2.0.0 more")
	return nil
}

// data throws lines away up to the one that is a dot.
func (c *sinkSession) data() error {
	var octets int64
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if string(line) == ".\r\n" {
			c.tally(func(count *sinkCount) { count.octets += octets })
			return c.taken()
		}
		octets += int64(len(line))
	}
}

func (c *sinkSession) taken() error {
	if c.kind.thinks > 0 {
		// What was answered before does not wait for this one.
		if err := c.flush(); err != nil {
			return err
		}
		time.Sleep(c.kind.thinks)
	}
	c.say("250 2.0.0 taken")
	c.owed++
	return nil
}

// say puts a reply into the buffer, whose fault is flush's.
func (c *sinkSession) say(reply string) { _, _ = io.WriteString(c.w, reply+"\r\n") }
