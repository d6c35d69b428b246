//go:build unix

package msp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// A script is what an agent answers: one line for the greeting, one for each
// command, and one for the message; "" hangs up.
type script struct {
	answers []string
	serving sync.WaitGroup // until it has ended, what follows is its own
	heard   []string
	message string
}

// pipeConn is an agentConn whose agent never is late.
type pipeConn struct{ net.Conn }

func (pipeConn) patience(time.Duration) error { return nil }

func (s *script) dial(string, string) (agentConn, error) {
	if s.answers == nil {
		return nil, errors.New("connection refused")
	}
	here, there := net.Pipe()
	s.serving.Go(func() { s.serve(there) })
	return pipeConn{here}, nil
}

func (s *script) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i := 0; ; i++ {
		// EHLO comes before the greeting is read, and this connection holds nothing.
		if i != 1 {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			s.heard = append(s.heard, strings.TrimSpace(line))
			var octets int64
			if _, err := fmt.Sscanf(line, "BDAT %d LAST", &octets); err == nil {
				var text bytes.Buffer
				io.CopyN(&text, in, octets)
				s.message = text.String()
			}
		}
		if i >= len(s.answers) || s.answers[i] == "" {
			return
		}
		io.WriteString(conn, s.answers[i]+"\r\n")
	}
}

func TestWhatTheAgentSaysDecidesWhereAMessageIs(t *testing.T) {
	const hello = "250-localhost\r\n250-DSN\r\n250 XSUBMISSION"
	for _, c := range []struct {
		reason  string
		answers []string
		code    int
		dropped bool
		said    string
	}{
		{"taken", []string{"220 hi", hello, "250 ok", "250 ok", "250 2.0.0 cemj155mdf2w5 queued"}, 0, false, ""},
		{"no agent", nil, 0, true, ""},
		{"too busy", []string{"421 4.3.2 Too many connections"}, 0, true, ""},
		{"gone before the greeting", []string{""}, 0, true, ""},
		{"gone after MAIL", []string{"220 hi", hello, ""}, 0, true, ""},
		{"it stops in the middle", []string{"220 hi", hello, "250 ok", "250 ok", "421 4.3.2 stopping"}, 0, true, ""},
		{"no answer to the message", []string{"220 hi", hello, "250 ok", "250 ok", ""}, 0, true, ""},
		{"a garbled answer to the message", []string{"220 hi", hello, "250 ok", "250 ok", "hello"}, 0, true, ""},
		{"the sender is refused", []string{"220 hi", hello, "550 5.7.1 not yours"}, 77, false, "550 5.7.1 not yours"},
		{"the disk is full", []string{"220 hi", hello, "250 ok", "250 ok", "452 4.3.1 full"}, 75, false, "452 4.3.1 full"},
		{"nobody of that name", []string{"220 hi", hello, "250 ok", "250 ok", "550 5.1.1 who?"}, 67, false, "who?"},
		{"the message is no good", []string{"220 hi", hello, "250 ok", "250 ok", "554 5.6.0 bare LF"}, 65, false, "bare LF"},
		{"its configuration is wrong", []string{"220 hi", hello, "250 ok", "250 ok", "451 4.3.5 config"}, 78, false, "config"},
	} {
		dir := t.TempDir()
		s := &script{answers: c.answers}
		m := &Machine{system: config.System{Socket: "socket", Drop: dir}, random: zeros{}, dial: s.dial}
		e := &queue.Envelope{From: "a@example.org", Ret: "HDRS", To: []queue.Recipient{{Address: "b@example.net", Notify: "NEVER"}}, Submitter: "a lie", Owner: "0"}
		id, err := m.Put(t.Context(), e, strings.NewReader("Subject: x\n\nbody\n"))
		s.serving.Wait()
		if sysexits.Code(err) != c.code || err == nil && id == "" || err != nil && !strings.Contains(err.Error(), c.said) {
			t.Errorf("%s: %q, %v", c.reason, id, err)
		}
		names, _ := os.ReadDir(dir)
		if dropped := len(names) == 1 && names[0].Name() == strings.Repeat("0", 32)+".mail"; dropped != c.dropped || len(names) > 1 {
			t.Errorf("%s: the drop directory holds %v", c.reason, names)
		}
		if c.reason == "taken" {
			if want := "MAIL FROM:<a@example.org> RET=HDRS XSUBMISSION=" + strings.Repeat("0", 32); s.heard[1] != want || s.heard[2] != "RCPT TO:<b@example.net> NOTIFY=NEVER" {
				t.Errorf("said %q", s.heard)
			}
			if s.message != "Subject: x\r\n\r\nbody\r\n" || id != "cemj155mdf2w5" {
				t.Errorf("%q became %q", id, s.message)
			}
		}
		if c.dropped {
			text, err := os.ReadFile(filepath.Join(dir, names[0].Name()))
			if err != nil || strings.Contains(string(text), "a lie") || !strings.HasSuffix(string(text), "\n\nSubject: x\n\nbody\n") {
				t.Errorf("%s: dropped was %q, %v", c.reason, text, err)
			}
		}
	}
}

func TestALongMessageIsWaitingInTheDropDirectoryMeanwhile(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("0123456789\n", 3*keptInMemory/11)
	s := &script{answers: []string{"220 hi", "250 hi", "250 ok", "250 ok", "250 2.0.0 cemj155mdf2w5 queued"}}
	m := &Machine{system: config.System{Drop: dir}, random: zeros{}, dial: s.dial}
	e := &queue.Envelope{To: []queue.Recipient{{Address: "b@example.net"}}}
	if _, err := m.Put(t.Context(), e, strings.NewReader(long)); err != nil || s.message != strings.ReplaceAll(long, "\n", "\r\n") {
		t.Errorf("%d octets came, %v", len(s.message), err)
	}
	if names, _ := os.ReadDir(dir); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
	failing := io.MultiReader(strings.NewReader(long), &failingReader{})
	if _, err := m.Put(t.Context(), e, failing); err == nil {
		t.Error("half a message was taken")
	}
	if names, _ := os.ReadDir(dir); len(names) > 0 {
		t.Errorf("left behind of half a message: %v", names)
	}
}

type failingReader struct{}

func (*failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestLineEndsOnTheWire(t *testing.T) {
	for _, c := range []struct {
		text, wire string
		fit        bool
	}{
		{"a\nb\n", "a\r\nb\r\n", true},
		{"a\r\nb\r\n", "a\r\nb\r\n", true},
		{"\n\n", "\r\n\r\n", true},
		{"no end", "no end", true},
		{"a\rb\n", "", false},
		{"a\r", "", false},
		{"a\x00", "", false},
	} {
		for size := 1; size <= len(c.text); size++ {
			var s survey
			var out bytes.Buffer
			w := &crlfWriter{to: &out}
			for rest := []byte(c.text); len(rest) > 0; {
				n := min(size, len(rest))
				s.Write(rest[:n])
				w.Write(rest[:n])
				rest = rest[n:]
			}
			if s.fit() != c.fit || c.fit && (out.String() != c.wire || s.onWire() != int64(len(c.wire))) {
				t.Errorf("%q by %d: fit %v, %d octets, %q", c.text, size, s.fit(), s.onWire(), &out)
			}
		}
	}
}
