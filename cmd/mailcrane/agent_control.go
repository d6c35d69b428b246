package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/netwatch"
	"mailcrane/netwatch/network"
	"mailcrane/queue"
)

// The agent answers on a socket in its spool (agent_control_other.go), or on Windows at
// what stands in the socket's place (agent_control_windows.go): one request a connection,
// a word and a line end; one JSON object back, or events until the asker goes. The
// spool is its owner's alone, and so is the socket.
const (
	askStatus = "status" // how are you?
	askRun    = "run"    // run the queue now, whatever kept it back
	askStir   = "stir"   // give sessions up in which nothing moves
	askEvents = "events" // tell what happens until the asker goes: an object a line
	askTrace  = "trace"  // and what of it, in JSON: tell the dialogues of the server's clients
	// controlTime bounds a whole exchange.
	controlTime = 2 * time.Second
)

// An agentStatus is the agent's answer.
type agentStatus struct {
	agentItem

	Network network.State                     `json:"network"`
	Routes  map[queue.Route]netwatch.Standing `json:"routes"`
}

// An agentItem is what a status says of the agent itself.
type agentItem struct {
	PID    int       `json:"pid"`
	Since  time.Time `json:"since"`
	Listen []string  `json:"listen"`
	// Server is where it takes mail in from the network; nil: it is no server.
	Server []string `json:"server,omitempty"`
	// Outdated: the configuration was changed since it began, which it has not read.
	Outdated bool `json:"outdated,omitempty"`
	// Replaced: the file of its program was, and it goes on as the one before.
	Replaced bool `json:"replaced,omitempty"`
}

// A stream is a connection over which the agent goes on telling.
type stream = net.Conn

// A controller is what the agent can be asked to do.
type controller struct {
	status    func() agentStatus
	run, stir func()
	// events tells over the connection, and closes it; nil is no events.
	events func(stream)
	// trace does so with the dialogues of the server's clients, as requested; nil
	// is no server.
	trace func(conn stream, request string)
}

// serveControl answers until ctx ends, or end is called, which returns when the
// socket has gone: a process that ended before would leave it.
func serveControl(ctx context.Context, c *config.Config, does controller) (end func(), err error) {
	l, err := listenControl(ctx, agentSocket(c.Spools[0]))
	if sysexits.Code(err) == sysexits.Unavailable {
		return nil, runsAlready(c.Spools[0])
	}
	if err != nil {
		return nil, err
	}
	for _, dir := range c.Spools[1:] {
		if err := lockOut(ctx, dir); err != nil {
			l.Close()
			return nil, err
		}
	}
	end = sync.OnceFunc(func() { l.Close() })
	context.AfterFunc(ctx, end)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			// Who connects and says nothing keeps nobody waiting.
			go answer(conn, does)
		}
	}()
	return end, nil
}

func runsAlready(dir string) error {
	return sysexits.Errorf(sysexits.Unavailable, "see how it is with: mailcrane status", "an agent runs already for the spool %s", dir)
}

// lockOut keeps other agents from a further queue directory until ctx ends, by
// the lock that one would take whose first it is.
func lockOut(ctx context.Context, dir string) error {
	path := agentSocket(dir) + ".lock"
	lock := flock.New(path, flock.SetPermissions(0o600))
	free, err := lock.TryLock()
	switch {
	case err != nil:
		return sysexits.Errorf(sysexits.CantCreat, "look at the owner and mode of its directory", "locking %s: %w", path, err)
	case !free:
		return runsAlready(dir)
	}
	context.AfterFunc(ctx, func() { lock.Unlock() }) //nolint:errcheck // it ends with the process at the latest
	return nil
}

// mostAsked bounds a request, in octets.
const mostAsked = 4096

func answer(conn net.Conn, does controller) {
	stays := false
	defer func() {
		if !stays {
			conn.Close()
		}
	}()
	if conn.SetDeadline(time.Now().Add(controlTime)) != nil {
		return
	}
	word, err := bufio.NewReader(io.LimitReader(conn, mostAsked)).ReadString('\n')
	if err != nil {
		return
	}
	if request, ok := strings.CutPrefix(word, askTrace+" "); ok {
		if stays = does.trace != nil; stays {
			go does.trace(conn, request)
		}
		return
	}
	switch word {
	case askEvents + "\n":
		if stays = does.events != nil; stays {
			go does.events(conn)
		}
		return
	case askRun + "\n":
		does.run()
	case askStir + "\n":
		does.stir()
	}
	json.NewEncoder(conn).Encode(does.status()) //nolint:errcheck,errchkjson // the asker has gone
}

// errSilent is that of an agent that is there and does not answer: it is stopped,
// or the machine very busy.
var errSilent = errors.New("the agent does not answer")

// askAgent sends a word to the spool's agent. With no agent running, the
// error is that of the connection.
func askAgent(ctx context.Context, c *config.Config, word string) (agentStatus, error) {
	var s agentStatus
	conn, err := tellAgent(ctx, c, word)
	if err != nil {
		return s, err
	}
	defer conn.Close()
	if err := json.NewDecoder(io.LimitReader(conn, 1<<20)).Decode(&s); err != nil {
		return s, fmt.Errorf("%w: %w", errSilent, err)
	}
	return s, nil
}

// tellAgent has the spool's agent answer a word over the connection, within
// controlTime.
func tellAgent(ctx context.Context, c *config.Config, word string) (net.Conn, error) {
	conn, err := dialControl(ctx, agentSocket(c.Spools[0]))
	if err != nil {
		return nil, err
	}
	if err = conn.SetDeadline(time.Now().Add(controlTime)); err == nil {
		_, err = fmt.Fprintln(conn, word)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("%w: %w", errSilent, err)
	}
	return conn, nil
}
