package queue

// A Summary counts what one queue run did, in recipients, and says why routes
// were down.
type Summary struct {
	Delivered, Deferred, Failed, Uncertain int
	// Twice is how many became uncertain and were delivered later in the run:
	// they may have the message twice.
	Twice int
	// Silent is how many of those that failed their senders do not hear of.
	Silent int
	// Others is messages that another process was at, and took care of.
	Others int
	// Waiting is messages that are neither held nor done when the run ends.
	Waiting int
	// Later is messages that were passed over: their sender has set a time, or
	// may still take them back.
	Later int
	// Kept is messages that were passed over because a rule of the policy keeps
	// them back, or because they are too large for the way out.
	Kept int
	// OnDemand is messages that were passed over because their route is called on
	// demand only.
	OnDemand int
	// Unroutable is messages that no account carries, or that cannot be read.
	Unroutable int
	// Faults are the routes that were down.
	Faults map[Route]*RouteFault
}

// An unsure recipient is one that became uncertain in this run.
type unsure struct {
	id ID
	to string
}

// count counts an outcome. The caller holds mu.
func (f *flush) count(e Event) {
	s, who := &f.sum, unsure{e.ID, e.To}
	if e.Silent {
		s.Silent++
	}
	switch e.Outcome.state {
	case Delivered:
		s.Delivered++
		if f.unsure[who] {
			s.Twice++
		}
	case Deferred:
		s.Deferred++
	case Failed:
		s.Failed++
	case Uncertain:
		if !f.unsure[who] {
			s.Uncertain++
			f.unsure[who] = true
		}
		return
	}
	delete(f.unsure, who)
}
