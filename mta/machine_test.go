package mta

import (
	"testing"
	"time"
)

func TestClientsLeaveFilesForTheirMessages(t *testing.T) {
	for _, c := range []struct {
		reason               string
		allowed, files, want int
	}{
		{"the configuration's number, where the files are enough for it", 1000, 20000, 1000},
		{"fewer, where they are not", 1000, 1024, 480},
		{"as many as the files are enough for", 0, 20000, 9968},
		{"one at least", 1000, 64, 1},
		{"no bound of files", 1000, 0, 1000},
		{"no bound at all", 0, 0, 0},
	} {
		if got := mostClients(c.allowed, c.files); got != c.want {
			t.Errorf("%s: %d, want %d", c.reason, got, c.want)
		}
	}
}

func TestTheLoadIsAskedForOnceASecond(t *testing.T) {
	asked, now := 0, time.Unix(1_700_000_000, 0)
	load := eachSecond(func() float64 { asked++; return float64(asked) }, func() time.Time { return now })
	for _, c := range []struct {
		passes time.Duration
		want   float64
	}{{0, 1}, {999 * time.Millisecond, 1}, {time.Millisecond, 2}, {time.Millisecond, 2}} {
		now = now.Add(c.passes)
		if got := load(); got != c.want {
			t.Errorf("after %v more the load is %v, want %v", c.passes, got, c.want)
		}
	}
}
