package trial

import (
	"fmt"
	"slices"

	"mailcrane/queue"
)

// An edit is one of a letter's recipients: fresh and added get it, and old does
// not; or nothing changes.
type edit struct{ old, fresh, added string }

// edits begins an edit of a letter, by the number of a die; nil where another
// was not settled.
func (l *ledger) edits(p *promise, die int) *edit {
	l.mu.Lock()
	defer l.mu.Unlock()
	var open []string
	for address, o := range p.to {
		if !o.out && !o.settled() {
			open = append(open, address)
		}
	}
	if p.edit != nil || len(open) == 0 {
		return nil
	}
	slices.Sort(open)
	n := len(p.to)
	e := &edit{open[die%len(open)], fmt.Sprintf("e%d.%s@trial.example", n, p.id), fmt.Sprintf("a%d.%s@trial.example", n, p.id)}
	p.edit = e
	p.to[e.fresh], p.to[e.added] = &owed{}, &owed{}
	l.counts.halfKnown++
	return e
}

// edited says that it was made, or not.
func (l *ledger) edited(p *promise, made bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settled(p, made)
}

func (l *ledger) settled(p *promise, made bool) {
	p.to[p.edit.old].out = made
	p.to[p.edit.fresh].out, p.to[p.edit.added].out = !made, !made
	p.edit = nil
	l.counts.halfKnown--
	if made {
		l.counts.edited++
	}
}

// settleEdit looks in the queue whether an edit was made of which that is not
// known. The caller holds mu.
func (r receiver) settleEdit(p *promise, n queue.Name) {
	if p.edit == nil {
		return
	}
	entry, ok := r.spool.Entry(n)
	if !ok {
		r.fault("%s cannot be read after the cut", n)
		return
	}
	there := make(map[string]bool)
	for i, to := range entry.Envelope.To {
		there[to.Address] = entry.Results[i].State != queue.Dropped
	}
	e := p.edit
	if made := there[e.fresh]; there[e.added] != made || there[e.old] == made {
		r.fault("half an edit of %s was kept: %+v, recipients are %v", p.id, e, there)
	}
	r.settled(p, there[e.fresh])
}

// open says that somebody is still to get the letter.
func (p *promise) open() bool {
	if e := p.edit; e != nil && !p.to[e.old].settled() && !(p.to[e.fresh].settled() && p.to[e.added].settled()) {
		return true
	}
	for address, o := range p.to {
		doubtful := p.edit != nil && (address == p.edit.old || address == p.edit.fresh || address == p.edit.added)
		if !o.out && !doubtful && !o.settled() {
			return true
		}
	}
	return false
}
