package relay

import (
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
	"mailcrane/queue"
)

// satellite is a link of which every round trip is felt, and modem one of which
// every octet is.
var (
	satellite = slowlink.Shape{Delay: 300 * time.Millisecond, SlowStart: true, Buffer: 16 << 10}
	modem     = slowlink.Shape{Delay: 300 * time.Millisecond, Rate: 9600, SlowStart: true, Buffer: 16 << 10}
)

// across is a wire over a slow link, and the server's end of it.
func across(t *testing.T, shape slowlink.Shape) (*slowlink.Link, *wire, net.Conn) {
	t.Helper()
	link := slowlink.New(shape)
	at := link.Listen("smtp.example.org:25")
	defer at.Close()
	ours, err := link.Dial(t.Context(), "tcp", "smtp.example.org:25")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := at.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return link, &wire{Conn: ours, block: time.Hour, wait: wait{limit: -1}}, theirs
}

// nowhereElse lists no address: nothing is known.
func nowhereElse() ([]net.Addr, error) { return nil, nil }

func TestStirredSessions(t *testing.T) {
	const written = 4 << 10
	tests := []struct {
		why   string
		shape slowlink.Shape
		// silence is since when the link is dead; awaited, since when the server
		// owes a reply to what was written.
		dead             bool
		silence, awaited time.Duration
		// cut is how long after the Stir the wait ends, below zero for not at all
		// because of it.
		least, most time.Duration
	}{
		{"what was sent reaches nobody, for long", satellite, true, 10 * time.Second, 9 * time.Second, 0, 0},
		{"what was sent has only just left, into the dark", satellite, true, 10 * time.Second, 100 * time.Millisecond, 600 * time.Millisecond, 900 * time.Millisecond},
		{"the server is at work, and the link died meanwhile", satellite, true, 5 * time.Second, 9 * time.Second, 0, time.Second},
		{"the server is at work for long, and the link lives", satellite, false, 0, 20 * time.Second, -1, -1},
		{"what was sent is on its way over a link that lives", satellite, false, 0, 100 * time.Millisecond, -1, -1},
		{"a modem takes a second for each segment", modem, false, 0, 2 * time.Second, -1, -1},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				link, w, theirs := across(t, test.shape)
				go io.Copy(io.Discard, theirs)
				defer theirs.Close()
				defer w.Close()
				ask := func() {
					w.patience(time.Hour)
					w.Write(make([]byte, written))
				}
				kill := func() {
					if test.dead {
						link.BlackHole(false)
					}
				}
				first, then, pause := ask, kill, test.awaited-test.silence
				if pause < 0 {
					first, then, pause = kill, ask, -pause
				}
				first()
				time.AfterFunc(pause, then)
				time.Sleep(max(test.silence, test.awaited))
				w.patience(time.Minute) // a reply to something else was taken
				stirred := time.Now()
				w.stir(nowhereElse)
				_, err := w.Read(make([]byte, 1))
				took := time.Since(stirred)
				err = w.why(err)
				switch {
				case test.least < 0 && (!errors.Is(err, os.ErrDeadlineExceeded) || took < time.Minute):
					t.Errorf("%v after %v, though it lives", err, took)
				case test.least >= 0 && (!errors.Is(err, errStill) || took < test.least || took > test.most):
					t.Errorf("%v after %v", err, took)
				}
			})
		})
	}
}

func TestAStirInTheMiddleOfABigMessageOnASlowLinkLeavesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, w, theirs := across(t, modem)
		got := make(chan int64)
		go func() {
			n, _ := io.Copy(io.Discard, theirs)
			got <- n
		}()
		done := make(chan struct{})
		go tick(done, time.Second, time.Hour, func() { w.stir(nowhereElse) })
		if _, err := w.Write(make([]byte, 64<<10)); err != nil {
			t.Error(w.why(err))
		}
		close(done)
		w.Close()
		if n := <-got; n != 64<<10 {
			t.Errorf("%d octets arrived", n)
		}
		theirs.Close()
	})
}

func TestAStirEndsAWriteThatIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link, w, theirs := across(t, satellite)
		go io.Copy(io.Discard, theirs)
		time.AfterFunc(10*time.Second, func() { link.BlackHole(false) })
		time.AfterFunc(20*time.Second, func() { w.stir(nowhereElse) })
		start := time.Now()
		var err error
		for err == nil {
			_, err = w.Write(make([]byte, 1000))
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(start); !errors.Is(w.why(err), errStill) || took < 20*time.Second || took > 21*time.Second {
			t.Errorf("%v after %v", w.why(err), took)
		}
		if w.unsent() == 0 {
			t.Error("all is said to have left")
		}
		w.Close()
		theirs.Close()
	})
}

func TestAStirLeavesAnIdleSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link, w, theirs := across(t, satellite)
		w.Write([]byte("x"))
		link.BlackHole(false)
		time.Sleep(time.Hour)
		w.stir(nowhereElse)
		time.Sleep(time.Hour)
		if w.isCut() {
			t.Error("it was given up")
		}
		w.Close()
		theirs.Close()
	})
}

func TestSessionWhoseAddressHasGoneIsGivenUp(t *testing.T) {
	listing := func(addresses ...string) func() ([]net.Addr, error) {
		return func() ([]net.Addr, error) {
			var all []net.Addr
			for _, a := range addresses {
				ip, n, err := net.ParseCIDR(a)
				if err != nil {
					return nil, err
				}
				all = append(all, &net.IPNet{IP: ip, Mask: n.Mask})
			}
			return all, nil
		}
	}
	for _, test := range []struct {
		why, local string
		addresses  func() ([]net.Addr, error)
		want       bool
	}{
		{"it is still there", "192.0.2.9", listing("127.0.0.1/8", "192.0.2.9/24"), false},
		{"another of the same network took its place", "192.0.2.9", listing("127.0.0.1/8", "192.0.2.10/24"), true},
		{"only loopback is left", "192.0.2.9", listing("127.0.0.1/8"), true},
		{"loopback's whole network is always there", "127.3.2.1", listing("192.0.2.9/24"), false},
		{"IPv6", "2001:db8::9", listing("2001:db8::9/64"), false},
		{"a temporary IPv6 address has run out (RFC 8981)", "2001:db8::9", listing("2001:db8::a/64"), true},
		{"the system does not say", "192.0.2.9", func() ([]net.Addr, error) { return nil, errors.New("no") }, false},
	} {
		if got := homeless(&net.TCPAddr{IP: net.ParseIP(test.local)}, test.addresses); got != test.want {
			t.Errorf("%s: %v", test.why, got)
		}
	}
	if homeless(&net.UnixAddr{Name: "x"}, listing("127.0.0.1/8")) {
		t.Error("a socket of this machine has no address to lose")
	}
}

func TestWhatIsLost(t *testing.T) {
	for _, test := range []struct {
		why  string
		err  error
		want bool
	}{
		{"given up by a Stir", errStill, true},
		{"its address gone", errHomeless, true},
		{"unacknowledged for too long", &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ETIMEDOUT)}, true},
		{"the way out gone", &net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.ENETUNREACH)}, true},
		{"the router says that the server cannot be reached", os.NewSyscallError("write", syscall.EHOSTUNREACH), true},
		{"reset", os.NewSyscallError("read", syscall.ECONNRESET), true},
		{"closed by the server", io.EOF, false},
		{"closed by the server in the middle of a line", io.ErrUnexpectedEOF, false},
		{"421", &closing{reply: reply{code: 421}}, false},
		{"the end of a wait", &noAnswer{"MAIL", time.Minute}, false},
		{"a person said stop", context.Canceled, false},
	} {
		s := &Session{target: &Target{}}
		if got := s.broken(queue.StepSession, test.err).Lost; got != test.want {
			t.Errorf("%s: %v", test.why, got)
		}
	}
}

// What was on its way when the network changed arrives after the change, and says
// nothing of what comes later.
func TestWhatWasUnderWayBeforeTheChangeIsNoSignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link, w, theirs := across(t, satellite)
		defer theirs.Close()
		defer w.Close()
		w.patience(time.Hour)
		w.Write(make([]byte, 1000))
		time.Sleep(10 * time.Second)
		theirs.Write([]byte("x")) // comes after 300 ms
		time.Sleep(200 * time.Millisecond)
		stirred := time.Now()
		w.stir(nowhereElse)
		time.AfterFunc(150*time.Millisecond, func() { link.BlackHole(false) })
		if _, err := w.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		_, err := w.Read(make([]byte, 1))
		if took := time.Since(stirred); !errors.Is(w.why(err), errStill) || took > 2*time.Second {
			t.Errorf("%v after %v", w.why(err), took)
		}
	})
}

func TestALinkThatIsSilentIsToldFromAServerThatIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link, w, theirs := across(t, satellite)
		defer theirs.Close()
		defer w.Close()
		w.Write(make([]byte, 1000))
		time.Sleep(2 * time.Minute)
		if w.unheard(2 * time.Minute) {
			t.Error("the server has all, and says nothing: that is no loss of the link")
		}
		link.BlackHole(false)
		w.Write(make([]byte, 1000))
		time.Sleep(2 * time.Minute)
		if !w.unheard(2 * time.Minute) {
			t.Error("what was sent does not get through, and the server is to blame")
		}
	})
}
