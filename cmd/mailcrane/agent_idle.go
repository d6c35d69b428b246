package main

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"mailcrane/msp/drop"
	"mailcrane/msp/listen"
	"mailcrane/queue"
	"mailcrane/queue/arrivals"
)

// An idler ends an agent that something starts again (agent --idle-exit): when
// nothing has happened for a while, nobody is handing mail in and nothing at
// all stands in the queue. What stands there, deferred, held or scheduled,
// keeps the agent, without waking it.
//
// Between the last look and the end of the process nothing is lost: a client
// waits in the socket that the service manager keeps open, and a message in
// the queue directory, at which it looks when the process has ended.
type idler struct {
	after   time.Duration // 0: never
	spool   *queue.Spool
	servers []*listen.Server
	drop    string // the drop directory, or ""
	// bound: a listener is this process's own, and would go with it.
	bound bool
	end   func()
	log   *slog.Logger
	// install is what has the service manager listen as the configuration says.
	install string

	mu    sync.Mutex
	timer *time.Timer
}

// begin has it watch, until ctx ends.
func (i *idler) begin(ctx context.Context) error {
	if i.after <= 0 {
		return nil
	}
	if i.bound {
		i.log.Warn("the agent does not end when idle: it listens where its service manager does not; type: " + i.install)
		return nil
	}
	// What leaves by another hand, such as queue remove, is no event of a run.
	if err := arrivals.Departures(ctx, i.spool, i.stir); err != nil {
		return err
	}
	i.mu.Lock()
	i.timer = time.AfterFunc(i.after, i.look)
	i.mu.Unlock()
	context.AfterFunc(ctx, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.timer.Stop()
	})
	return nil
}

// stir says that something has happened.
func (i *idler) stir() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.timer != nil {
		i.timer.Reset(i.after)
	}
}

// watch is told of every event of the queue runs.
func (i *idler) watch(queue.Event) { i.stir() }

// look ends the agent if there is nothing to do. Otherwise something is to
// happen before it is worth another look.
func (i *idler) look() {
	for _, s := range i.servers {
		if !s.Pause() {
			i.resume()
			return
		}
	}
	empty, err := i.spool.Empty()
	if err != nil || !empty || !i.dropEmpty() {
		i.resume()
		return
	}
	i.log.Info("agent ends: nothing is to be done, and mail starts it again")
	i.end()
}

// dropEmpty takes a drop directory for empty as the path unit does
// (installer), which would start the agent again at once: what is still written
// or was set aside does not count.
func (i *idler) dropEmpty() bool {
	if i.drop == "" {
		return true
	}
	names, err := os.ReadDir(i.drop)
	return err == nil && !slices.ContainsFunc(names, func(e os.DirEntry) bool { return strings.HasSuffix(e.Name(), drop.Whole) })
}

func (i *idler) resume() {
	for _, s := range i.servers {
		s.Resume()
	}
}
