package main

import (
	"testing"
	"time"

	"mailcrane/internal/config"
)

// A connection that says nothing kept all others waiting for two seconds, and a
// handful of them had a healthy agent taken for one that does not answer.
func TestWhoSaysNothingKeepsNobodyWaiting(t *testing.T) {
	c := &config.Config{Spools: []string{t.TempDir()}}
	if _, err := serveControl(t.Context(), c, controller{status: func() agentStatus { return agentStatus{} }}); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		silent, err := dialControl(t.Context(), agentSocket(c.Spools[0]))
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
	}
	began := time.Now()
	if _, err := askAgent(t.Context(), c, askStatus); err != nil || time.Since(began) >= controlTime {
		t.Errorf("answered after %v: %v", time.Since(began), err)
	}
}
