package queue

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"mailcrane/queue/dsn"
)

// An attempt is one try at one claimed message: it collects the outcomes that
// the session reports, and writes down what follows from them.
type attempt struct {
	runner   *Runner
	route    Route
	message  *Message
	pending  []int // places in the envelope, as delivery.To has them
	delivery Delivery
	// job is as which a carrier has it, and place its place on the wire of its
	// lane.
	job   job
	place int
	// begun is when the session was given it; octets of it have been handed to
	// the network since, the first of them at firstAt.
	begun, firstAt time.Time
	first, octets  int64
	// broke: a session of its carrier has broken with it already.
	broke bool
	// moved, if not nil, is told of each answer.
	moved func()
	// session is what was said about the message.
	session recorder

	mu        sync.Mutex
	outcomes  []Outcome
	committed bool
	// answeredBefore: the answers were there already, and could not be written
	// down.
	answeredBefore bool
	// settled: at least one recipient has an outcome; answered: by a server.
	settled, answered bool
	// atOnce: the link has lost it, or a part of its recipients, who are due again
	// at once.
	atOnce bool
}

// newAttempt prepares the attempt. If a process died while the message was on
// the wire, that is written down first: its open recipients are Uncertain. If
// it is we who could not write the answers down, they are there.
func (r *Runner) newAttempt(route Route, m *Message) (*attempt, error) {
	known, answered := answer{}, false
	if m.Name.OnWire {
		if known, answered = m.spool.owed.take(m.Name); !answered {
			if err := r.recover(route, m); err != nil {
				return nil, err
			}
		}
	}
	a := &attempt{runner: r, route: route, message: m, pending: r.wanted(m), answeredBefore: answered}
	a.outcomes = make([]Outcome, len(a.pending))
	for i, place := range known.places {
		if at := slices.Index(a.pending, place); at >= 0 {
			a.outcomes[at] = known.outcomes[i]
		}
	}
	to := make([]Recipient, len(a.pending))
	for i, place := range a.pending {
		to[i] = m.Envelope.To[place]
	}
	a.delivery = Delivery{
		ID: m.Name.ID, Envelope: m.Envelope, To: to, Size: m.Name.Size, Content: m.Name.Content, Class: m.Name.Class, Unsure: m.Name.Unsure,
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(m.Open()), nil },
		Commit: a.commit,
		Report: a.report,

		Transcript: a.session.line,
	}
	if m.Name.NotBefore.After(r.Now()) {
		a.delivery.HoldUntil = m.Name.NotBefore
	}
	return a, nil
}

// wanted are the open recipients that the run is for.
func (r *Runner) wanted(m *Message) []int {
	all := m.Pending()
	if r.only == nil {
		return all
	}
	return slices.DeleteFunc(all, func(place int) bool { return !r.only(m.Envelope.To[place]) })
}

func (r *Runner) recover(route Route, m *Message) error {
	records, err := m.recover(r.Now(), route)
	if err != nil {
		return err
	}
	r.Log.Warn("message may be delivered twice", "id", m.Name.ID, "why", whyRecovered)
	for _, rec := range records {
		r.tell(Event{Kind: Settled, Route: route, ID: m.Name.ID, From: m.Envelope.From, To: rec.Address, Outcome: NoAnswer("", whyRecovered)})
	}
	return nil
}

const whyRecovered = "mailcrane or the machine stopped before the server's answer was written down; the message may have arrived"

// recover writes down what it means that a process died while the message was
// on the wire: its open recipients are Uncertain.
func (m *Message) recover(now time.Time, route Route) ([]Record, error) {
	var records []Record
	for _, place := range m.Pending() {
		records = append(records, record(now, route, place, m.Envelope.To[place].Address, NoAnswer("", whyRecovered)))
	}
	if err := m.note(records...); err != nil {
		return nil, err
	}
	return records, m.rename(func(n *Name) {
		n.OnWire, n.Unsure = false, true
		n.Attempts++
		n.Last = now.Truncate(time.Second)
	})
}

// commit marks the message as on the wire, durably: from here on no answer
// is not a no (law 4).
func (a *attempt) commit(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.committed {
		return nil
	}
	m := a.message
	if err := m.reserve(a.pending); err != nil {
		return err
	}
	if err := m.rename(func(n *Name) { n.OnWire = true }); err != nil {
		return err
	}
	if err := m.spool.syncDir(m.spool.placeOf(m.Name).dir); err != nil {
		return err
	}
	a.committed = true
	return nil
}

func (a *attempt) report(i int, o Outcome) {
	o = o.keptUntil(a.delivery.HoldUntil)
	a.mu.Lock()
	a.outcomes[i] = o
	a.mu.Unlock()
	if a.moved != nil {
		a.moved()
	}
	m, to := a.message, a.delivery.To[i]
	a.runner.tell(Event{
		Kind: Settled, Route: a.route, ID: m.Name.ID, From: m.Envelope.From, To: to.Address, Outcome: o,
		Silent: o.state == Failed && (m.Envelope.From == "" || !dsn.Wants(to.Notify, dsn.OnFailure)),
	})
}

// settle writes down what became of the attempt and moves the message to its
// next state.
func (a *attempt) settle(fault *RouteFault) {
	r, m, now := a.runner, a.message, a.runner.Now()
	outcomes := make([]Outcome, len(a.pending))
	tried, deferred := false, false
	for i := range a.pending {
		outcomes[i] = a.outcome(i, fault)
		state := outcomes[i].state
		tried, deferred = tried || state != 0, deferred || state == Deferred
		a.answered = a.answered || state != 0 && state != Uncertain
	}
	// What the link has lost goes again at once, but only once: a server that
	// swallows its answers would get the message for ever, and one that drops the
	// link at each refusal would be asked for all recipients in one go. Nor does
	// one that has asked for time for a recipient hear of that so soon.
	a.atOnce = tried && !deferred && fault != nil && fault.Lost && !m.Name.Unsure && !(a.answered && a.broke)
	age := r.ageOf(m, now, tried)
	records := a.records(outcomes, age, now)
	if err := a.write(now, records, age, tried); err != nil {
		// What the server said could not be kept. The mark "on the wire" is
		// still there, so that the next attempt knows what may have happened,
		// if it is not this process that makes it.
		m.spool.owed.keep(answer{m.Name, a.pending, outcomes})
		a.atOnce = false
		r.Log.Error("cannot write down what became of the message", "id", m.Name.ID, "err", err)
	} else if age.late {
		a.warn(age, now)
	}
	if a.settled {
		r.slowDown(m)
	}
	left := len(m.Pending())
	a.atOnce = a.atOnce && left > 0
	if left > 0 || m.Name.Waits() {
		a.keepTranscript(now)
	}
	ended := &Attempt{Message: Entry{Name: m.Name, Envelope: m.Envelope, Results: slices.Clone(m.Results)}, Records: records, Took: now.Sub(a.begun)}
	r.tell(Event{Kind: Ended, Route: a.route, ID: m.Name.ID, From: m.Envelope.From, Left: left, Next: m.Name.Next, Attempt: ended})
}

// records is what there is to write down of the outcomes. Of those that the
// session has not reported it tells those who watch.
func (a *attempt) records(outcomes []Outcome, age age, now time.Time) []Record {
	r, m := a.runner, a.message
	var records []Record
	for i, place := range a.pending {
		o, address := outcomes[i], m.Envelope.To[place].Address
		switch {
		case o.state == 0 && age.over && age.untried:
			o = age.expired(m.Results[place].outcome())
			r.tell(Event{Kind: Settled, Route: a.route, ID: m.Name.ID, From: m.Envelope.From, To: address, Outcome: o})
		case o.state == 0:
			continue
		case o.state == Uncertain && !a.reported(i):
			r.tell(Event{Kind: Settled, Route: a.route, ID: m.Name.ID, From: m.Envelope.From, To: address, Outcome: o})
		}
		if age.over && o.state != Delivered && o.state != Failed {
			o = age.expired(o)
		}
		a.settled = true
		records = append(records, record(now, a.route, place, address, o))
		a.log(address, o)
	}
	return records
}

// reported says that the session has told an outcome of the ith recipient.
func (a *attempt) reported(i int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.outcomes[i].state != 0
}

// outcome is what was reported for the ith recipient. Where nothing was, and
// the last octet had been let go, it is Uncertain, unless the server has said
// that it ends the session instead of taking the message.
func (a *attempt) outcome(i int, fault *RouteFault) Outcome {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.outcomes[i]
	if o.state == 0 && a.committed && (fault == nil || !fault.Untaken) {
		why := "the session ended before the server answered"
		if fault != nil {
			why = fault.Sentence()
		}
		o = NoAnswer("", why)
	}
	return o
}

// write makes what the records say durable. tried says that they come from an
// attempt, and not only from the age of the message.
func (a *attempt) write(now time.Time, records []Record, age age, tried bool) error {
	r, m := a.runner, a.message
	results := slices.Clone(m.Results)
	update(results, records)
	left := len(pending(results)) > 0
	// Reports are safe in the queue before what they tell is written down: a
	// crash in between sends them twice rather than never.
	notes, held, err := a.sendReports(records, left)
	if err != nil {
		r.Log.Error("cannot queue the report on what was refused: it is tried again instead", "id", m.Name.ID, "err", err)
		records, left, held = untold(records), true, false
	}
	records = append(records, notes...)
	if !left && !held {
		m.Results = results
		m.spool.rememberSubmission(m)
		if err := m.remove(); err != nil {
			return err
		}
		m.spool.remember(m, records)
		return nil
	}
	if tried && r.marksRuns() {
		records = append([]Record{runRecord(now, a.route)}, records...)
	}
	if err := m.note(records...); err != nil {
		if slices.ContainsFunc(records, Record.mayHaveIt) {
			return err
		}
		// Nobody has the message, which the name can say without a record.
		r.Log.Error("cannot write down why the message waits", "id", m.Name.ID, "err", err)
	}
	return m.rename(func(n *Name) {
		n.OnWire = false
		n.Held = n.Held || held
		if !tried {
			return
		}
		n.Attempts++
		n.Unsure = slices.ContainsFunc(m.Results, Result.unsure)
		n.Last = now.Truncate(time.Second)
		if n.Next = r.schedule().nextTry(n.Attempts, age, now); a.atOnce {
			n.Next = time.Time{}
		}
	})
}

// warn tells the sender of the delay, once. The warning is safe in the queue
// before the name says that it was given: a crash in between sends it twice
// rather than never.
func (a *attempt) warn(age age, now time.Time) {
	r, m := a.runner, a.message
	if m.Name.Waits() || len(m.Pending()) == 0 {
		return
	}
	note, err := r.warn(a.route, m, age.warnAfter, now.Add(age.life-age.old))
	if err == nil && note.Event == EventWarned {
		if err = m.note(note); err == nil {
			err = m.rename(func(n *Name) { n.Warned = true })
		}
	}
	if err != nil {
		r.Log.Error("cannot tell the sender of the delay", "id", m.Name.ID, "err", err)
	}
}

// sendReports queues the reports that records ask for, and returns their records.
// held says that a person must see the message, since nobody can be told.
func (a *attempt) sendReports(records []Record, left bool) (notes []Record, held bool, err error) {
	r, m := a.runner, a.message
	if m.Envelope.From == "" {
		return r.lastResort(a.route, m, records, left)
	}
	if note, ok, err := a.receipts(); err != nil {
		// That it was delivered counts for more.
		r.Log.Error("cannot queue a receipt", "id", m.Name.ID, "err", err)
	} else if ok {
		notes = append(notes, note)
	}
	failed := slices.DeleteFunc(slices.Clone(records), func(rec Record) bool { return !rec.failed() })
	if len(failed) == 0 {
		return notes, false, nil
	}
	bounced, err := r.bounce(a.route, m, failed)
	return append(notes, bounced...), false, err
}

func (a *attempt) log(to string, o Outcome) {
	a.runner.Log.Info("message "+o.state.String(), "id", a.message.Name.ID, "from", a.message.Envelope.From,
		"to", to, "route", a.route, "host", o.host, "reply", o.reply.String())
}

// keepTranscript keeps what was said, for a person. A disk that does not take
// it is no reason to stop.
func (a *attempt) keepTranscript(now time.Time) {
	r, id := a.runner, a.message.Name.ID
	lines := a.session.lines()
	if len(lines) == 0 {
		return
	}
	err := r.Spool.keepTranscript(id, Transcript{At: now, Route: a.route, Lines: lines})
	if err != nil {
		r.Log.Debug("cannot keep the transcript of the session", "id", id, "err", err)
	}
}
