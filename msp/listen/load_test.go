package listen

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/load"
)

// Coverage: B51.
func TestATooHighLoadRefusesConnections(t *testing.T) {
	var average atomic.Int64
	average.Store(12)
	var r recorder
	address := onLoopback(t, r.submit, Options{Load: Load{Average: func() float64 { return float64(average.Load()) + 0.9 }, Refuse: 12}})
	c := connect(t, address)
	c.want("421 4.3.2 This machine is too busy")
	c.wantEnd()
	average.Store(11) // 11.9 counts as 11, as in sendmail
	dial(t, address)
}

// Coverage: B51.
func TestTheLogHearsOfTheFirstRefusalAndThenNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var r load.Refusals
		average := 20.0
		l := &Load{Average: func() float64 { return average }, Refuse: 12, LogInterval: 3 * time.Hour}
		log := slog.New(slog.NewTextHandler(&out, nil))
		const at = "127.0.0.1:25"
		for range 7 { // six hours and a half
			for range 10 {
				if !r.Refuse(l.limit(l.Refuse), at, time.Now(), log) {
					t.Error("a connection was taken")
				}
			}
			time.Sleep(65 * time.Minute)
		}
		average = 3
		if first, second := r.Refuse(l.limit(l.Refuse), at, time.Now(), log), r.Refuse(l.limit(l.Refuse), at, time.Now(), log); first || second {
			t.Error("a connection was refused after the load had fallen")
		}
		text := out.String()
		if strings.Count(text, "\n") != 4 || strings.Count(text, "still rejecting connections on daemon 127.0.0.1:25") != 2 ||
			!strings.Contains(text, "\"rejecting connections on daemon 127.0.0.1:25: load average: 20\"") ||
			strings.Count(text, "taking connections on daemon 127.0.0.1:25 again") != 1 || !strings.Contains(text, "refused=70") {
			t.Errorf("the log says:\n%s", text)
		}
	})
}

// Coverage: B51.
func TestAHighLoadSlowsAClientDown(t *testing.T) {
	for _, c := range []struct {
		reason  string
		average float64
		lenient bool
		want    time.Duration
	}{
		{"high: the greeting and each command wait", 9, false, time.Second},
		{"not high", 7.9, false, 0},
		{"a program of this machine on standard input", 9, true, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			g := newGuard(near, Options{Load: Load{Average: func() float64 { return c.average }, Delay: 8}}, c.lenient)
			began := time.Now()
			g.slowDown()
			if took := time.Since(began); took != c.want {
				t.Errorf("%s: %v, want %v", c.reason, took, c.want)
			}
		})
	}
}
