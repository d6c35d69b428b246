package listen

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

func TestOnlyLocalAddressesCanBeListenedOn(t *testing.T) {
	for _, c := range []struct {
		address string
		code    int
	}{
		{"0.0.0.0:0", sysexits.Config},
		{"[::]:0", sysexits.Config},
		{"192.0.2.1:25", sysexits.Config},
		{":25", sysexits.Config},
		{"example.org:25", sysexits.Config},
		{"127.0.0.1", sysexits.Config},
		{"127.0.0.1:99999", sysexits.Config},
		{"unix:relative", sysexits.Config},
		{"unix:", sysexits.Config},
		{"unix:@abstract", sysexits.Config},
	} {
		l, err := Listen(t.Context(), c.address, Access{})
		if err == nil {
			l.Close()
			t.Errorf("%s: no error", c.address)
			continue
		}
		if sysexits.Code(err) != c.code || sysexits.Hint(err) == "" {
			t.Errorf("%s: %v (code %d, hint %q), want code %d and a hint", c.address, err, sysexits.Code(err), sysexits.Hint(err), c.code)
		}
	}
	for _, address := range []string{"127.0.0.1:0", "127.9.9.9:0", "[::ffff:127.0.0.1]:0"} {
		l, err := Listen(t.Context(), address, Access{})
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		l.Close()
	}
}

func TestServeRefusesAListenerThatOthersReach(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := New(new(recorder).submit, Options{}).Serve(t.Context(), l); sysexits.Code(err) != sysexits.Config {
		t.Errorf("got %v, want an error of the configuration", err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("the listener is still open")
	}
}

// An elsewhere is a loopback connection that says it comes from afar.
type elsewhere struct{ net.Conn }

func (elsewhere) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 9} }

type farListener struct{ net.Listener }

func (l farListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return elsewhere{c}, err
}

func TestAPeerFromElsewhereIsRefused(t *testing.T) {
	l := listenAt(t, "127.0.0.1:0")
	serve(t, farListener{l}, new(recorder).submit, Options{Access: Access{Everyone: true}})
	c := connect(t, l.Addr().String())
	c.want("554 5.7.1 Only this machine may submit mail here")
	c.wantEnd()
}

func TestTwentyClientsAtOnce(t *testing.T) {
	var r recorder
	addresses := []string{onSocket(t, r.submit, Options{}), onLoopback(t, r.submit, Options{})}
	var all sync.WaitGroup
	for i := range 20 {
		c := dial(t, addresses[i%2])
		all.Go(func() {
			c.say("EHLO x\r\n")
			_, _ = c.reply()
			for n := range 10 {
				body := fmt.Sprintf("Subject: %d %d\r\n\r\n", i, n)
				c.say(fmt.Sprintf("MAIL FROM:<u%d@a.b>\r\nRCPT TO:<m%d@a.b>\r\nDATA\r\n", i, n))
				for range 3 {
					_, _ = c.reply()
				}
				c.say(body + ".\r\n")
				if got, err := c.reply(); !strings.HasPrefix(got, "250 2.0.0") {
					t.Errorf("client %d, message %d: %q, %v", i, n, got, err)
				}
			}
		})
	}
	all.Wait()
	seen := make(map[string]bool)
	for _, m := range r.all() {
		want := fmt.Sprintf("Subject: %s %s\r\n\r\n", m.env.From[1:len(m.env.From)-4], m.env.To[0].Address[1:len(m.env.To[0].Address)-4])
		if m.body != want {
			t.Errorf("envelope of %q with %q", want, m.body)
		}
		seen[m.body] = true
	}
	if len(seen) != 200 {
		t.Errorf("%d different messages of 200", len(seen))
	}
}

// Coverage: B8.
func TestStoppingEndsIdleSessionsAndFinishesMessages(t *testing.T) {
	var r recorder
	l := listenAt(t, "127.0.0.1:0")
	stop := serve(t, l, r.submit, Options{Grace: time.Hour})
	idle, busy := dial(t, l.Addr().String()), dial(t, l.Addr().String())
	busy.envelope()
	busy.data("one\r\n")
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	idle.want("421 4.3.2 This server is stopping")
	idle.wantEnd()
	if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
		c.Close()
		t.Error("a new connection is taken")
	}
	busy.say("two\r\n.\r\n")
	busy.want("250 2.0.0 id1 queued", "421 4.3.2")
	busy.wantEnd()
	<-stopped
	wantBodies(t, &r, "one\r\ntwo\r\n")
}

func TestStoppingCutsOffAfterTheGrace(t *testing.T) {
	for _, c := range []struct {
		name   string
		submit Submit
		sent   string
	}{
		{"a client that does not finish", new(recorder).submit, "DATA\r\nx\r\n"},
		{"a chunk that is not finished", new(recorder).submit, "BDAT 10 LAST\r\nx\r\n"},
		{"a queue that hangs", func(ctx context.Context, _ *queue.Envelope, m io.Reader) (queue.ID, error) {
			_, _ = io.Copy(io.Discard, m)
			<-ctx.Done()
			return "", ctx.Err()
		}, "DATA\r\n.\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				s := New(c.submit, Options{Grace: 10 * time.Second})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- s.serve(ctx, newGuard(near, s.limits, false), "me") }()
				var said bytes.Buffer
				read := make(chan struct{})
				go func() { defer close(read); _, _ = io.Copy(&said, far) }()
				_, _ = io.WriteString(far, "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\n"+c.sent)
				synctest.Wait()
				start := time.Now()
				cancel()
				if err := <-done; err == nil {
					t.Error("no word of the message that was cut off")
				}
				if took := time.Since(start); took != 10*time.Second {
					t.Errorf("cut off after %v", took)
				}
				<-read
				if strings.Contains(said.String(), "queued\r\n") {
					t.Errorf("accepted: %q", said.String())
				}
			})
		})
	}
}
