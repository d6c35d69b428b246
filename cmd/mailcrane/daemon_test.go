package main

import (
	"context"
	"io"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/msp"
)

// Coverage: B5.
func TestADaemonTriesAtTheIntervalOfItsCommandLine(t *testing.T) {
	home := t.TempDir()
	s := services{app: app{stdout: io.Discard, stderr: io.Discard, now: time.Now, load: func() float64 { return 0 }}}
	s.getenv = func(name string) string { return map[string]string{"HOME": home}[name] }
	s.settings = []config.Setting{{Name: "QueueDirectory", Value: t.TempDir()}, {Name: "LogLevel", Value: "0"}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Daemon(ctx, msp.Foreground, msp.QueueRun{Given: true, Interval: 30 * time.Minute})
	c, err := s.config()
	if err != nil || c.Queue.Interval != 30*time.Minute {
		t.Errorf("%v between two tries, %v", c.Queue.Interval, err)
	}
}
