package smtpd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
)

// onPipe serves h on a pipe, within a bubble of time.
func onPipe(t *testing.T, h *house, o Options) *peer {
	near, far := net.Pipe()
	served := make(chan struct{})
	s := New(h, o)
	go func() {
		defer close(served)
		s.ServeConn(t.Context(), near, &config.Listener{})
	}()
	t.Cleanup(func() {
		_ = far.Close()
		<-served
	})
	return &peer{Conn: noDeadline{far}, t: t, r: bufio.NewReader(far)}
}

// noDeadline is for tests that have the clock.
type noDeadline struct{ net.Conn }

func (noDeadline) SetReadDeadline(time.Time) error { return nil }

// Coverage: B22, B17, B25.
func TestSilenceEndsTheConnectionInItsTime(t *testing.T) {
	limits := Options{Command: 5 * time.Minute, Block: 3 * time.Minute, Auth: 2 * time.Minute}
	hello := "EHLO x\r\n"
	message := hello + "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n"
	for _, c := range []struct {
		reason, said string
		limits       Options
		after        time.Duration
		want         string
	}{
		{"before a command: Timeout.command", hello, limits, 5 * time.Minute, "421 4.4.1 localhost Lost input channel"},
		{"within a command that never ends", hello + "NOO", limits, 5 * time.Minute, "421 4.4.1 localhost Lost input channel"},
		{"within a message: Timeout.datablock", message + "DATA\r\nSubject", limits, 3 * time.Minute, "421 4.4.1 collect: read timeout"},
		{"within a chunk: Timeout.datablock", message + "BDAT 100 LAST\r\nSubject", limits, 3 * time.Minute, "421 4.4.1 collect: read timeout"},
		{"within a chunk that is refused", hello + "BDAT 100 LAST\r\nSubject", limits, 3 * time.Minute, "421 4.4.1 collect: read timeout"},
		{"between chunks: Timeout.command", message + "BDAT 1\r\nS", limits, 5 * time.Minute, "421 4.4.1 localhost Lost input channel"},
		{"at a challenge: Timeout.auth", hello + "AUTH LOGIN\r\n", limits, 2 * time.Minute, "421 4.4.1 localhost Lost input channel"},
		{"sendmail's hour where nothing is set", hello, Options{}, time.Hour, "421 4.4.1"},
		{"sendmail's ten minutes for AUTH where nothing is set", hello + "AUTH PLAIN\r\n", Options{}, 10 * time.Minute, "421 4.4.1"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := house{features: allFeatures}
				p := onPipe(t, &h, c.limits)
				started := time.Now()
				go func() { _, _ = io.WriteString(p, c.said) }()
				all, _ := io.ReadAll(p.r)
				if got := time.Since(started); got != c.after {
					t.Errorf("the connection ended after %v, want %v", got, c.after)
				}
				lines := strings.Split(strings.TrimSpace(string(all)), "\r\n")
				if last := lines[len(lines)-1]; !strings.HasPrefix(last, c.want) {
					t.Errorf("the last word was %q, want %q", last, c.want)
				}
				if len(h.bodies()) > 0 {
					t.Errorf("taken: %q", h.bodies())
				}
			})
		})
	}
}

// Slowloris: octets now and then hold no connection longer than silence does.
func TestAnOctetNowAndThenIsSilence(t *testing.T) {
	for _, c := range []struct {
		reason, before, drip string
		most                 time.Duration
	}{
		{"of a command", "", "N", 5 * time.Minute},
		{"of a message", "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n", "x\r\n", 3 * time.Minute},
		{"of a chunk", "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nBDAT 100000\r\n", "x\r\n", 3 * time.Minute},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := onPipe(t, new(house), Options{Command: 5 * time.Minute, Block: 3 * time.Minute})
				started := time.Now()
				go func() { _, _ = io.Copy(io.Discard, p.r) }()
				_, err := io.WriteString(p, "EHLO x\r\n"+c.before)
				for err == nil && time.Since(started) < time.Hour {
					time.Sleep(10 * time.Second)
					_, err = io.WriteString(p, c.drip)
				}
				if got := time.Since(started); got > c.most+20*time.Second {
					t.Errorf("the connection was held for %v", got)
				}
			})
		})
	}
}

func TestAMessageMaySlowlyCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h house
		p := onPipe(t, &h, Options{Block: 3 * time.Minute})
		p.envelope()
		p.asks("DATA", "354")
		line := strings.Repeat("y", 598) + "\r\n"
		for range 100 {
			p.say(line)
			time.Sleep(80 * time.Second)
		}
		p.say(".\r\n")
		p.want("250")
		if got := h.bodies(); len(got) != 1 || got[0] != strings.Repeat(line, 100) {
			t.Errorf("%d messages were taken", len(got))
		}
	})
}

func TestAClientThatGetsNoMailOnIsSlowedDown(t *testing.T) {
	sum := func(free, slow int) time.Duration {
		var all time.Duration
		for i := range slow {
			all += doubled(i)
		}
		_ = free
		return all
	}
	for _, c := range []struct {
		reason, line string
		limits       Options
		times        int
		want         time.Duration
	}{
		{"20 NOOPs are free", "NOOP", Options{}, 20, 0},
		{"then each takes twice as long", "NOOP", Options{}, 24, sum(20, 4)},
		{"up to four minutes", "NOOP", Options{}, 31, sum(20, 11)},
		{"MaxNOOPCommands is obeyed", "NOOP", Options{MaxNOOP: 2}, 4, sum(2, 2)},
		{"HELP and VERB are as idle", "HELP", Options{MaxNOOP: 2}, 4, sum(2, 2)},
		{"3 HELOs are free", "HELO x", Options{}, 5, sum(3, 2)},
		{"6 VRFYs", "VRFY x", Options{}, 9, sum(6, 3)},
		{"6 EXPNs", "EXPN x", Options{}, 9, sum(6, 3)},
		{"8 ETRNs", "ETRN x", Options{}, 9, sum(8, 1)},
		{"25 bad commands are free", "FROB", Options{}, 25, 0},
		{"then each takes a second", "FROB", Options{}, 40, 15 * time.Second},
		{"RSET is no idle command: a client says it between messages", "RSET", Options{}, 500, 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := onPipe(t, &house{features: allFeatures}, c.limits)
				p.want("220")
				started := time.Now()
				for range c.times {
					p.say(c.line + "\r\n")
					p.reply()
				}
				// A delay may come behind the reply: the next command waits for it.
				p.say("RSET\r\n")
				p.want("250")
				if got := time.Since(started); got != c.want {
					t.Errorf("%d times %q took %v, want %v", c.times, c.line, got, c.want)
				}
			})
		})
	}
	t.Run("after BadRcptThrottle refused recipients each takes a second", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := &house{verdict: map[string]error{"rcpt no@e.f": refusal(550, 5, 1, 1, "User unknown")}}
			p := onPipe(t, h, Options{BadRcptThrottle: 3})
			p.envelope()
			started := time.Now()
			for _, c := range []struct {
				to, want string
				took     time.Duration
			}{
				{"no@e.f", "550", 0},
				{"no@e.f", "550", 0},
				{"no@e.f", "550", 0},
				{"no@e.f", "550", time.Second},
				{"d@e.f", "250", 2 * time.Second},
			} {
				p.asks("RCPT TO:<"+c.to+">", c.want)
				if got := time.Since(started); got != c.took {
					t.Errorf("%s was answered after %v, want %v", c.to, got, c.took)
				}
			}
		})
	})
}

func TestTooManyBadRecipientsEndTheConnection(t *testing.T) {
	h := &house{verdict: map[string]error{"rcpt no@e.f": refusal(550, 5, 1, 1, "User unknown")}}
	p := dial(t, onSocket(t, h, Options{BadRcptShutdown: 2}))
	p.envelope()
	p.asks("RCPT TO:<no@e.f>", "550 5.1.1 User unknown")
	p.asks("RCPT TO:<no@e.f>", "550")
	p.want("421 4.7.0 localhost Too many bad recipients")
	p.wantEnd()
}

func TestTooManyBadCommandsEndTheConnection(t *testing.T) {
	for _, c := range []struct{ reason, line, want string }{
		{"unknown ones", "FROB", "500 5.5.1"},
		{"wrong ones", "MAIL TO:x", "501"},
		{"out of order", "DATA", "503 5.0.0"},
		{"a refused sender", "MAIL FROM:<no@b.c>", "550 5.7.1"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &house{verdict: map[string]error{"mail no@b.c": refusal(550, 5, 7, 1, "Access denied")}}
				p := onPipe(t, h, Options{})
				p.want("220")
				for range 50 {
					p.asks(c.line, c.want)
				}
				p.want("421 4.7.0 Too many bad commands")
				p.wantEnd()
			})
		})
	}
}

func TestAClientThatTalksEarlyIsNotServed(t *testing.T) {
	for _, c := range []struct {
		reason string
		after  time.Duration
		early  bool
	}{
		{"at once", 0, true},
		{"shortly before it would be greeted", 4999 * time.Millisecond, true},
		{"when it has been greeted", 5001 * time.Millisecond, false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := onPipe(t, &house{pause: 5 * time.Second}, Options{})
				go func() {
					time.Sleep(c.after)
					_, _ = io.WriteString(p, "EHLO x\r\n")
				}()
				if !c.early {
					p.want("220 here ESMTP", "250")
					return
				}
				p.want("554 localhost ESMTP not accepting messages", "550 5.0.0 Command rejected")
				p.asks("MAIL FROM:<a@b.c>", "550 5.0.0")
				p.asks("NOOP", "550 5.0.0")
				p.asks("QUIT", "221")
				p.wantEnd()
			})
		})
	}
}

func TestAServerThatStopsTellsItsClientsAndFinishesMessages(t *testing.T) {
	for _, c := range []struct {
		reason, said string
		then         string // said 5 seconds after the stop
		want         string
		taken        int
		took         time.Duration
	}{
		{"a client that waits is told at once", "EHLO x\r\n", "", "421 4.3.2", 0, 0},
		{"one that is paused before the greeting too", "", "", "421 4.3.2", 0, 0},
		{"a message under way may be finished", "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\nx", "\r\n.\r\n", "421 4.3.2", 1, 5 * time.Second},
		{"one that is not, within Grace, is cut off", "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\nx", "", "354", 0, 10 * time.Second},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h house
				if c.said == "" {
					h.pause = time.Hour
				}
				near, far := net.Pipe()
				ctx, stop := context.WithCancel(t.Context())
				served := make(chan struct{})
				go func() {
					defer close(served)
					New(&h, Options{}).ServeConn(ctx, near, &config.Listener{})
				}()
				var all strings.Builder
				read := make(chan struct{})
				go func() {
					defer close(read)
					_, _ = io.Copy(&all, far)
				}()
				if c.said != "" {
					_, _ = io.WriteString(far, c.said)
				}
				time.Sleep(time.Minute)
				stopped := time.Now()
				stop()
				if c.then != "" {
					time.Sleep(5 * time.Second)
					_, _ = io.WriteString(far, c.then)
				}
				<-served
				if got := time.Since(stopped); got != c.took {
					t.Errorf("it took %v, want %v", got, c.took)
				}
				<-read
				lines := strings.Split(strings.TrimSpace(all.String()), "\r\n")
				if last := lines[len(lines)-1]; !strings.HasPrefix(last, c.want) {
					t.Errorf("the last word was %q", last)
				}
				if len(h.bodies()) != c.taken {
					t.Errorf("taken: %q", h.bodies())
				}
			})
		})
	}
}

func TestAFaultInASessionEndsItsConnectionOnly(t *testing.T) {
	var log strings.Builder
	h := &house{data: func(*guest, io.Reader) error { panic("a fault") }}
	address := onSocket(t, h, Options{Log: logTo(&log)})
	other := dial(t, address)
	other.want("220")
	p := dial(t, address)
	p.envelope()
	p.asks("DATA", "354")
	p.say("x\r\n.\r\n" + trap)
	p.want("421 4.3.0")
	p.wantEnd()
	other.asks("NOOP", "250")
	if !strings.Contains(log.String(), "a fault") || !strings.Contains(log.String(), "stack") {
		t.Errorf("the log has %q", &log)
	}
}

func BenchmarkAMessage(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			h := &house{data: func(_ *guest, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }}
			p := dial(b, onSocket(b, h, Options{}))
			p.want("220")
			p.asks("EHLO x", "250")
			message := strings.Repeat(strings.Repeat("x", 70)+"\r\n", size/72) + ".\r\n"
			b.SetBytes(int64(size))
			for b.Loop() {
				p.again()
				p.asks("DATA", "354")
				p.say(message)
				p.want("250")
			}
		})
	}
}
