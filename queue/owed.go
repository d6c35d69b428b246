package queue

import "sync"

// owed keeps in memory what servers have answered where the disk did not take
// it: full, or read-only for a while. A process that still knows the answer
// when the disk is back writes it down then, and nobody gets the message twice.
// Another process, and one that was started anew, can only say Uncertain.
type owed struct {
	mu      sync.Mutex
	answers map[ID]answer
}

// An answer is what an attempt has found for some recipients of a message, as
// long as that has the very name that it was left with.
type answer struct {
	name     Name
	places   []int
	outcomes []Outcome
}

// mostOwed bounds the messages whose answers are kept.
const mostOwed = 1000

func (o *owed) keep(a answer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.answers == nil {
		o.answers = make(map[ID]answer)
	}
	if _, again := o.answers[a.name.ID]; again || len(o.answers) < mostOwed {
		o.answers[a.name.ID] = a
	}
}

// take is what is owed to the message of that name, and owes it no more.
func (o *owed) take(n Name) (a answer, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	a, ok = o.answers[n.ID]
	delete(o.answers, n.ID)
	return a, ok && a.name == n
}
