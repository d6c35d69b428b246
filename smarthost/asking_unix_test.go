//go:build unix && !darwin

package smarthost

import (
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A line takes packets, and notes when each was sent.
type line struct {
	packets
	began time.Time
	sent  []time.Duration
	open  bool
}

func newLine() *line { return &line{began: time.Now(), open: true} }

func (l *line) Write(p []byte) (int, error) {
	l.sent = append(l.sent, time.Since(l.began))
	if string(p) != "question" {
		panic("it is another packet")
	}
	return len(p), nil
}

func (l *line) Close() error { l.open = false; return nil }

func TestAQuestionIsSentAgainUntilItIsOver(t *testing.T) {
	ms := func(all ...time.Duration) []time.Duration {
		for i := range all {
			all[i] *= time.Millisecond
		}
		return all
	}
	for _, c := range []struct {
		why   string
		after time.Duration // it is closed
		want  []time.Duration
	}{
		{"the answer comes at once", 20 * time.Millisecond, ms(0)},
		{"the first packet is lost", 300 * time.Millisecond, ms(0, 250)},
		{"nobody answers", time.Minute, ms(0, 250, 750, 1750, 3750)},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine()
				conn := asksAgain(l)
				question := []byte("question")
				if n, err := conn.Write(question); n != len(question) || err != nil {
					t.Errorf("%d, %v", n, err)
				}
				copy(question, "changed!") // the caller may use it for something else
				<-time.After(c.after)
				if err := conn.Close(); err != nil || l.open {
					t.Errorf("%v, open: %v", err, l.open)
				}
				<-time.After(time.Hour)
				if !slices.Equal(l.sent, c.want) {
					t.Errorf("sent at %v, want %v", l.sent, c.want)
				}
			})
		})
	}
}

func TestAStreamIsNotSentTwice(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	if asksAgain(near) != near {
		t.Error("what is no packets would be sent twice")
	}
}
