package site

import (
	"testing"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// Coverage: X7.
func TestAnExpensiveHostIsCalledByQueueRunsAlone(t *testing.T) {
	c, err := config.Parse("m.toml", []byte("[queue]\nhold_expensive = true\n[mta.exchange]\nexpensive = [\"Far.Example\", \"far-host.example\"]\n"), func(string) string { return "/home/me" })
	if err != nil {
		t.Fatal(err)
	}
	dial := Dial(nil, c.ExpensiveHost)
	for r, want := range map[queue.Route]config.Dial{
		"esmtp:far.example":         config.DialByRun,
		"smtp:[far-host.example]":   config.DialByRun,
		"esmtp:sub.far.example":     config.DialFreely,
		"esmtp:near.example":        config.DialFreely,
		"dsmtp:far.example":         config.DialOnDemand,
		"local:":                    config.DialFreely,
		"procmail:/etc/far.example": config.DialFreely,
	} {
		if got := dial(r); got != want {
			t.Errorf("%s: %v, want %v", r, got, want)
		}
	}
	c.Queue.HoldExpensive = false
	if got := dial("esmtp:far.example"); got != config.DialFreely {
		t.Errorf("without HoldExpensive: %v", got)
	}
}
