package trial

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/slowlink"
	"mailcrane/queue"
	wayout "mailcrane/smarthost"
)

// A cutline is an agent within the process, over a spool on the disk, and a
// smarthost, with a slow link between them that is cut. It lives in a synctest
// bubble: its hours take milliseconds.
type cutline struct {
	t      *testing.T
	link   *slowlink.Link
	server *smarthost
	config *config.Config
	reach  *reach
	spool  *queue.Spool
	*watched
	receiver

	// written is the octets that the server has written since the run began, on
	// all connections; up and down are the octets that had arrived by then.
	written, up, down atomic.Int64
	// steps counts the server's answers, from when the run began.
	steps atomic.Int64
	// atStep, if not nil, is called before each with its number, from 1.
	atStep atomic.Pointer[func(n int64)]

	arrivals chan struct{}
}

// smarthostAt is where the smarthost listens on the link.
const smarthostAt = "smarthost.test:465"

func newCutline(t *testing.T, shape slowlink.Shape, offers behaviour) *cutline {
	t.Helper()
	c := &cutline{
		t: t, link: slowlink.New(shape), server: unstarted(t), reach: newReach(), watched: newWatched(),
		arrivals: make(chan struct{}, 1),
	}
	c.server.serve(&counting{c.link.Listen(smarthostAt), &c.written})
	h := newHome(t, "", c.server.password)
	h.configure(h.account("smtps://"+smarthostAt, c.server.user, c.server.caFile))
	getenv := func(name string) string { return map[string]string{"HOME": h.dir}[name] }
	var err error
	if c.config, err = config.Load(filepath.Join(h.dir, ".config/mailcrane/mailcrane.toml"), getenv); err != nil {
		t.Fatal(err)
	}
	c.spool = queue.NewSpool(h.spool(), swift{queue.OS{}}, time.Now)
	if err := c.spool.Prepare(); err != nil {
		t.Fatal(err)
	}
	c.receiver = receiver{newLedger(), c.spool}
	offers.answer = c.answer
	c.server.behave(offers)
	return c
}

// agent starts one, as after a restart: it knows what is on the disk and no
// more. It is stopped by stop, which returns when it has ended.
func (c *cutline) agent() (stop func()) {
	spool := queue.NewSpool(c.spool.Dir(), swift{queue.OS{}}, time.Now)
	out := wayout.New(c.config, wayout.Options{Dial: c.dial, Now: time.Now, Known: spool, Getenv: func(string) string { return "" }})
	runner := &queue.Runner{
		Spool: spool, Router: out, Transport: out, Reach: c.reach, Tuning: c.config.Queue, Now: time.Now,
		Log: slog.New(slog.DiscardHandler), Hostname: "trial.example", Watch: c.saw,
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := runner.Serve(ctx, c.arrivals, nil); err != nil {
			c.t.Error(err)
		}
	}()
	return func() { cancel(); <-ended }
}

// dial connects to the smarthost, by its name or the address that is remembered.
func (c *cutline) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return c.link.Dial(ctx, network, smarthostAt)
}

// put hands letters in, and tells the agent.
func (c *cutline) put(ids ...string) {
	c.t.Helper()
	for _, id := range ids {
		c.submits(id, you)
		name, err := c.spool.Put(c.t.Context(), &queue.Envelope{From: me, To: []queue.Recipient{{Address: you}}}, strings.NewReader(letter(id)))
		if err != nil {
			c.t.Fatal(err)
		}
		c.submitted(id, name, true, false)
		time.Sleep(time.Millisecond) // they go in the order of their times
	}
	c.expect(len(ids))
	c.arrivals <- struct{}{}
}

// answer is the server's: it takes all, and whatever has come to its last octet
// it has taken, though it may not be able to say so any more.
func (c *cutline) answer(at step) string {
	if at.verb == "end" {
		c.arrived(at.text, at.to)
		for _, to := range at.to {
			c.takes(at.text, to)
		}
		c.tookOne()
	}
	n := c.steps.Add(1)
	if at := c.atStep.Load(); at != nil {
		(*at)(n)
	}
	return ""
}

// begin has octets and steps counted from now on.
func (c *cutline) begin() {
	up, down := c.link.Passed()
	c.up.Store(up)
	c.down.Store(down)
	c.written.Store(0)
	c.steps.Store(0)
}

// onWayDown is how many of the server's octets have not arrived.
func (c *cutline) onWayDown() int64 {
	_, down := c.link.Passed()
	return c.written.Load() - (down - c.down.Load())
}

// cameUp is how many of the client's octets have arrived.
func (c *cutline) cameUp() int64 {
	up, _ := c.link.Passed()
	return up - c.up.Load()
}
