package slowlink_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/slowlink"
)

const where = "smtp.example.org:465"

// pair is a connection over l, and how long the server waited for it.
func pair(t *testing.T, l *slowlink.Link) (client, server *slowlink.Conn) {
	t.Helper()
	at := l.Listen(where)
	defer at.Close()
	c, err := l.Dial(t.Context(), "tcp", where)
	if err != nil {
		t.Fatal(err)
	}
	s, err := at.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return ends(t, c, s)
}

func ends(t *testing.T, c, s net.Conn) (client, server *slowlink.Conn) {
	t.Helper()
	client, ok := c.(*slowlink.Conn)
	server, ok2 := s.(*slowlink.Conn)
	if !ok || !ok2 {
		t.Fatalf("%T, %T", c, s)
	}
	return client, server
}

func write(t *testing.T, c net.Conn, octets int) {
	t.Helper()
	if n, err := c.Write(bytes.Repeat([]byte("x"), octets)); err != nil || n != octets {
		t.Errorf("wrote %d of %d: %v", n, octets, err)
	}
}

func read(t *testing.T, c net.Conn, octets int) {
	t.Helper()
	if n, err := io.ReadFull(c, make([]byte, octets)); err != nil {
		t.Fatalf("read %d of %d: %v", n, octets, err)
	}
}

// lasts checks how much time has passed since begin.
func lasts(t *testing.T, begin time.Time, want time.Duration, what string) {
	t.Helper()
	if got := time.Since(begin); got != want {
		t.Errorf("%s after %v, want %v", what, got, want)
	}
}

const delay = 300 * time.Millisecond

func TestHandshakeTakesItsRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, begin := slowlink.New(slowlink.Shape{Delay: delay}), time.Now()
		at := l.Listen(where)
		accepted := make(chan time.Duration)
		go func() {
			if _, err := at.Accept(); err != nil {
				t.Error(err)
			}
			accepted <- time.Since(begin)
		}()
		c, err := l.Dial(t.Context(), "tcp", where)
		if err != nil {
			t.Fatal(err)
		}
		lasts(t, begin, 2*delay, "dialled")
		if got := <-accepted; got != 3*delay {
			t.Errorf("accepted after %v", got)
		}
		if got := c.RemoteAddr().String(); got != "192.0.2.25:465" {
			t.Errorf("remote address %s", got)
		}
	})
}

// A round trip, and the octets one after another.
func TestOctetsTakeDelayAndRate(t *testing.T) {
	for _, c := range []struct {
		why    string
		shape  slowlink.Shape
		octets int
		want   time.Duration
	}{
		{"no limit: all at once", slowlink.Shape{Delay: delay}, 500_000, delay},
		{"9600 bit/s are 1200 octets a second", slowlink.Shape{Delay: delay, Rate: 9600}, 1200, time.Second + delay},
		{"segments follow without a gap", slowlink.Shape{Delay: delay, Rate: 9600}, 60_000, 50*time.Second + delay},
		{"ten segments at once", slowlink.Shape{Delay: delay, SlowStart: true}, 14600, delay},
		{"one octet more: after an acknowledgement", slowlink.Shape{Delay: delay, SlowStart: true}, 14601, 3 * delay},
		{"14600 + 29200", slowlink.Shape{Delay: delay, SlowStart: true}, 43800, 3 * delay},
		{"14600 + 29200 + 58400 + 116800", slowlink.Shape{Delay: delay, SlowStart: true}, 219000, 7 * delay},
		{"and one octet", slowlink.Shape{Delay: delay, SlowStart: true}, 219001, 9 * delay},
		{"the reader's room: 1000, a round trip, 1000", slowlink.Shape{Delay: delay, Buffer: 1000}, 2000, 3 * delay},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := pair(t, slowlink.New(c.shape))
				begin := time.Now()
				go write(t, client, c.octets)
				read(t, server, c.octets)
				lasts(t, begin, c.want, "read")
			})
		})
	}
}

// Small flights do not open the window: who has sent little for ten round trips
// begins with ten segments all the same.
func TestSlowStartGrowsOnlyByUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t, slowlink.New(slowlink.Shape{Delay: delay, SlowStart: true}))
		for range 20 {
			write(t, client, 1000)
			read(t, server, 1000)
			time.Sleep(2 * delay)
		}
		begin := time.Now()
		write(t, client, 14601)
		read(t, server, 14601)
		lasts(t, begin, 3*delay, "read")
	})
}

func TestConnectionsShareTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := slowlink.New(slowlink.Shape{Rate: 8 * 1460})
		a, atA := pair(t, l)
		b, atB := pair(t, l)
		begin := time.Now()
		write(t, a, 10*1460)
		write(t, b, 1460)
		read(t, atB, 1460)
		lasts(t, begin, 2*time.Second, "the short one, after one segment of the other,")
		read(t, atA, 10*1460)
		lasts(t, begin, 11*time.Second, "all")
		write(t, atA, 1460)
		read(t, a, 1460)
		lasts(t, begin, 12*time.Second, "the other way")
		if up, down := l.Passed(); up != 11*1460 || down != 1460 || l.Dialled() != 2 {
			t.Errorf("%d up, %d down, %d connections", up, down, l.Dialled())
		}
	})
}

func TestWriteBlocksWhenTheBufferIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := pair(t, slowlink.New(slowlink.Shape{Rate: 8 * 1460, Buffer: 4 * 1460}))
		begin := time.Now()
		write(t, client, 5*1460) // one leaves, four wait
		lasts(t, begin, 0, "taken")
		if got := client.Unsent(); got != 4*1460 {
			t.Errorf("%d unsent", got)
		}
		write(t, client, 1460)
		lasts(t, begin, time.Second, "one more taken")
		// The other end reads nothing: it has room for four.
		if err := client.SetWriteDeadline(begin.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, err := client.Write(make([]byte, 10*1460))
		if n != 2*1460 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d, %v", n, err)
		}
		lasts(t, begin, time.Minute, "given up")
	})
}

func TestReadDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t, slowlink.New(slowlink.Shape{Delay: delay}))
		begin := time.Now()
		time.AfterFunc(time.Second, func() {
			if err := client.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
				t.Error(err)
			}
		})
		_, err := client.Read(make([]byte, 1))
		var timeout net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Error(err)
		}
		lasts(t, begin, 2*time.Second, "deadline set while it waited")
		if err := client.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		write(t, server, 1)
		read(t, client, 1)
	})
}

func TestCloseSendsWhatIsUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t, slowlink.New(slowlink.Shape{Delay: delay, Rate: 9600}))
		begin := time.Now()
		write(t, client, 12000)
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(server); err != nil || len(got) != 12000 {
			t.Errorf("%d octets, %v", len(got), err)
		}
		lasts(t, begin, 10*time.Second+delay, "end")
		// Nobody is there any more: the first octet is answered with a reset.
		write(t, server, 1)
		if _, err := server.Read(make([]byte, 1)); err != io.EOF {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if _, err := server.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	})
}

// What the client had not read yet is not read by closing.
func TestCloseWithOctetsUnreadResets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t, slowlink.New(slowlink.Shape{Delay: delay}))
		write(t, client, 10)
		time.Sleep(2 * delay)
		write(t, server, 4)
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * delay)
		read(t, client, 4)
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	})
}

func TestHalfClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t, slowlink.New(slowlink.Shape{Delay: delay}))
		if err := client.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Read(make([]byte, 1)); err != io.EOF {
			t.Error(err)
		}
		write(t, server, 3)
		read(t, client, 3)
	})
}

func TestNobodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		_, err := slowlink.New(slowlink.Shape{Delay: delay}).Dial(t.Context(), "tcp", where)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Error(err)
		}
		lasts(t, begin, 2*delay, "refused")
	})
}

func TestDialEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, begin := slowlink.New(slowlink.Shape{Delay: delay}), time.Now()
		l.BlackHole(false)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if _, err := l.Dial(ctx, "tcp", where); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		lasts(t, begin, 20*time.Second, "given up")
	})
}
