package main

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"mailcrane/queue"
)

const (
	// restAfter is how long after the last thing that a queue run did the agent
	// counts as idle.
	restAfter = 2 * time.Second
	// activePercent has the collector give memory back early, rather than save
	// a little time now and then.
	activePercent = 50
	// servingPercent has a server that takes mail in as fast as it comes collect
	// for every 8 MB, not every 2.
	servingPercent = 200
	// restAllowance is how many octets an idle agent may use more (questions
	// about its status, changes of the network) before they are collected.
	restAllowance = 4 << 20
	noLimit       = 1<<63 - 1
)

// A rest keeps Go's collector from waking an idle agent: it would run every
// two minutes though nothing is to be collected, and its helpers after it.
// When queue runs are over, memory is collected and given back once, and the
// collector's clock stops until the next.
type rest struct {
	mu     sync.Mutex
	timer  *time.Timer
	asleep bool
	over   bool
}

func newRest() *rest {
	r := &rest{}
	debug.SetGCPercent(activePercent)
	r.timer = time.AfterFunc(restAfter, r.lieDown)
	return r
}

// watch is told of every event of the queue runs.
func (r *rest) watch(queue.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	if r.asleep {
		r.asleep = false
		debug.SetMemoryLimit(noLimit)
		debug.SetGCPercent(activePercent)
	}
	r.timer.Reset(restAfter)
}

func (r *rest) lieDown() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	r.asleep = true
	debug.FreeOSMemory()
	giveBackProgram()
	debug.SetMemoryLimit(inUse() + restAllowance)
	debug.SetGCPercent(-1)
}

// serves says that mail is taken in from a network, of which no queue run tells:
// the limit of an idle agent would have the collector be at work all the time.
func (r *rest) serves() { r.leave(servingPercent) }

// end gives the collector back to the rest of the process.
func (r *rest) end() { r.leave(activePercent) }

// leave has nobody lie down any more, and the collector go by that percentage.
func (r *rest) leave(percent int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	r.timer.Stop()
	debug.SetMemoryLimit(noLimit)
	debug.SetGCPercent(percent)
}

// inUse is what a memory limit counts.
func inUse() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}
