package site

import (
	"context"
	"fmt"

	"mailcrane/mta/expand"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// A sorter is the session of messages that are to be sorted.
type sorter struct{ site *Site }

// Close has nothing to close.
func (sorter) Close(context.Context) {}

// Deliver resolves the recipients, and puts a message into the queue for each door
// that they come to.
func (s *sorter) Deliver(ctx context.Context, d *queue.Delivery) *queue.RouteFault {
	if !enter(ctx, s.site.sorting) {
		return calledOff(ctx)
	}
	defer func() { <-s.site.sorting }()
	if d.Next != nil {
		d.Next()
	}
	answers, err := s.site.Expander.Expand(ctx, questions(d))
	if err != nil {
		return calledOff(ctx)
	}
	w := s.site.work(d, answers)
	if w.settlesAll() {
		return nil
	}
	if err := d.Commit(ctx); err != nil {
		w.reportAll(queue.Defer("", "4.3.0", "this machine cannot write down that the message is being sorted: "+err.Error()))
		return nil
	}
	w.deliver(ctx)
	w.putChildren(ctx)
	w.report()
	return nil
}

func questions(d *queue.Delivery) []expand.Question {
	all := make([]expand.Question, len(d.To))
	for i, to := range d.To {
		all[i] = expand.Question{Sender: d.Envelope.From, Recipient: to}
	}
	return all
}

// A sorting is the work on one message.
type sorting struct {
	site     *Site
	delivery *queue.Delivery
	answers  []expand.Answer
	// outcomes are those of the recipients, as far as they are known; done says of
	// which.
	outcomes []queue.Outcome
	done     []bool
	// put are, for each recipient, how many of its children are in the queue.
	put      []int
	children []*child
	trouble  error // why a child is not in the queue
}

// work finds what is to be done. What is refused or put off needs nothing.
func (s *Site) work(d *queue.Delivery, answers []expand.Answer) *sorting {
	n := len(answers)
	w := &sorting{
		site: s, delivery: d, answers: answers,
		outcomes: make([]queue.Outcome, n), done: make([]bool, n), put: make([]int, n),
	}
	for i := range answers {
		if o, ok := settled(&answers[i]); ok {
			w.outcomes[i], w.done[i] = o, true
		}
	}
	return w
}

// settled is the outcome of a recipient for whom nothing is to be delivered: one
// that is refused, or put off, whom nobody is to have, or whose destinations other
// recipients of the message have already. Of a member of a list that is refused the
// list's owner hears.
func settled(a *expand.Answer) (queue.Outcome, bool) {
	kept := 0
	for _, to := range a.Destinations {
		switch {
		case to.Reply.Code/100 == 4, to.Reply.Code == 0 && to.Reply.Enhanced != "" && to.Reply.Enhanced[0] == '4':
			return outcome(to.Reply), true // all of it, later
		case !to.Discard:
			kept++
		}
	}
	switch {
	case kept == 0:
		return outcome(queue.Reply{Code: 250, Enhanced: "2.0.0", Text: "nobody else is to have it"}), true
	case kept == 1 && len(a.Destinations) == 1 && a.Destinations[0].Route == "" && !a.Destinations[0].Owned:
		return outcome(a.Destinations[0].Reply), true
	}
	return queue.Outcome{}, false
}

// settlesAll reports what is settled, and says whether that is all.
func (w *sorting) settlesAll() bool {
	all := true
	for i, done := range w.done {
		if !done {
			all = false
			continue
		}
		w.delivery.Report(i, w.outcomes[i])
	}
	return all
}

// reportAll reports the same of all recipients that are not settled.
func (w *sorting) reportAll(o queue.Outcome) {
	for i, done := range w.done {
		if !done {
			w.delivery.Report(i, o)
		}
	}
}

// deliver does at once what is for one mailbox alone, and waits for nobody.
func (w *sorting) deliver(ctx context.Context) {
	if !w.site.Quick || !w.site.Staying.Nothing() {
		return
	}
	for i := range w.answers {
		to := w.answers[i].Destinations
		if w.done[i] || len(to) != 1 || !Here(to[0].Route) || to[0].Target != "" || to[0].User == "" || to[0].Owned {
			continue
		}
		reply := w.site.Agent.Deliver(ctx, jobOf(w.delivery, recipientOf(to[0]), to[0].User, to[0].Detail))
		w.outcomes[i], w.done[i] = outcome(reply).InMailbox(), true
		w.delivery.Report(i, w.outcomes[i])
	}
}

// report tells of each recipient whose children were to be put.
func (w *sorting) report() {
	for i := range w.answers {
		if w.done[i] {
			continue
		}
		w.delivery.Report(i, w.outcomeOf(i))
	}
}

func (w *sorting) outcomeOf(i int) queue.Outcome {
	switch {
	case w.trouble == nil:
		o := outcome(route.GoesOn(w.names(i)))
		switch {
		case w.answers[i].Listed:
			o = o.InMailbox()
		case w.answers[i].Spread:
			o = o.Expanded()
		}
		return o
	case w.put[i] > 0:
		// Also where all of it is: the next attempt must find the same children, to
		// know them again.
		return queue.NoAnswer("", "a part of it is in the queue already: "+w.trouble.Error())
	}
	return queue.Defer("", "4.3.0", fmt.Sprintf("it cannot be put into the queue: %v", w.trouble))
}

// names are the children of a recipient, as far as a person wants to read them.
func (w *sorting) names(i int) (all string) {
	const most = 5
	n := 0
	for _, c := range w.children {
		if !c.of(i) {
			continue
		}
		n++
		switch {
		case n == 1:
			all = string(c.id)
		case n <= most:
			all += ", " + string(c.id)
		}
	}
	if n > most {
		all += fmt.Sprintf(" and %d more", n-most)
	}
	return all
}
