package relay

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// slowReader takes one octet of conn a minute, n times.
func slowReader(conn net.Conn, n int) {
	for range n {
		<-time.After(time.Minute)
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			return
		}
	}
}

func TestWriteLastsAsLongAsItGetsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		w := &wire{Conn: ours, block: 3 * time.Minute}
		go slowReader(theirs, 10)
		start := time.Now()
		if n, err := w.Write(make([]byte, 10)); n != 10 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if took := time.Since(start); took != 10*time.Minute {
			t.Errorf("took %v", took)
		}
		if w.sent.Load() != 10 {
			t.Errorf("counted %d", w.sent.Load())
		}
	})
}

// Coverage: B17.
func TestWriteThatDoesNotGetOnEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		w := &wire{Conn: ours, block: 3 * time.Minute}
		go slowReader(theirs, 2)
		start := time.Now()
		if n, err := w.Write(make([]byte, 10)); n != 2 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d, %v", n, err)
		}
		if took := time.Since(start); took < 4*time.Minute || took > 6*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

func TestCutEndsWaitsNowAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		w := &wire{Conn: ours, block: time.Hour}
		ctx, cancel := context.WithCancelCause(t.Context())
		release := w.obey(ctx)
		defer release()
		why := errors.New("a person said stop")
		time.AfterFunc(time.Second, func() { cancel(why) })
		if _, err := w.Write([]byte("x")); !errors.Is(w.why(err), why) {
			t.Errorf("write: %v", w.why(err))
		}
		if err := w.patience(time.Hour); !errors.Is(err, why) {
			t.Errorf("a new deadline after a cut: %v", err)
		}
		if _, err := w.Read(make([]byte, 1)); !errors.Is(w.why(err), why) {
			t.Errorf("read: %v", w.why(err))
		}
	})
}

func TestReleasedContextDoesNotCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		w := &wire{Conn: ours, block: time.Hour}
		ctx, cancel := context.WithCancel(t.Context())
		release := w.obey(ctx)
		release()
		cancel()
		synctest.Wait()
		if err := w.patience(time.Hour); err != nil {
			t.Error(err)
		}
	})
}
