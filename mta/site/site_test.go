package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/expand"
	"mailcrane/mta/local"
	"mailcrane/queue"
)

// A world is a server with a queue on a real disk, whose doors remember what went
// through them.
type world struct {
	t     *testing.T
	spool *queue.Spool
	site  *Site
	// lists are what addresses come to; one that is not there comes to
	// esmtp:DOMAIN, or to the mailbox of its local part in here.example.
	lists map[string]expand.Answer

	mu sync.Mutex
	// got are lines "DOOR SENDER > RECIPIENT", in order.
	got []string
	// replies are those of the doors, by recipient.
	replies map[string]queue.Reply
	// full refuses to put the nth message from now on; 0 never.
	full int
	now  time.Time
}

const message = "Subject: hello\n\nhello\n"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, lists: map[string]expand.Answer{}, replies: map[string]queue.Reply{}, now: time.Now()}
	w.spool = queue.NewSpool(t.TempDir(), queue.OS{}, w.clock)
	w.spool.Remember = 100
	if err := w.spool.Prepare(); err != nil {
		t.Fatal(err)
	}
	w.site = New(Options{
		Hostname: "here.example", Exchangers: w, Agent: w, Expander: w, Spool: w, Now: w.clock, Quick: true,
	})
	return w
}

func (w *world) clock() time.Time { return w.now }

// Put counts down to the disk that is full.
func (w *world) Put(ctx context.Context, e *queue.Envelope, r io.Reader) (queue.ID, error) {
	w.mu.Lock()
	if w.full > 0 {
		if w.full--; w.full == 0 {
			w.mu.Unlock()
			return "", errors.New("no space left on device")
		}
	}
	w.mu.Unlock()
	return w.spool.Put(ctx, e, r)
}

func (w *world) Submissions(since time.Time, f func(string, string, queue.ID)) error {
	return w.spool.Submissions(since, f)
}

func (w *world) Expand(_ context.Context, all []expand.Question) ([]expand.Answer, error) {
	answers := make([]expand.Answer, len(all))
	for i, q := range all {
		a, listed := w.lists[q.Recipient.Address]
		if !listed {
			a.Destinations = []expand.Destination{w.plainly(q.Recipient)}
		}
		answers[i] = a
	}
	return answers, nil
}

func (w *world) plainly(r queue.Recipient) expand.Destination {
	user, domain, _ := strings.Cut(r.Address, "@")
	to := expand.Destination{Address: r.Address, Notify: r.Notify, ORcpt: r.ORcpt}
	if domain == "here.example" {
		to.Route, to.User = "local:", user
	} else {
		to.Route = queue.Route("esmtp:" + domain)
	}
	return to
}

func (w *world) Open(_ context.Context, r queue.Route) (queue.Session, *queue.RouteFault) {
	return wire{w, r}, nil
}

type wire struct {
	*world
	route queue.Route
}

func (wire) Close(context.Context) {}

func (s wire) Deliver(ctx context.Context, d *queue.Delivery) *queue.RouteFault {
	if err := d.Commit(ctx); err != nil {
		s.t.Error(err)
	}
	for i, to := range d.To {
		d.Report(i, outcome(s.arrived(fmt.Sprintf("%s <%s> > %s", s.route, d.Envelope.From, to.Address), to.Address, d.Open)))
	}
	return nil
}

func (w *world) Deliver(_ context.Context, j local.Job) queue.Reply {
	to := j.User
	if j.Target != "" {
		to = j.By + " " + j.Target
	}
	return w.arrived(fmt.Sprintf("local <%s> > %s", j.Sender, to), j.Recipient, j.Open)
}

func (w *world) arrived(line, to string, open func() (io.ReadCloser, error)) queue.Reply {
	r, err := open()
	if err != nil {
		w.t.Error(err)
		return queue.Reply{Code: 451}
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	reply := w.replies[to]
	if reply.Code == 0 {
		reply = queue.Reply{Code: 250, Enhanced: "2.0.0", Text: "taken"}
	}
	if reply.Code == 250 {
		if bytes.Contains(text, []byte("multipart/report")) {
			line += " (report)"
		}
		w.got = append(w.got, line)
	}
	return reply
}

func (w *world) send(from string, to ...queue.Recipient) queue.ID {
	w.t.Helper()
	id, err := w.spool.Put(w.t.Context(), &queue.Envelope{From: from, To: to}, strings.NewReader(message))
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// run runs the queue until nothing is due, and says how many messages are left.
func (w *world) run() (left int) {
	w.t.Helper()
	r := &queue.Runner{
		Spool: w.spool, Router: w.site, Transport: w.site, Reach: always{}, Tuning: config.DefaultQueue(), Now: w.clock,
		Log: slog.New(slog.DiscardHandler), Hostname: "here.example", ByRecipient: true, HostOf: HostOf, Dial: Dial(nil, nil),
	}
	for range 10 {
		sum, err := r.Run(w.t.Context(), queue.Run{Person: true})
		if err != nil {
			w.t.Fatal(err)
		}
		if left = sum.Waiting; left == 0 {
			break
		}
		if sum.Delivered+sum.Failed == 0 {
			break
		}
	}
	return left
}

type always struct{}

func (always) Verdict(queue.Route) queue.Verdict { return queue.Verdict{Try: true} }
func (always) Changes() <-chan struct{}          { return nil }

func to(addresses ...string) (all []queue.Recipient) {
	for _, a := range addresses {
		all = append(all, queue.Recipient{Address: a})
	}
	return all
}

func (w *world) wants(lines ...string) {
	w.t.Helper()
	slices.Sort(w.got)
	slices.Sort(lines)
	if !slices.Equal(w.got, lines) {
		w.t.Errorf("arrived:\n  %s\nwanted:\n  %s", strings.Join(w.got, "\n  "), strings.Join(lines, "\n  "))
	}
}

func TestEachDoorGetsOneMessageWithItsRecipients(t *testing.T) {
	w := newWorld(t)
	w.send("me@here.example", to("a@one.example", "b@two.example", "c@one.example", "ann@here.example")...)
	if left := w.run(); left != 0 {
		t.Errorf("%d messages are left", left)
	}
	w.wants(
		"esmtp:one.example <me@here.example> > a@one.example", "esmtp:one.example <me@here.example> > c@one.example",
		"esmtp:two.example <me@here.example> > b@two.example", "local <me@here.example> > ann",
	)
}

func TestAListWithAnOwnerHasAnEnvelopeOfItsOwn(t *testing.T) {
	w := newWorld(t)
	w.lists["staff@here.example"] = expand.Answer{Listed: true, Destinations: []expand.Destination{
		{Route: "esmtp:one.example", Address: "a@one.example", Owned: true, Owner: "owner-staff@here.example"},
		{Route: "local:", Address: "ann@here.example", User: "ann", Owned: true, Owner: "owner-staff@here.example"},
		{Route: "local:", Address: "staff@here.example", Target: "|/bin/archive -x", By: "alias:staff", Owned: true, Owner: "owner-staff@here.example"},
	}}
	w.send("me@two.example", to("staff@here.example", "b@one.example")...)
	w.run()
	w.wants(
		"esmtp:one.example <me@two.example> > b@one.example",
		"esmtp:one.example <owner-staff@here.example> > a@one.example",
		"local <owner-staff@here.example> > ann",
		"local <owner-staff@here.example> > alias:staff |/bin/archive -x",
	)
}

func TestARefusedRecipientBouncesAndHoldsUpNoOther(t *testing.T) {
	w := newWorld(t)
	w.lists["nobody@here.example"] = expand.Answer{Destinations: []expand.Destination{{Address: "nobody@here.example", Reply: queue.Reply{Code: 550, Enhanced: "5.1.1", Text: "User unknown"}}}}
	w.lists["later@here.example"] = expand.Answer{Destinations: []expand.Destination{{Address: "later@here.example", Reply: queue.Reply{Code: 451, Enhanced: "4.3.0", Text: "map away"}}}}
	w.lists["some@here.example"] = expand.Answer{Spread: true, Destinations: []expand.Destination{
		{Route: "local:", Address: "ann@here.example", User: "ann"},
		{Address: "gone@here.example", Reply: queue.Reply{Code: 550, Enhanced: "5.1.1", Text: "User unknown"}},
	}}
	w.send("me@two.example", to("nobody@here.example", "later@here.example", "some@here.example", "b@one.example")...)
	if left := w.run(); left != 1 {
		t.Errorf("%d messages are left; the one for later should be", left)
	}
	w.wants(
		"local <me@two.example> > ann", "esmtp:one.example <me@two.example> > b@one.example",
		"esmtp:two.example <> > me@two.example (report)", "esmtp:two.example <> > me@two.example (report)",
	)
}

func TestTheOwnerOfAListHearsOfItsOnlyMemberWhoIsRefused(t *testing.T) {
	w := newWorld(t)
	w.lists["staff@here.example"] = expand.Answer{Listed: true, Destinations: []expand.Destination{{
		Address: "gone@here.example", Reply: queue.Reply{Code: 550, Enhanced: "5.1.1", Text: "User unknown"}, Owned: true, Owner: "owner@one.example",
	}}}
	w.send("me@two.example", to("staff@here.example")...)
	w.run()
	w.wants("esmtp:one.example <> > owner@one.example (report)")
}

// The disk is full in the middle of the children: those that are there are not put
// again, and those that are not come later.
func TestADiskThatIsFullInTheMiddleNeitherLosesNorDoublesAChild(t *testing.T) {
	for full := 1; full <= 4; full++ {
		w := newWorld(t)
		w.lists["all@here.example"] = expand.Answer{Spread: true, Destinations: []expand.Destination{
			{Route: "esmtp:one.example", Address: "a@one.example"},
			{Route: "esmtp:two.example", Address: "b@two.example"},
			{Route: "local:", Address: "ann@here.example", User: "ann"},
		}}
		w.send("", to("all@here.example", "c@one.example")...)
		w.full = full
		w.run()
		w.now = w.now.Add(time.Hour)
		w.run()
		w.wants(
			"esmtp:one.example <> > a@one.example", "esmtp:two.example <> > b@two.example", "local <> > ann", "esmtp:one.example <> > c@one.example",
		)
	}
}

func TestADoorThatIsNoneIsToldApart(t *testing.T) {
	w := newWorld(t)
	if _, fault := w.site.Open(t.Context(), "usenet:x"); fault == nil {
		t.Error("a mailer that is not there was opened")
	}
	for r, want := range map[queue.Route]config.Dial{"dsmtp:x": config.DialOnDemand, "esmtp:x": config.DialFreely, "sort:": config.DialFreely} {
		if got := Dial(nil, nil)(r); got != want {
			t.Errorf("%s is called %v, not %v", r, got, want)
		}
	}
}

// A user whose program hangs has a few messages at it, and takes no place from the
// mail of others.
func TestAProgramThatHangsHoldsUpNobodyElse(t *testing.T) {
	w := newWorld(t)
	w.site.Quick = false
	entered, ends := make(chan struct{}), make(chan struct{})
	w.site.Agent = hanging{w, entered, ends}
	deliver := func(user string) queue.Outcome {
		var got queue.Outcome
		d := &queue.Delivery{
			Envelope: &queue.Envelope{From: "me@two.example"}, To: []queue.Recipient{{Address: user + "@here.example", Target: MailboxOf(user, "")}},
			Open:   func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(message)), nil },
			Commit: func(context.Context) error { return nil }, Report: func(_ int, o queue.Outcome) { got = o },
		}
		if fault := (&mailroom{site: w.site}).Deliver(t.Context(), d); fault != nil {
			t.Error(fault.Sentence())
		}
		return got
	}
	var all sync.WaitGroup
	for range mostOfOne {
		all.Go(func() { deliver("hangs") })
		<-entered
	}
	if o := deliver("hangs"); o.State() != queue.Deferred {
		t.Errorf("one more for whom it hangs is %v", o.State())
	}
	if o := deliver("ann"); o.State() != queue.Delivered {
		t.Errorf("another's is %v", o.State())
	}
	close(ends)
	all.Wait()
	go func() { <-entered }()
	if o := deliver("hangs"); o.State() != queue.Delivered {
		t.Errorf("afterwards it is %v", o.State())
	}
}

// A hanging agent says that it has begun with the mail of the user hangs, and goes on
// when it may end.
type hanging struct {
	*world
	entered, ends chan struct{}
}

func (h hanging) Deliver(ctx context.Context, j local.Job) queue.Reply {
	if j.User == "hangs" {
		h.entered <- struct{}{}
		<-h.ends
	}
	return h.world.Deliver(ctx, j)
}
