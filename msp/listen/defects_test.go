package listen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// trap is a message whose text is a transaction; it must never be run.
const trap = "MAIL FROM:<evil@example.org>\r\nRCPT TO:<you@example.org>\r\nDATA\r\nsmuggled\r\n.\r\n"

func wantBodies(t *testing.T, r *recorder, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, r.bodies()); diff != "" {
		t.Errorf("accepted messages (-want +got):\n%s", diff)
	}
}

// go-smtp, after a time-out within DATA, answers 554 and runs the rest of the
// body as commands.
func TestSilenceWithinAMessageEndsTheConnection(t *testing.T) {
	for _, start := range []string{"DATA\r\nSubject: x\r\n", "BDAT 1000 LAST\r\nSubject: x\r\n"} {
		var r recorder
		c := dial(t, onSocket(t, r.submit, Options{Block: 50 * time.Millisecond}))
		c.envelope()
		c.say(start)
		if strings.HasPrefix(start, "DATA") {
			c.want("354")
		}
		c.want("421 4.4.2 Nothing came for 50ms")
		c.say(trap)
		c.wantEnd()
		wantBodies(t, &r)
	}
}

// go-smtp's time-out is one for the whole of DATA.
//
// Coverage: B17.
func TestAClientMayBeSlowButNotSilent(t *testing.T) {
	whole := []string{"one\r\ntwo\r\n"}
	for _, c := range []struct {
		name   string
		limits Options
		pause  time.Duration
		want   []string
	}{
		{"each read within the time, all together beyond it", Options{}, 2 * time.Minute, whole},
		{"one read of the message beyond the time of a block, not of a command", Options{}, 4 * time.Minute, nil},
		{"Timeout.datablock is obeyed", Options{Block: 10 * time.Minute}, 4 * time.Minute, whole},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r recorder
				near, far := net.Pipe()
				var client sync.WaitGroup
				client.Go(func() {
					for _, s := range []string{"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\nDATA\r\n", "one\r\n", "two\r\n", ".\r\nQUIT\r\n"} {
						_, _ = io.WriteString(far, s)
						<-time.After(c.pause)
					}
				})
				client.Go(func() { _, _ = io.Copy(io.Discard, far) })
				s := New(r.submit, c.limits)
				err := s.serve(t.Context(), newGuard(near, s.limits, false), "me")
				if (err == nil) != (c.want != nil) {
					t.Errorf("the session ended with %v", err)
				}
				client.Wait()
				wantBodies(t, &r, c.want...)
			})
		})
	}
}

// Coverage: B22.
func TestAnIdleClientIsToldAndSentAway(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits Options
		told   bool
	}{
		{"after five minutes, as RFC 5321 has it at the least", Options{}, true},
		{"Timeout.command is obeyed", Options{Idle: 8 * time.Minute}, false},
		{"the time of a block is another", Options{Idle: time.Minute, Block: time.Hour}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				var said strings.Builder
				var client sync.WaitGroup
				client.Go(func() { _, _ = io.Copy(&said, far) })
				client.Go(func() {
					_, _ = io.WriteString(far, "EHLO x\r\n")
					<-time.After(7 * time.Minute)
					_, _ = io.WriteString(far, "QUIT\r\n")
				})
				s := New(new(recorder).submit, c.limits)
				_ = s.serve(t.Context(), newGuard(near, s.limits, false), "me")
				client.Wait()
				if told := strings.Contains(said.String(), "421 4.4.2 Nothing came for"); told != c.told {
					t.Errorf("was told: %v; the session was %q", told, &said)
				}
			})
		})
	}
}

func TestAClientThatHangsUpWithinAMessageHasSentNone(t *testing.T) {
	for _, c := range []struct{ name, sent string }{
		{"in DATA", "DATA\r\nSubject: x\r\n\r\nhalf"},
		{"in DATA, at a lone dot without its end", "DATA\r\nSubject: x\r\n\r\nhalf\r\n."},
		{"in the last chunk: go-smtp takes the end of input for the end of the chunk", "BDAT 100 LAST\r\nSubject: x\r\n\r\nhalf"},
		{"between chunks", "BDAT 4\r\nx: y"},
		{"before the chunk", "BDAT 4 LAST\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r recorder
			ctx, end := context.WithCancel(t.Context())
			l := listenAt(t, "127.0.0.1:0")
			done := make(chan error)
			go func() { done <- New(r.submit, Options{}).Serve(ctx, l) }()
			p := dial(t, l.Addr().String())
			p.envelope()
			p.say(c.sent)
			if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			rest, _ := io.ReadAll(p.r)
			if strings.Contains(string(rest), "queued\r\n") && !strings.Contains(string(rest), "nothing was queued") {
				t.Errorf("replies %q", rest)
			}
			end()
			<-done
			wantBodies(t, &r)
		})
	}
}

// What one server takes for the end of a message and another does not can
// hide a second message in the first.
func TestSmugglingSequencesAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, body string
		open       bool // the end is certain, so the session goes on
	}{
		{"LF.LF", "a\n.\n" + trap, false},
		{"LF.CRLF", "a\n.\r\n" + trap, false},
		{"CRLF.LF", "a\r\n.\n" + trap, false},
		{"CRLF.CR", "a\r\n.\r" + trap, false},
		{"CR.CR", "a\r.\r" + trap, false},
		{"CR.CRLF", "a\r.\r\n" + trap, false},
		{"CR.LF", "a\r.\n" + trap, false},
		{"LF.CR", "a\n.\r" + trap, false},
		{"LF.LF at the start", "\n.\n" + trap, false},
		{"CRCRLF.CRLF, where go-smtp hangs and swallows what follows", "a\r\r\n.\r\n", true},
		{"a bare LF", "a\nb\r\n.\r\n", true},
		{"a bare CR", "a\rb\r\n.\r\n", true},
		{"a NUL", "a\x00b\r\n.\r\n", true},
		{"a NUL beside the end", "a\r\n.\x00\r\n.\r\n", true},
		{"a bare LF, then a stuffed dot", "a\n\r\n..\r\n.\r\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r recorder
			p := dial(t, onSocket(t, r.submit, Options{}))
			p.envelope()
			p.data(c.body)
			p.want("554 5.6.0 Line ")
			if c.open {
				p.again()
				p.data("good\r\n.\r\n")
				p.want("250 2.0.0 id1 queued")
				wantBodies(t, &r, "good\r\n")
				return
			}
			p.wantEnd()
			wantBodies(t, &r)
		})
	}
}

func TestARefusalNamesTheLineAndTheOctet(t *testing.T) {
	var r recorder
	c := dial(t, onSocket(t, r.submit, Options{}))
	c.envelope()
	c.data("Subject: x\r\n\r\nthird\nfourth\r\n.\r\n")
	c.want("554 5.6.0 Line 3 of the message has a bare LF; nothing was queued")
}

// go-smtp leaves the chunk of a BDAT that it refuses, and runs it as commands.
func TestAChunkIsNeverRunAsCommands(t *testing.T) {
	size := fmt.Sprint(len(trap))
	for _, c := range []struct {
		name, setup, bdat, want string
		open                    bool
	}{
		{"an unknown second word", "", "BDAT " + size + " BADARG\r\n", "501 5.5.4", true},
		{"three words", "", "BDAT " + size + " LAST x\r\n", "501 5.5.4", true},
		{"no transaction", "RSET\r\n", "BDAT " + size + " LAST\r\n", "503 5.5.1", true},
		{"no size", "", "BDAT\r\n", "501 5.5.4", false},
		{"a size that is no number", "", "BDAT x LAST\r\n", "501 5.5.4", false},
		{"a negative size", "", "BDAT -1 LAST\r\n", "501 5.5.4", false},
		{"a size beyond 64 bits", "", "BDAT 99999999999999999999 LAST\r\n", "501 5.5.4", false},
		{"a size beyond the limit", "", "BDAT 5000000000 LAST\r\n", "552 5.3.4", false},
		{"a line that the message may not have", "", "BDAT " + fmt.Sprint(len(trap)+2) + " LAST\r\na\n", "554 5.6.0", false},
		{"a bare CR at the end", "", "BDAT " + fmt.Sprint(len(trap)+1) + " LAST\r\n", "554 5.6.0", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r recorder
			p := dial(t, onSocket(t, r.submit, Options{}))
			p.envelope()
			p.say(c.setup)
			if c.setup != "" {
				p.want("250")
			}
			chunk := trap
			if strings.HasPrefix(c.name, "a bare CR") {
				chunk += "\r"
			}
			p.say(c.bdat + chunk)
			p.want(c.want)
			if c.open {
				p.say("NOOP\r\n")
				p.want("250")
				p.say("RSET\r\n")
				p.want("250")
				p.again()
			} else {
				if strings.HasPrefix(c.want, "554") {
					p.want("421 4.7.0")
				}
				p.wantEnd()
			}
			wantBodies(t, &r)
		})
	}
}

func TestAChunkMayStandInTheSegmentOfItsCommandWithLongLines(t *testing.T) {
	var r recorder
	c := dial(t, onSocket(t, r.submit, Options{}))
	c.envelope()
	body := "Subject: x\r\n\r\n" + strings.Repeat("y", 5000) + "\r\nno end"
	c.say(fmt.Sprintf("BDAT %d\r\n%sBDAT 0\r\nBDAT %d LAST\r\n%s", len(body), body, len(body), body))
	c.want("250", "250", "250 2.0.0 id1 queued")
	wantBodies(t, &r, body+body)
}

func TestABareCRIsFoundAcrossChunks(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		want       []string
		bodies     []string
	}{
		{"no LF follows", "BDAT 2\r\na\rBDAT 2 LAST\r\nb\n", []string{"250", "554 5.6.0", "421 4.7.0"}, nil},
		{"nothing follows", "BDAT 2\r\na\rBDAT 0 LAST\r\n", []string{"250", "554 5.6.0"}, nil},
		{"an LF follows in the next", "BDAT 2\r\na\rBDAT 1 LAST\r\n\n", []string{"250", "250 2.0.0"}, []string{"a\r\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r recorder
			p := dial(t, onSocket(t, r.submit, Options{}))
			p.envelope()
			p.say(c.sent)
			p.want(c.want...)
			wantBodies(t, &r, c.bodies...)
		})
	}
}

// go-smtp runs Data in its own goroutine during BDAT. If the chunks are broken
// off, it can give the result of that Data to the next message.
func TestATransactionBrokenOffBetweenChunksIsForgotten(t *testing.T) {
	for _, c := range []struct{ with, want string }{
		{"RSET\r\n", "421 4.7.0"},
		{"EHLO again\r\n", "421 4.7.0"},
		{"BDAT 1 LAST x\r\ny", "501 5.5.4"},
		{"QUIT\r\n", "221"},
	} {
		var r recorder
		address := onSocket(t, r.submit, Options{})
		for range 20 {
			p := dial(t, address)
			p.envelope()
			p.say("BDAT 3\r\nx: " + c.with + "RCPT TO:<a@b.c>\r\nBDAT 0 LAST\r\n")
			p.want("250", c.want)
			p.wantEnd()
		}
		wantBodies(t, &r)
	}
}

// go-smtp panics where the session is over before its Data could begin.
func TestASessionThatEndsAsAChunkBeginsDoesNotPanic(t *testing.T) {
	var log bytes.Buffer
	s := New(new(recorder).submit, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	for range 300 {
		in := strings.NewReader("EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\nBDAT 4 LAST\r\n")
		if err := s.serve(t.Context(), newGuard(stdio{in, io.Discard}, s.limits, false), "me"); err == nil {
			t.Fatal("no word of the message that was cut off")
		}
	}
	if log.Len() != 0 {
		t.Errorf("%s", log.String())
	}
}

func TestAReplyBeforeTheEndOfAMessageEndsTheConnection(t *testing.T) {
	for _, p := range []phase{body, chunk} {
		var out bytes.Buffer
		g := newGuard(stdio{strings.NewReader("NOOP\r\n"), &out}, Options{}.withDefaults(), false)
		g.phase = p
		if _, err := io.WriteString(g, "554 5.0.0 no\r\n"); err != nil {
			t.Fatal(err)
		}
		if n, err := g.Read(make([]byte, 100)); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("%d octets of the message are read as commands, %v", n, err)
		}
	}
}

func TestEmptyChunksAreNoMessage(t *testing.T) {
	var r recorder
	c := dial(t, onSocket(t, r.submit, Options{}))
	c.envelope()
	c.say("BDAT 0\r\nRSET\r\nBDAT 0 LAST\r\n")
	c.want("250", "250", "503")
	c.again()
	c.say("BDAT 0\r\nBDAT 0 LAST\r\n")
	c.want("250", "250 2.0.0 id1 queued")
	wantBodies(t, &r, "")
}

func listenAt(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := Listen(t.Context(), address, Access{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}
