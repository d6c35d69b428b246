package events

import (
	"context"
	"errors"
	"net"
	"time"

	"mailcrane/queue"
	"mailcrane/queue/tidings"
)

// Options is what Follow is given.
type Options struct {
	Spool  *queue.Spool
	Routes []queue.Route
	// Remembers says that the spool keeps in mind what has left it.
	Remembers bool
	Now       func() time.Time
	// Socket is where an agent answers, and Agent has it tell its events over the
	// connection returned; an error is that none runs.
	Socket string
	Agent  func(context.Context) (net.Conn, error)
	// Start is the command that starts one.
	Start string
}

// ErrMoved is that the queue's directory was moved or removed.
var ErrMoved = errors.New("the queue was moved or removed")

// Follow calls tell, from one goroutine, with each event from now on, until ctx
// ends: what becomes of messages by whatever process, which the spool says, and
// what only an agent knows, while one runs. begun is called when nothing is
// missed any more. The spool has to be prepared. It is ErrMoved, or that the
// spool cannot be watched.
func Follow(ctx context.Context, o Options, begun func(), tell func(Item)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := &follower{events: make(chan Item), agentEvents: make(chan Item), since: o.Now().UnixNano()}
	ended, err := tidings.Watch(ctx, tidings.Options{Spool: o.Spool, Now: o.Now, Remembers: o.Remembers, Routes: o.Routes}, func(t tidings.Tiding) { f.tiding(ctx, t) })
	if err != nil {
		return err
	}
	link, err := linkAgent(o)
	if err != nil {
		return err
	}
	go link.run(ctx, func(e Item) { f.pass(ctx, f.agentEvents, e) })
	begun()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			if ctx.Err() != nil {
				return nil
			}
			return ErrMoved
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
	events, agentEvents chan Item
	since               int64 // Unix nanoseconds
	agent               bool
	// told is for whom it was said for good what became of a message; told and
	// before it the last few thousand.
	told, before map[string]bool
}

func (f *follower) pass(ctx context.Context, to chan<- Item, e Item) {
	select {
	case to <- e:
	case <-ctx.Done():
	}
}

// tiding passes on what the spool says. What is remembered of a message that
// has left tells also what was told when it happened.
func (f *follower) tiding(ctx context.Context, t tidings.Tiding) {
	e := eventOf(t)
	if t.Gone && (t.Record.At.UnixNano() < f.since || !e.Final() && e.Event != Removed) {
		return
	}
	f.pass(ctx, f.events, e)
}

// once says that this was not told yet.
func (f *follower) once(e Item) bool {
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

func (f *follower) fromSpool(e Item) bool {
	switch e.Event {
	case RouteUp, RouteDown:
		return !f.agent // the agent knows better
	case Sent, Failed, Removed:
		return f.once(e)
	}
	return true
}

func (f *follower) fromAgent(e Item) bool {
	switch e.Event {
	case AgentUp:
		f.agent = true
	case AgentDown:
		f.agent = false
	case Sent, Failed:
		return f.once(e)
	}
	return true
}
