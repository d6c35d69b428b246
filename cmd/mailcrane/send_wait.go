package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"mailcrane/cmd/mailcrane/events"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/msp"
	"mailcrane/queue"
)

// A waiter waits for what becomes of one message.
type waiter struct {
	app    *app
	config *config.Config
	json   bool

	mu   sync.Mutex
	id   queue.ID
	from string
	to   []string
	// early are the events that came before it was known which message is ours;
	// it is published as the last thing of its submission.
	early   []events.Item
	results map[string]events.Item // by recipient, the last
	over    chan struct{}          // closed when nothing is waited for any more
	ended   bool
	agent   bool // one runs
	known   chan struct{}
	heard   bool
	// gone says that it has left the queue otherwise than by delivery.
	gone string
}

func newWaiter(a *app, c *config.Config, json bool) *waiter {
	return &waiter{
		app: a, config: c, json: json, results: make(map[string]events.Item),
		over: make(chan struct{}), known: make(chan struct{}),
	}
}

// mostEarly bounds the events that wait for the end of the submission.
const mostEarly = 1000

// queued is told which message it is.
func (w *waiter) queued(id queue.ID, e *queue.Envelope) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.id != "" {
		return
	}
	w.id, w.from = id, e.From
	for _, to := range e.To {
		w.to = append(w.to, to.Address)
	}
	for _, e := range w.early {
		w.take(e)
	}
	w.early = nil
}

// see is told of each event.
func (w *waiter) see(e events.Item) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Event == events.AgentUp || e.Event == events.AgentDown {
		w.agent = e.Event == events.AgentUp
		if !w.heard {
			w.heard = true
			close(w.known)
		}
		return
	}
	switch {
	case w.id == "" && len(w.early) < mostEarly && e.ID != "":
		w.early = append(w.early, e)
	case w.id != "" && e.ID == w.id:
		w.take(e)
	}
}

// take takes in an event of the message. The caller holds mu.
func (w *waiter) take(e events.Item) {
	switch e.Event {
	case events.Sent, events.Failed, events.Deferred, events.Uncertain:
		if before := w.results[e.Address]; before.Final() || before.Event == e.Event && before.Reply == e.Reply {
			return
		}
		w.results[e.Address] = e
		if !w.json || e.Final() {
			w.say(e)
		}
	case events.Held, events.Quarantined:
		note(w.app.stderr, "%s is %s: %s", e.ID, e.Event, e.Why)
	case events.Removed:
		w.gone = "somebody removed it from the queue"
	case events.Left:
		w.gone = "it has left the queue, and how is not remembered: [queue] remember = 0"
	}
	w.done()
}

// done sees whether nothing is to be waited for any more. The caller holds mu.
func (w *waiter) done() {
	open := 0
	for _, to := range w.to {
		if !w.results[to].Final() {
			open++
		}
	}
	if (open == 0 || w.gone != "") && !w.ended {
		w.ended = true
		close(w.over)
	}
}

// stateWords are the states of a recipient for the events that say them.
var stateWords = [...][2]string{
	{events.Sent, "delivered"}, {events.Failed, "failed"}, {events.Deferred, "deferred"}, {events.Uncertain, "uncertain"},
}

func stateOf(e events.Item) string {
	for _, pair := range stateWords {
		if pair[0] == e.Event {
			return pair[1]
		}
	}
	return "pending"
}

func (w *waiter) item(to string, e events.Item) resultItem {
	return resultItem{Kind: "result", ID: w.id, From: w.from, Address: to, State: stateOf(e), Host: e.Host, Reply: e.Reply, Why: e.Why, Mend: e.Mend}
}

// say prints what became of a recipient.
func (w *waiter) say(e events.Item) {
	if w.json {
		writeJSON(w.app.stdout, w.item(e.Address, e))
		return
	}
	word := map[string]string{events.Sent: "delivered to", events.Failed: "refused for"}[e.Event]
	if word == "" {
		word = e.Event + " for"
	}
	sayLine(w.app.stdout, string(w.id)+" ", fmt.Sprintf("%s %s (%s)", word, e.Address, e.Reply))
}

// send takes a message in, and waits for what becomes of it.
func (w *waiter) send(ctx context.Context, p *msp.Program, patience time.Duration) error {
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- w.app.follow(following, w.config, func() { close(begun) }, w.see) }()
	select {
	case err := <-ended:
		return err
	case <-begun:
	}
	code := w.submit(ctx, p)
	if w.id == "" {
		return exit(code)
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	<-w.known
	untried := w.deliver(waiting)
	switch {
	case untried:
	case w.running():
		select {
		case <-waiting.Done():
		case <-w.over:
		}
	}
	return exit(w.report(ctx, waiting, code))
}

// running says that an agent runs, which will send the message.
func (w *waiter) running() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.agent
}

// deliver tries the message where no agent does; untried says that its account
// waits for a person, so that to try would do harm.
func (w *waiter) deliver(ctx context.Context) (untried bool) {
	if w.running() {
		return false
	}
	s := services{app: *w.app}
	if s.waitsForPerson([]queue.ID{w.id}) {
		return true
	}
	quiet := s.voice(false)
	_, err := quiet.flush(ctx, flushWish{
		run: queue.Run{IDs: []queue.ID{w.id}},
		watch: func(e queue.Event) {
			if e.Kind == queue.Settled && e.ID == w.id {
				w.see(settledEvent(e))
			}
		},
	})
	if err != nil {
		sysexits.Report(w.app.stderr, "mailcrane", err)
	}
	return false
}

// settledEvent is what a queue run of this process did for a recipient.
func settledEvent(e queue.Event) events.Item {
	item := events.Item{ID: e.ID, From: e.From, Address: e.To, Account: string(e.Route), Host: e.Outcome.Host(), Reply: e.Outcome.Reply().String()}
	item.Event = events.Recorded(e.Outcome.State().String())
	return item
}

// report says what is not settled, and returns the exit code. code is that of
// the submission.
func (w *waiter) report(ctx, waiting context.Context, code int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	why, mend := w.gone, ""
	if why == "" && !w.ended {
		why, mend = w.why()
	}
	open := 0
	for _, to := range w.to {
		e := w.results[to]
		switch {
		case e.Event == events.Failed && code == sysexits.OK:
			code = refusedCode(e.Reply)
		case !e.Final():
			open++
			if e.Why, e.Mend = why, mend; w.json {
				writeJSON(w.app.stdout, w.item(to, e))
			}
		}
	}
	if open == 0 {
		return code
	}
	if w.gone == "" {
		w.sayOpen(ctx, waiting, why, mend, open)
	} else {
		note(w.app.stderr, "%s: %s", w.id, w.gone)
	}
	if code == sysexits.OK {
		code = sysexits.TempFail
	}
	return code
}

// sayOpen tells why the message still waits.
func (w *waiter) sayOpen(ctx, waiting context.Context, why, mend string, open int) {
	ended := "no agent runs to try again"
	switch {
	case ctx.Err() != nil:
		ended = "stopped"
	case waiting.Err() != nil:
		ended = "the time to wait is over"
	}
	note(w.app.stderr, "not delivered to %s of %d yet: %s", count(open, "recipient"), len(w.to), why)
	for line := range strings.Lines(mend) { // it may be a piece of configuration
		note(w.app.stderr, "%s", strings.TrimSuffix(line, "\n"))
	}
	if w.agent {
		w.sayStays(ended)
		return
	}
	note(w.app.stderr, "%s; %s stays in the queue until: mailcrane flush, or an agent runs (%s)", ended, w.id, serviceCall(w.config, "start"))
}

// why is what the message waits for, and what to do about it.
func (w *waiter) why() (why, mend string) {
	k := w.app.clerk(context.Background(), w.config)
	entry, message, err := k.spool.Read(w.id)
	if err != nil {
		return "it is on its way just now", ""
	}
	message.Close()
	d := k.describe(entry)
	switch {
	case d.why != "":
		return d.why, d.mend
	case entry.Busy:
		return "it is being sent just now", ""
	}
	return "it was not tried yet", ""
}
