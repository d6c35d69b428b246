//go:build unix

package lda

import (
	"context"
	"fmt"
	"net"
	"time"

	"mailcrane/mta/local"
	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// A Client asks the agent at a socket. It may be used by several goroutines.
type Client struct {
	Path string
	// Time is how long a delivery may take, with all that a program does; 0 is an
	// hour.
	Time time.Duration
}

// openTime is how long the agent may take to open a file: who asks has a shorter
// time of its own.
const openTime = 2 * time.Minute

func (c Client) connect(ctx context.Context, limit time.Duration) (*net.UnixConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", c.Path)
	if err != nil {
		return nil, err
	}
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, fmt.Errorf("%s is no Unix socket", c.Path)
	}
	return u, u.SetDeadline(time.Now().Add(limit))
}

// helloTime is how long the agent may take to say that it is there: it may have to
// be started.
const helloTime = 15 * time.Second

// Hello says why the agent delivers nothing now, or nil.
func (c Client) Hello(ctx context.Context) error {
	conn, err := c.connect(ctx, helloTime)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // what was to be said is said
	if err := put(conn, request{Version: version, Hello: true}); err != nil {
		return err
	}
	var a answer
	if err := get(conn, &a); err != nil {
		return fmt.Errorf("it is there, and does not answer: %w", err)
	}
	if a.Reply.Code/100 != 2 {
		return fmt.Errorf("it answers: %s", a.Reply)
	}
	return nil
}

// Deliver implements local.Agent.
func (c Client) Deliver(ctx context.Context, j local.Job) queue.Reply {
	reply, err := c.ask(ctx, j)
	if err != nil {
		return queue.Reply{Code: 451, Enhanced: "4.3.0", Text: "the local delivery agent, which has the rights to deliver here, cannot be asked: " + err.Error()}
	}
	return reply
}

func (c Client) ask(ctx context.Context, j local.Job) (queue.Reply, error) {
	limit := c.Time
	if limit == 0 {
		limit = time.Hour
	}
	conn, err := c.connect(ctx, limit)
	if err != nil {
		return queue.Reply{}, err
	}
	defer func() { _ = conn.Close() }() // what was to be said is said
	err = put(conn, request{Version: version, Deliver: &delivery{
		User: j.User, Detail: j.Detail, Target: j.Target, By: j.By, Rules: j.Rules,
		Sender: j.Sender, Recipient: j.Recipient, Original: j.Original, Size: j.Size,
	}})
	if err != nil {
		return queue.Reply{}, err
	}
	message, err := j.Open()
	if err != nil {
		return queue.Reply{}, err
	}
	defer message.Close()
	if err := putMessage(conn, message); err != nil {
		return queue.Reply{}, err
	}
	var a answer
	err = get(conn, &a)
	if err == nil && (a.Reply.Code < 200 || a.Reply.Code > 599) {
		err = fmt.Errorf("its answer is no reply: %d", a.Reply.Code)
	}
	return a.Reply, err
}

// Open implements aliases.Opener: the file is opened by the agent, as its user.
func (c Client) Open(ctx context.Context, kind safefile.Kind, path string, uid uint32) (*safefile.File, error) {
	conn, err := c.connect(ctx, openTime)
	if err != nil {
		return nil, fmt.Errorf("the local delivery agent, which may open %s, cannot be asked: %w", path, err)
	}
	defer func() { _ = conn.Close() }() // what was to be said is said
	if err := put(conn, request{Version: version, Open: &opening{kind, path, uid}}); err != nil {
		return nil, err
	}
	return take(conn, path)
}
