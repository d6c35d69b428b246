package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"path/filepath"

	"github.com/fsnotify/fsnotify"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/queue/tidings"
)

// maxEvent bounds a line of the agent's events, in octets.
const maxEvent = 64 << 10

// follow calls tell, from one goroutine, with each event from now on, until ctx
// ends: what becomes of messages by whatever process, which the spool says, and
// what only an agent knows, while one runs. begun is called when nothing is
// missed any more.
func (a *app) follow(ctx context.Context, c *config.Config, begun func(), tell func(eventItem)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	spool := a.spool(c)
	if err := spool.Prepare(); err != nil {
		return cannotUseSpool(c, err)
	}
	f := &follower{events: make(chan eventItem), agentEvents: make(chan eventItem), since: a.now().UnixNano()}
	options := tidings.Options{Spool: spool, Now: a.now, Remembers: c.Queue.Remember > 0}
	for _, account := range c.Accounts {
		options.Routes = append(options.Routes, queue.Route(account.Name))
	}
	ended, err := tidings.Watch(ctx, options, func(t tidings.Tiding) { f.tiding(ctx, t) })
	if err != nil {
		return cannotUseSpool(c, err)
	}
	link, err := linkAgent(agentSocket(c.Spools[0]), serviceCall(c, "start"))
	if err != nil {
		return cannotUseSpool(c, err)
	}
	go link.run(ctx, a, func(e eventItem) { f.pass(ctx, f.agentEvents, e) })
	begun()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			if ctx.Err() != nil {
				return nil
			}
			return sysexits.Errorf(sysexits.CantCreat, "start this again when it is back", "the queue in %s was moved or removed", c.Spools)
		case e := <-f.agentEvents:
			if f.fromAgent(e) {
				tell(e)
			}
		case e := <-f.events:
			if f.fromSpool(e) {
				tell(e)
			}
		}
	}
}

// A follower makes one stream of what the spool and the agent say, in which
// nothing stands twice.
type follower struct {
	events, agentEvents chan eventItem
	since               int64 // Unix nanoseconds
	agent               bool
	// told is for whom it was said for good what became of a message; told and
	// before it the last few thousand.
	told, before map[string]bool
}

func (f *follower) pass(ctx context.Context, to chan<- eventItem, e eventItem) {
	select {
	case to <- e:
	case <-ctx.Done():
	}
}

// tiding passes on what the spool says. What is remembered of a message that
// has left tells also what was told when it happened.
func (f *follower) tiding(ctx context.Context, t tidings.Tiding) {
	e := eventOf(t)
	if t.Gone && (t.Record.At.UnixNano() < f.since || !e.final() && e.Event != eventRemoved) {
		return
	}
	f.pass(ctx, f.events, e)
}

// once says that this was not told yet.
func (f *follower) once(e eventItem) bool {
	const most = 4096
	key := string(e.ID) + " " + e.Event + " " + e.Address
	if f.told[key] || f.before[key] {
		return false
	}
	if f.told == nil || len(f.told) >= most {
		f.before, f.told = f.told, make(map[string]bool)
	}
	f.told[key] = true
	return true
}

func (f *follower) fromSpool(e eventItem) bool {
	switch e.Event {
	case eventRouteUp, eventRouteDown:
		return !f.agent // the agent knows better
	case eventSent, eventFailed, eventRemoved:
		return f.once(e)
	}
	return true
}

func (f *follower) fromAgent(e eventItem) bool {
	switch e.Event {
	case eventAgentUp:
		f.agent = true
	case eventAgentDown:
		f.agent = false
	case eventSent, eventFailed:
		return f.once(e)
	}
	return true
}

// An agentLink is the way to the agent of a spool, which may come and go.
type agentLink struct {
	socket string
	start  string // what starts the agent where none runs
	// comes tells of the socket's coming, so that nobody has to ask again and
	// again.
	comes *fsnotify.Watcher
}

func linkAgent(socket, start string) (*agentLink, error) {
	comes, err := fsnotify.NewBufferedWatcher(16)
	if err != nil {
		return nil, fmt.Errorf("cannot watch for the agent: %w", err)
	}
	if err := comes.Add(filepath.Dir(socket)); err != nil {
		comes.Close()
		return nil, fmt.Errorf("cannot watch %s for the agent: %w", filepath.Dir(socket), err)
	}
	return &agentLink{socket, start, comes}, nil
}

// run passes on what the agent says, now and each time it comes back, until ctx
// ends.
func (l *agentLink) run(ctx context.Context, a *app, tell func(eventItem)) {
	defer l.comes.Close()
	down := "no agent runs: what is queued waits for " + l.start + ", or mailcrane flush"
	for {
		conn := l.dial(ctx)
		if conn == nil && down != "" {
			tell(eventItem{Event: eventAgentDown, At: a.now(), Why: down})
			down = ""
		}
		if conn == nil {
			if !l.await(ctx) {
				return
			}
			continue
		}
		tell(eventItem{Event: eventAgentUp, At: a.now(), Why: "the agent runs"})
		l.hear(ctx, conn, tell)
		if ctx.Err() != nil {
			return
		}
		down = "the agent has ended; what is queued stays there"
	}
}

// dial asks the agent for its events; nil is that there is none.
func (l *agentLink) dial(ctx context.Context) net.Conn {
	conn, err := dialControl(ctx, l.socket)
	if err != nil {
		return nil
	}
	if _, err := fmt.Fprintln(conn, askEvents); err != nil {
		conn.Close()
		return nil
	}
	return conn
}

// hear passes on what comes over conn until that ends.
func (l *agentLink) hear(ctx context.Context, conn net.Conn, tell func(eventItem)) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	limited := &io.LimitedReader{R: conn}
	for events := json.NewDecoder(limited); ; {
		limited.N = maxEvent
		var e eventItem
		if events.Decode(&e) != nil {
			return
		}
		tell(e)
	}
}

// await returns when the socket may answer: it was made, or its mode set, which
// is done when it listens. It is false when ctx has ended.
func (l *agentLink) await(ctx context.Context) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-l.comes.Errors:
			return true
		case e := <-l.comes.Events:
			if e.Name == l.socket && !e.Has(fsnotify.Remove) {
				return true
			}
		}
	}
}
