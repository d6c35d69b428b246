package slowlink_test

import (
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

func TestCutResetsBothEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := slowlink.New(slowlink.Shape{Delay: delay, Rate: 9600})
		client, server := pair(t, l)
		write(t, client, 1460)
		read(t, server, 1460)
		write(t, server, 4)
		time.Sleep(time.Second)
		write(t, client, 3*1460) // of which one is on its way
		begin := time.Now()
		time.AfterFunc(time.Second, l.Cut)
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
		lasts(t, begin, time.Second, "reset")
		read(t, client, 4) // had arrived
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
		if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
		if got := client.Unsent(); got != 2*1460 {
			t.Errorf("%d unsent", got)
		}
		if _, err := l.Dial(t.Context(), "tcp", where); !errors.Is(err, syscall.ENETUNREACH) {
			t.Error(err)
		}
		lasts(t, begin, time.Second, "no way")
		l.Restore()
		client, server = pair(t, l)
		write(t, client, 1)
		read(t, server, 1)
		if up, _ := l.Passed(); up != 1461 {
			t.Errorf("%d octets have arrived", up)
		}
	})
}

func TestBlackHoleIsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := slowlink.New(slowlink.Shape{Delay: delay})
		client, server := pair(t, l)
		write(t, client, 10) // on its way, and lost
		l.BlackHole(false)
		at := l.Listen(where)
		time.AfterFunc(90*time.Second, l.Restore)
		begin := time.Now()
		c, err := l.Dial(t.Context(), "tcp", where)
		if err != nil {
			t.Fatal(err)
		}
		// The SYN of 127 s is the first that passes.
		lasts(t, begin, 127*time.Second+2*delay, "dialled")
		s, err := at.Accept()
		if err != nil {
			t.Fatal(err)
		}
		write(t, c, 1)
		read(t, s, 1)
		write(t, client, 1000)
		if err := server.SetReadDeadline(time.Now().Add(24 * time.Hour)); err != nil {
			t.Fatal(err)
		}
		if n, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d octets, %v", n, err)
		}
		l.BlackHole(true)
		if _, err := l.Dial(t.Context(), "tcp", where); !errors.Is(err, syscall.ENETUNREACH) {
			t.Error(err)
		}
	})
}

// Whatever the segments: exactly so many octets arrive, and what had been
// answered with them does not.
func TestCutAfterSoManyOctets(t *testing.T) {
	for _, rate := range []int64{0, 9600} {
		for _, n := range []int64{0, 1, 500, 1459, 1460, 1461, 4999, 5000} {
			synctest.Test(t, func(t *testing.T) {
				l := slowlink.New(slowlink.Shape{Delay: delay, Rate: rate})
				client, server := pair(t, l)
				write(t, client, 77)
				read(t, server, 77)
				l.CutAfter(n)
				write(t, client, 5000)
				got, err := io.ReadAll(server)
				if int64(len(got)) != n || !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("rate %d, cut after %d: %d octets, %v", rate, n, len(got), err)
				}
			})
		}
	}
}

// The octets of all connections count, each way for itself, and the rest of a
// segment arrives where nothing was cut after all.
func TestAfterCountsAllConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := slowlink.New(slowlink.Shape{Delay: delay})
		a, atA := pair(t, l)
		b, atB := pair(t, l)
		var up, down int64
		l.After(slowlink.Up, 15, func() { up, _ = l.Passed() })
		l.After(slowlink.Down, 3, func() { _, down = l.Passed() })
		write(t, a, 10)
		read(t, atA, 10)
		write(t, b, 10)
		read(t, atB, 10)
		write(t, atA, 4)
		read(t, a, 4)
		if up != 15 || down != 3 {
			t.Errorf("called after %d up, and %d down", up, down)
		}
	})
}

// A cut at a step of the protocol: the server's reply is seen and does not
// arrive.
func TestWatchCutsAtAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := slowlink.New(slowlink.Shape{Delay: delay})
		client, server := pair(t, l)
		var seen []string
		l.Watch(func(w slowlink.Way, octets []byte) {
			seen = append(seen, string(octets))
			if w == slowlink.Down && string(octets) == "250 taken\r\n" {
				l.Cut()
			}
		})
		if _, err := client.Write([]byte("BDAT\r\n")); err != nil {
			t.Fatal(err)
		}
		read(t, server, 6)
		if _, err := server.Write([]byte("250 taken\r\n")); err != nil {
			t.Fatal(err)
		}
		if n, err := client.Read(make([]byte, 20)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%d octets, %v", n, err)
		}
		if len(seen) != 2 {
			t.Errorf("seen %q", seen)
		}
	})
}

func TestClosedListenerTakesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := slowlink.New(slowlink.Shape{Delay: delay})
		at := l.Listen(where)
		time.AfterFunc(time.Second, func() { at.Close() })
		if _, err := at.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := l.Dial(t.Context(), "tcp", where); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Error(err)
		}
	})
}

func TestAProbeThatIsNotAnsweredEndsOneEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := slowlink.New(slowlink.Shape{Delay: delay})
		client, server := pair(t, l)
		if err := client.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 20 * time.Second, Count: 6}); err != nil {
			t.Fatal(err)
		}
		write(t, server, 1)
		read(t, client, 1)
		time.Sleep(time.Hour)
		write(t, client, 1)
		read(t, server, 1)
		l.BlackHole(false)
		began := time.Now()
		_, err := client.Read(make([]byte, 1))
		if !errors.Is(err, syscall.ETIMEDOUT) {
			t.Error(err)
		}
		lasts(t, began, 3*time.Minute, "given up")
		if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.ETIMEDOUT) {
			t.Error(err)
		}
		if err := server.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	})
}
