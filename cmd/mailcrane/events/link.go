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
	for up := false; ; {
		conn, err := l.Agent(ctx)
		if err != nil {
			if up = false; down != "" {
				tell(Item{Event: AgentDown, At: l.Now(), Why: down})
				down = ""
			}
			if !l.await(ctx) {
				return
			}
			continue
		}
		if !up {
			tell(Item{Event: AgentUp, At: l.Now(), Why: "the agent runs"})
		}
		turnedAway := l.hear(ctx, conn, up, tell)
		if ctx.Err() != nil || turnedAway && !l.await(ctx) {
			return
		}
		// Where it still runs, this reader was too slow for it.
		up, down = !turnedAway, "the agent has ended; what is queued stays there"
	}
}

// hear passes on what comes over conn until that ends. After a connection that
// was cut off it says first that something was missed. turnedAway is that the
// agent tells this reader nothing.
func (l *agentLink) hear(ctx context.Context, conn net.Conn, cutOff bool, tell func(Item)) (turnedAway bool) {
	defer conn.Close()
	if conn.SetDeadline(time.Time{}) != nil {
		return false
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	limited := &io.LimitedReader{R: conn}
	for events := json.NewDecoder(limited); ; {
		limited.N = maxEvent
		var e Item
		if events.Decode(&e) != nil {
			return turnedAway
		}
		if cutOff {
			cutOff = false
			tell(Item{Event: Missed, At: l.Now(), Why: "this program read too slowly: some of what the agent told is not told here"})
		}
		turnedAway = e.Event == Missed // which an agent says to nobody else
		tell(e)
	}
}

// await returns when the socket may answer otherwise than it did: it was made, or
// its mode set, which is done when it listens, or it has gone. It is false when
// ctx has ended.
func (l *agentLink) await(ctx context.Context) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-l.comes.Errors: //nolint:errcheck // it overflowed: whether the agent came shows by asking
			return true
		case e := <-l.comes.Events:
			if e.Name == l.Socket {
				return true
			}
		}
	}
}
