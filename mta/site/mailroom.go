package site

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"sync"

	"mailcrane/mta/local"
	"mailcrane/queue"
)

// A mailroom is the session of mail for this machine.
type mailroom struct {
	site  *Site
	rules string
}

// Close has nothing to close.
func (mailroom) Close(context.Context) {}

// Deliver gives the message to each recipient, several at once: one whose program
// takes long holds up no other.
func (m *mailroom) Deliver(ctx context.Context, d *queue.Delivery) *queue.RouteFault {
	if !enter(ctx, m.site.delivering) {
		return calledOff(ctx)
	}
	defer func() { <-m.site.delivering }()
	if d.Next != nil {
		d.Next()
	}
	if err := d.Commit(ctx); err != nil {
		for i := range d.To {
			d.Report(i, queue.Defer("", "4.3.0", "this machine cannot write down that the message is being delivered: "+err.Error()))
		}
		return nil
	}
	if m.together(ctx, d) {
		return nil
	}
	const atOnce = 8
	places := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range d.To {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			d.Report(i, outcome(m.hand(ctx, m.job(d, d.To[i]))).InMailbox())
		})
	}
	all.Wait()
	return nil
}

// hand delivers one job, unless its user has enough under way: whose programs hang
// must not take the places of all others (law 3).
func (m *mailroom) hand(ctx context.Context, j local.Job) queue.Reply {
	whose := cmp.Or(j.User, j.By)
	if !m.site.busy.enter(whose) {
		return queue.Reply{Code: 451, Enhanced: "4.3.2", Text: "other messages are being delivered for " + whose + " still, and this one waits for them"}
	}
	defer m.site.busy.leave(whose)
	return m.site.Agent.Deliver(ctx, j)
}

// mostOfOne is how many deliveries are under way at once for one user, or for the
// programs and files of one alias or list.
const mostOfOne = 4

// busy counts deliveries that are under way, by for whom they are.
type busy struct {
	mu sync.Mutex
	by map[string]int
}

func (b *busy) enter(whose string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by[whose] >= mostOfOne {
		return false
	}
	if b.by == nil {
		b.by = make(map[string]int)
	}
	b.by[whose]++
	return true
}

func (b *busy) leave(whose string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by[whose]--; b.by[whose] == 0 {
		delete(b.by, whose)
	}
}

// Together is an Agent that delivers to several mailboxes in one go, as by LMTP.
type Together interface {
	DeliverAll(ctx context.Context, jobs []local.Job) []queue.Reply
}

// together delivers to all at once, where the agent can, and all are mailboxes.
func (m *mailroom) together(ctx context.Context, d *queue.Delivery) bool {
	agent, can := m.site.Agent.(Together)
	if !can || m.site.Quick || m.rules != "" || len(d.To) < 2 {
		return false
	}
	jobs := make([]local.Job, len(d.To))
	for i := range d.To {
		if jobs[i] = m.job(d, d.To[i]); jobs[i].Target != "" {
			return false
		}
	}
	for i, reply := range agent.DeliverAll(ctx, jobs) {
		d.Report(i, outcome(reply).InMailbox())
	}
	return true
}

func (m *mailroom) job(d *queue.Delivery, to queue.Recipient) local.Job {
	user, detail, by, target := targetOf(to)
	j := jobOf(d, to, user, detail)
	j.By, j.Target, j.Rules = by, target, m.rules
	return j
}

func jobOf(d *queue.Delivery, to queue.Recipient, user, detail string) local.Job {
	return local.Job{
		User: user, Detail: detail, Sender: d.Envelope.From, Recipient: to.Address, Original: to.ORcpt,
		Size: d.Size, Open: d.Open,
	}
}

// A refuser is the session of recipients that nobody has.
type refuser struct{}

// Close has nothing to close.
func (refuser) Close(context.Context) {}

// Deliver refuses each with the reply that sorting found.
func (refuser) Deliver(_ context.Context, d *queue.Delivery) *queue.RouteFault {
	for i, to := range d.To {
		parts := strings.SplitN(to.Target, " ", 3)
		if len(parts) < 3 {
			parts = []string{"550", "5.1.1", "nobody has this address"}
		}
		code, err := strconv.Atoi(parts[0])
		if err != nil || code < 500 {
			code = 550
		}
		d.Report(i, outcome(queue.Reply{Code: code, Enhanced: parts[1], Text: parts[2]}))
	}
	return nil
}
