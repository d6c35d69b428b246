package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
)

// Coverage: A14, B55.
func TestAServerLeavesMailToTheRunsThatItsModeWants(t *testing.T) {
	for _, test := range []struct {
		reason, text string
		want         []time.Duration // after what has come at 0, 1 and 50 minutes
	}{
		{"at once, where nothing is set", "", []time.Duration{0, time.Minute, 50 * time.Minute}},
		{"in the background", "delivery_mode = \"background\"\n", []time.Duration{0, time.Minute, 50 * time.Minute}},
		{"by runs, for all that came meanwhile", "delivery_mode = \"queue\"\n[queue]\ninterval = \"30m\"\n", []time.Duration{30 * time.Minute, 80 * time.Minute}},
		{"deferred", "delivery_mode = \"deferred\"\n[queue]\ninterval = \"30m\"\n", []time.Duration{30 * time.Minute, 80 * time.Minute}},
		{"by hand alone", "delivery_mode = \"queue\"\n", nil},
	} {
		t.Run(test.reason, func(t *testing.T) {
			c, err := config.Parse("m.toml", []byte(test.text), func(string) string { return "/home/me" })
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithTimeout(t.Context(), 3*time.Hour)
				defer stop()
				began, arrivals := time.Now(), make(chan struct{})
				runs := forRuns(ctx, c, arrivals)
				go func() {
					for _, at := range []time.Duration{0, time.Minute, 50 * time.Minute} {
						time.Sleep(at - time.Since(began))
						arrivals <- struct{}{}
					}
				}()
				var got []time.Duration
				for ctx.Err() == nil {
					select {
					case <-runs:
						got = append(got, time.Since(began))
					case <-ctx.Done():
					}
				}
				if len(got) != len(test.want) {
					t.Fatalf("runs at %v, want %v", got, test.want)
				}
				for i := range got {
					if got[i] != test.want[i] {
						t.Errorf("runs at %v, want %v", got, test.want)
					}
				}
			})
		})
	}
}
