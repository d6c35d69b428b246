package relay

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A link is a connection whose acknowledgements a test gives.
type link struct {
	net.Conn
	reached, kept atomic.Int64
}

func (l *link) Acked() int64  { return l.reached.Load() }
func (l *link) Unsent() int64 { return l.kept.Load() }

func (l *link) RoundTrip() time.Duration { return 0 }
func (l *link) Silent() time.Duration    { return 0 }
func (l *link) Idle() time.Duration      { return 0 }
func (l *link) Probe()                   {}
func (l *link) Halt()                    {}

func TestAWaitLastsWhileSomethingMoves(t *testing.T) {
	tests := []struct {
		why string
		// every is how often an octet of ours gets through, and say how often the
		// server says one; for is how long.
		every, say, during time.Duration
		least, most        time.Duration
	}{
		{"nothing moves", 0, 0, 0, 8 * time.Minute, 8 * time.Minute},
		{"what was written takes half an hour to leave", time.Minute, 0, 30 * time.Minute, 38 * time.Minute, 39 * time.Minute},
		{"a reply comes slowly for a while", 0, time.Minute, 10 * time.Minute, 18 * time.Minute, 18 * time.Minute},
		{"an octet a minute for ever is no reply", 0, time.Minute, 10 * time.Hour, 32 * time.Minute, 32 * time.Minute},
		{"what moves too seldom does not count", 9 * time.Minute, 0, time.Hour, 8 * time.Minute, 8 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				defer theirs.Close()
				l := &link{Conn: ours}
				l.reached.Store(1)
				w := &wire{Conn: l, block: time.Hour}
				done := make(chan struct{})
				defer close(done)
				if test.every > 0 {
					go tick(done, test.every, test.during, func() { l.reached.Add(1) })
				}
				if test.say > 0 {
					go tick(done, test.say, test.during, func() { theirs.Write([]byte("x")) })
				}
				start := time.Now()
				if err := w.patience(8 * time.Minute); err != nil {
					t.Fatal(err)
				}
				var err error
				for p := make([]byte, 1); err == nil; {
					_, err = w.Read(p)
				}
				took := time.Since(start)
				if !errors.Is(err, os.ErrDeadlineExceeded) || took < test.least || took > test.most {
					t.Errorf("%v after %v; want %v to %v", err, took, test.least, test.most)
				}
				theirs.Close()
			})
		})
	}
}

// tick calls do at each interval, for a while.
func tick(done chan struct{}, every, during time.Duration, do func()) {
	for range during / every {
		select {
		case <-time.After(every):
			do()
		case <-done:
			return
		}
	}
}

func TestNothingAwaitedHasNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		w := &wire{Conn: ours, block: time.Hour}
		w.patience(time.Second)
		time.AfterFunc(500*time.Millisecond, func() { w.patience(-1) })
		time.AfterFunc(time.Hour, func() { theirs.Write([]byte("x")) })
		if n, err := w.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
}

func TestAWriteLastsWhileWhatWentBeforeGetsThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		l := &link{Conn: ours}
		w := &wire{Conn: l, block: 3 * time.Minute}
		done := make(chan struct{})
		defer close(done)
		go tick(done, time.Minute, 20*time.Minute, func() { l.reached.Add(1) })
		start := time.Now()
		if n, err := w.Write([]byte("x")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d, %v", n, err)
		}
		if took := time.Since(start); took < 23*time.Minute || took > 27*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

func TestWhatIsUnsentStaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		l := &link{Conn: ours}
		w := &wire{Conn: l, block: time.Hour}
		wrote := make(chan error, 1)
		go func() {
			_, err := w.Write([]byte("xyz"))
			wrote <- err
		}()
		theirs.Read(make([]byte, 1))
		synctest.Wait()
		l.kept.Store(7)
		if n := w.unsent(); n != 7 || w.sent.Load() != 1 {
			t.Errorf("unsent %d of %d written", n, w.sent.Load())
		}
		if err := <-wrote; err == nil {
			t.Error("the write under way went on")
		}
		l.kept.Store(0)
		w.Close()
		if n, err := w.Write([]byte("x")); n != 0 || err == nil {
			t.Errorf("wrote %d, %v", n, err)
		}
		if n := w.unsent(); n != 7 {
			t.Errorf("later %d", n)
		}
	})
}
