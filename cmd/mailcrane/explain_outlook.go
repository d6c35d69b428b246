package main

import (
	"context"
	"errors"
	"fmt"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/internal/when"
	"mailcrane/netwatch"
	"mailcrane/queue"
)

// An outlook is when a message is tried next and why then, and what a person
// can type.
type outlook struct {
	why string
	do  []string
}

// outlook looks at all that can keep a message back, what weighs most first.
func (a *app) outlook(ctx context.Context, c *config.Config, k *clerk, w waiting) outlook {
	n, now := w.Name, a.now()
	id := string(n.ID)
	flush := "try it now with: mailcrane flush " + id
	o, waits := a.waitsForPerson(k, w)
	switch {
	case waits:
		return o
	case w.Busy:
		return outlook{why: "it is being sent just now"}
	case n.NotBefore.After(now):
		o = outlook{"it leaves at " + when.Show(n.NotBefore, now) + ", the time that was asked for", []string{"send it now with: mailcrane flush " + id}}
	case w.kept:
		o = outlook{"it waits for " + w.until + ": " + w.why, []string{w.mend}}
	case w.uncalled:
		o = outlook{"it waits: " + w.why, []string{w.mend}}
	case n.InGrace(now, c.Queue.Undo):
		o = outlook{fmt.Sprintf("it leaves %s; until then it is kept back so that you can take it back", ago(now, n.Next)), []string{"take it back with: mailcrane undo " + id, flush}}
	case n.Slow() != "":
		o = outlook{fmt.Sprintf("it is in the slow queue %s, which is run seldom, next %s", n.Slow(), ago(now, n.Next)), []string{"move it back with: mailcrane queue slow --back " + id, flush}}
	case n.Next.After(now) && n.Attempts > 0:
		o = outlook{fmt.Sprintf("it is tried again at %s (%s): the pause grows from attempt to attempt, and this was number %d", when.Show(n.Next, now), ago(now, n.Next), n.Attempts), []string{flush}}
	case n.Next.After(now):
		o = outlook{fmt.Sprintf("it is tried again at %s (%s)", when.Show(n.Next, now), ago(now, n.Next)), []string{flush}}
	case a.runner(c, k.out, plainLog{a.stderr}).Overloaded()(n):
		o = outlook{"the machine has too much to do just now; it is tried when the load falls", []string{flush}}
	default:
		o = a.outlookOfRoute(ctx, c, k, w.route, flush)
	}
	switch _, err := k.agent(); {
	case errors.Is(err, errSilent):
		o.do = append(o.do, "the agent does not answer, so nothing is tried by itself; see: mailcrane status")
	case err != nil:
		o.do = append(o.do, "no agent is running, so nothing is tried by itself; start it with: "+serviceCall(c, "start"))
	}
	if t, err := lastTranscript(k.spool, k.router, w.Entry); err == nil && len(t.Lines) > 0 {
		o.do = append(o.do, "see what was said with: mailcrane queue show --transcript "+id)
	}
	o.do = withoutEmpty(o.do)
	return o
}

// outlookOfRoute is that of a message that is due, by how its account stands: by
// what the agent knows, or by a look at the network where none answers.
func (a *app) outlookOfRoute(ctx context.Context, c *config.Config, k *clerk, route queue.Route, flush string) outlook {
	var s netwatch.Standing
	agent, err := k.agent()
	if err == nil {
		s = agent.Routes[route]
	} else {
		net, stop := watch(ctx, a.networkOptions(c))
		s = net.Standing(route)
		stop()
	}
	last, now := k.state(route), a.now()
	switch {
	case nowhere(s):
		return outlook{"it waits for " + s.Reacts + ": " + s.Reason, []string{"see how the network stands with: mailcrane status --why"}}
	case s.Prospect == netwatch.Captive:
		return outlook{"it waits for a login on the page of the captive portal that is in the way", []string{s.Hint, flush}}
	case s.Sessions > 0:
		return outlook{fmt.Sprintf("it is due; a session of account %s is open, and its turn comes", route), nil}
	case !s.Opening.IsZero():
		return outlook{fmt.Sprintf("it is due; account %s is %s", route, connecting(s, now)), nil}
	case last.Fault != nil:
		o := outlook{fmt.Sprintf("it waits for %s, which failed %s: %s", wayOf(route), ago(now, last.At), last.Fault.Sentence), []string{last.Fault.Hint, flush}}
		if last.Fault.NeedsPerson {
			o.why += "; that needs a person"
		}
		if s.Next.After(now) {
			o.why += "; it is tried again " + soon(s.Next, now) + ", or when the network changes"
		}
		return o
	}
	return outlook{"it is due, and there is a way out: " + s.Reason, []string{flush}}
}

// waitsForPerson is the outlook of a message that nothing but a person sets
// free.
func (a *app) waitsForPerson(k *clerk, w waiting) (outlook, bool) {
	n := w.Name
	switch {
	case w.Trouble != "":
		return outlook{w.Trouble, []string{w.mend}}, true
	case n.Held, n.Quarantined:
		return outlook{fmt.Sprintf("it is not tried: it is %s (%s)", n.Stopped(), w.Why()), []string{"let it go with: mailcrane queue release " + string(n.ID)}}, true
	case n.Waits():
		return outlook{why: "it is not tried: a later version of mailcrane has marked it in a way that this one does not know"}, true
	}
	if _, err := k.route(w.Envelope); err != nil {
		return outlook{"it is not tried: " + err.Error(), withoutEmpty([]string{sysexits.Hint(err)})}, true
	}
	return outlook{}, false
}

func withoutEmpty(lines []string) []string {
	kept := lines[:0]
	for _, line := range lines {
		if line != "" {
			kept = append(kept, line)
		}
	}
	return kept
}

// A finished message in --json; also of queue list --done.
type doneItem struct {
	ID       queue.ID  `json:"id"`
	State    string    `json:"state"`
	From     string    `json:"from"`
	Size     int64     `json:"size"`
	Attempts int       `json:"attempts"`
	Story    []chapter `json:"story"`
}

func finishedItem(d queue.Finished) doneItem {
	return doneItem{d.ID, doneState(d), d.From, d.Size, d.Attempts, chapters(d.Records)}
}

// doneState is one word for what became of the recipients of a message.
func doneState(d queue.Finished) string {
	state := ""
	for _, r := range d.Records {
		switch {
		case r.To < 0, r.Event == queue.Uncertain.String(): // on the way to what became of it
		case state == "":
			state = r.Event
		case state != r.Event:
			return "mixed"
		}
	}
	return state
}
