package main

import (
	"runtime/debug"
	"testing"

	"mailcrane/queue"
)

// The limit of an idle agent would have the collector of a server with a
// thousand clients be at work all the time.
func TestTheMemoryOfAServerIsNotThatOfAnIdleAgent(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	r := newRest()
	defer r.end()
	r.serves()
	r.watch(queue.Event{})
	r.lieDown()
	if got := debug.SetMemoryLimit(-1); got != noLimit {
		t.Errorf("the limit is %d octets", got)
	}
	if got := debug.SetGCPercent(servingPercent); got != servingPercent {
		t.Errorf("the collector goes by %d %%", got)
	}
}
