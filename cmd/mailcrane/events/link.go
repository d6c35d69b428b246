package events

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// maxEvent bounds a line of the agent's events, in octets.
const maxEvent = 64 << 10

// An agentLink is the way to the agent of a spool, which may come and go.
type agentLink struct {
	Options

	// comes tells of the socket's coming, so that nobody has to ask again and
	// again.
	comes *fsnotify.Watcher
}

func linkAgent(o Options) (*agentLink, error) {
	comes, err := fsnotify.NewBufferedWatcher(16)
	if err != nil {
		return nil, fmt.Errorf("cannot watch for the agent: %w", err)
	}
	if err := comes.Add(filepath.Dir(o.Socket)); err != nil {
		comes.Close()
		return nil, fmt.Errorf("cannot watch %s for the agent: %w", filepath.Dir(o.Socket), err)
	}
	return &agentLink{o, comes}, nil
}

// run passes on what the agent says, now and each time it comes back, until ctx
// ends.
func (l *agentLink) run(ctx context.Context, tell func(Item)) {
	defer l.comes.Close()
	down := "no agent runs: what is queued waits for " + l.Start + ", or mailcrane flush"
	for {
		conn, err := l.Agent(ctx)
		if err != nil && down != "" {
			tell(Item{Event: AgentDown, At: l.Now(), Why: down})
			down = ""
		}
		if err != nil {
			if !l.await(ctx) {
				return
			}
			continue
		}
		tell(Item{Event: AgentUp, At: l.Now(), Why: "the agent runs"})
		l.hear(ctx, conn, tell)
		if ctx.Err() != nil {
			return
		}
		down = "the agent has ended; what is queued stays there"
	}
}

// hear passes on what comes over conn until that ends.
func (l *agentLink) hear(ctx context.Context, conn net.Conn, tell func(Item)) {
	defer conn.Close()
	if conn.SetDeadline(time.Time{}) != nil {
		return
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	limited := &io.LimitedReader{R: conn}
	for events := json.NewDecoder(limited); ; {
		limited.N = maxEvent
		var e Item
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
			if e.Name == l.Socket && !e.Has(fsnotify.Remove) {
				return true
			}
		}
	}
}
