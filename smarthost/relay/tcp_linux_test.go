package relay

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailcrane/internal/lab"
)

// connected is a wire on a TCP connection of this machine, and its other end.
func connected(t *testing.T) (*wire, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ours, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	tune(ours)
	return &wire{Conn: ours, block: 50 * time.Millisecond, wait: wait{limit: -1}}, theirs.(*net.TCPConn)
}

// stuffed is a connection that the other end does not read from, with all
// written to it that it takes.
func stuffed(t *testing.T) (*wire, *net.TCPConn) {
	t.Helper()
	w, theirs := connected(t)
	if _, err := w.Write(make([]byte, 32<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("all was written:", err)
	}
	return w, theirs
}

func TestConnectionIsTuned(t *testing.T) {
	w, _ := connected(t)
	for option, want := range map[int]int{
		unix.TCP_NOTSENT_LOWAT: 16 << 10, unix.TCP_USER_TIMEOUT: 180_000, unix.TCP_NODELAY: 1,
		unix.TCP_KEEPIDLE: 60, unix.TCP_KEEPINTVL: 20, unix.TCP_KEEPCNT: 6,
	} {
		control(w.Conn, func(fd uintptr) {
			if got, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, option); got != want || err != nil {
				t.Errorf("option %d is %d, %v; want %d", option, got, err, want)
			}
		})
	}
}

func TestSystemHoldsLittleThatItCannotSend(t *testing.T) {
	w, _ := stuffed(t)
	s, known := w.status()
	// The last write that the kernel takes may be one segment of loopback's size.
	if !known || s.unsent == 0 || s.unsent > notSentMost+64<<10 || !s.open {
		t.Errorf("%+v, %v", s, known)
	}
}

func TestWhatTheSystemHasNotSentNeverArrives(t *testing.T) {
	w, theirs := stuffed(t)
	unsent := w.unsent()
	if unsent == 0 {
		t.Fatal("nothing is unsent")
	}
	got := make(chan int64)
	go func() {
		theirs.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		n, _ := io.Copy(io.Discard, theirs)
		got <- n
	}()
	if n := <-got; n > w.sent.Load()-unsent {
		t.Errorf("%d octets arrived of %d written, though %d were said never to", n, w.sent.Load(), unsent)
	}
	w.Close()
	if again := w.unsent(); again != unsent {
		t.Errorf("%d unsent, then %d", unsent, again)
	}
}

func TestUnsentIsKnownAfterTheServerHasReset(t *testing.T) {
	w, theirs := stuffed(t)
	before, _ := w.status()
	theirs.SetLinger(0)
	theirs.Close()
	w.patience(time.Second)
	if _, err := w.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal(err)
	}
	if n := w.unsent(); n == 0 || n != before.unsent {
		t.Errorf("unsent %d, before the reset %d", n, before.unsent)
	}
}

func TestAllThatWasReadIsNotUnsent(t *testing.T) {
	w, theirs := connected(t)
	if _, err := w.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(theirs, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	if n := w.unsent(); n != 0 {
		t.Error(n)
	}
}

func TestMotionGrowsWithWhatTheOtherEndTakes(t *testing.T) {
	w, theirs := connected(t)
	before := w.motion().acked
	go io.Copy(io.Discard, theirs)
	w.hurry(10 * time.Second)
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if now := w.motion().acked; now <= before {
		t.Errorf("%d, then %d", before, now)
	}
	s, _ := w.status()
	if s.roundTrip() <= 0 || s.shortest <= 0 || s.shortest > time.Second {
		t.Errorf("round trip %v, shortest %v", s.roundTrip(), s.shortest)
	}
}

// wired is a wire from the laptop to the smarthost's address, and its other end.
func wired(t *testing.T, n *lab.Network) (*wire, net.Conn) {
	t.Helper()
	l := n.Gateway.Listen(net.JoinHostPort(lab.SmarthostIP, "0"))
	var ours net.Conn
	if err := n.Laptop.Do(func() (err error) {
		ours, err = net.Dial("tcp", l.Addr().String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	tune(ours)
	return &wire{Conn: ours, block: time.Minute, wait: wait{limit: -1}}, theirs
}

func TestAPeerThatHasGoneIsNoticedAndNothingHeldLeavesLater(t *testing.T) {
	n := lab.Netns(t)
	w, theirs := wired(t, n)
	conn := w.Conn
	control(conn, func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 300) // in place of minutes
	})
	n.Silence()
	_, err := w.Write(make([]byte, 1<<20))
	if !errors.Is(err, syscall.ETIMEDOUT) || !isLost(err) {
		t.Errorf("%v", err)
	}
	unsent := w.unsent()
	if unsent == 0 {
		t.Error("all is said to have left")
	}
	n.Answer()
	theirs.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if got, _ := io.Copy(io.Discard, theirs); got > w.sent.Load()-unsent {
		t.Errorf("%d octets arrived of %d, though %d were said never to", got, w.sent.Load(), unsent)
	}
}

// asked sends so many octets as often, each time with an answer.
func asked(t *testing.T, w *wire, theirs net.Conn, octets, times int) {
	t.Helper()
	answer := make([]byte, 1)
	for range times {
		if _, err := w.Write(make([]byte, octets)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(theirs, make([]byte, octets)); err != nil {
			t.Fatal(err)
		}
		if _, err := theirs.Write(answer); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Read(answer); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALinkHasRoomUnlessOctetsQueueForIt(t *testing.T) {
	w, theirs := connected(t)
	asked(t, w, theirs, 4096, 3)
	if trip, some := w.room(); !some || trip <= 0 {
		t.Errorf("where all was answered: %v, %v", trip, some)
	}
	deaf, _ := stuffed(t)
	if _, some := deaf.room(); !some {
		t.Error("it is the link that counts as full where the other end takes nothing")
	}
	emulated := &wire{Conn: silentConn{}}
	if _, some := emulated.room(); some {
		t.Error("there is room where the system knows nothing")
	}
}

func TestASlowLinkHasNoRoom(t *testing.T) {
	n := lab.Netns(t)
	n.Narrow("128kbit")
	w, theirs := wired(t, n)
	asked(t, w, theirs, 8192, 4) // half a second each
	if trip, some := w.room(); some {
		t.Errorf("a link of 128 kbit/s has room behind messages of 8 KiB; its shortest round trip is %v", trip)
	}
}

// A silentConn has no socket.
type silentConn struct{ net.Conn }
