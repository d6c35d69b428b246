package trial

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"mailcrane/queue"
)

// A ledger is what is known of letters outside the disk on which they are kept:
// what was promised to those who handed them in, what servers really took, and
// what a person asked for. It outlives every power cut, and says what does not
// agree with it.
type ledger struct {
	mu      sync.Mutex
	letters map[string]*promise // by the left side of the Message-ID
	// unread are recipients whose message came again while the power went, so
	// that its story could not be read at once.
	unread []again
	faults []string
	counts counts
}

// An again is a recipient to whom a letter was sent again after its server had
// taken it so many times; as often it must be recorded as uncertain.
type again struct {
	id, address string
	taken       int
}

// counts is what a trial has seen.
type counts struct {
	accepted, doubtful, delivered, deferred, refused, unanswered, broken, twice, bounces int
	held, quarantined, released, retried, removed, timed, moved, edited, halfKnown, kept int
	// together is how many were under way at once, at the most.
	together int
}

func (c counts) String() string {
	return fmt.Sprintf("%d messages accepted, %d of which the promise was cut off; recipients: %d delivered, %d deferred, %d refused (%d reports), "+
		"%d without an answer, %d in broken sessions; %d taken again after they were recorded as uncertain; %d kept back for a while; "+
		"by hand: %d held, %d quarantined, %d released, %d retried, %d removed, %d timed, %d moved, %d edited, %d more edits cut off",
		c.accepted, c.doubtful, c.delivered, c.deferred, c.refused, c.bounces, c.unanswered, c.broken, c.twice, c.kept,
		c.held, c.quarantined, c.released, c.retried, c.removed, c.timed, c.moved, c.edited, c.halfKnown)
}

// later is a time that does not come in a trial.
const later = time.Hour

// A promise is one letter.
type promise struct {
	id string
	// accepted: the submission has succeeded.
	accepted bool
	to       map[string]*owed
	// name is its ID in the queue, where it is known.
	name queue.ID
	// removing: a removal has begun; gone: it has succeeded. So too for holds:
	// a held letter may go once its release has begun.
	removing, gone, held bool
	// timed: it was given a later time; kept: its sender may still take it back.
	timed, kept bool
	// edit is one of which it is not known whether it was made.
	edit *edit
}

// owed is one recipient of a letter.
type owed struct {
	taken, refused, reported int
	// out: it is no recipient any more, or did not become one.
	out bool
}

func (o *owed) settled() bool { return o.taken > 0 || o.refused > 0 }

func newLedger() *ledger { return &ledger{letters: make(map[string]*promise)} }

func (l *ledger) fault(format string, args ...any) {
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}

// submits is called before a letter is handed in.
func (l *ledger) submits(id string, to ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &promise{id: id, to: make(map[string]*owed)}
	for _, address := range to {
		p.to[address] = &owed{}
	}
	l.letters[id] = p
}

// submitted says how that ended.
func (l *ledger) submitted(id string, name queue.ID, accepted, kept bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.letters[id]
	p.accepted, p.name, p.kept = accepted, name, accepted && kept
	if p.kept {
		l.counts.kept++
	}
	if accepted {
		l.counts.accepted++
	} else {
		l.counts.doubtful++
	}
}

// pick is an accepted letter that is still owed, by the number of a die, and its
// ID in the queue.
func (l *ledger) pick(die int) (*promise, queue.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var open []*promise
	for _, p := range l.letters {
		if p.accepted && p.name != "" && !p.removing && p.open() {
			open = append(open, p)
		}
	}
	if len(open) == 0 {
		return nil, ""
	}
	slices.SortFunc(open, func(a, b *promise) int { return strings.Compare(a.id, b.id) })
	p := open[die%len(open)]
	return p, p.name
}

// A receiver reads the spool while it receives, to see what was written down.
type receiver struct {
	*ledger
	spool *queue.Spool
}

// arrived is called when all octets of a letter have come, before it is
// answered: it must be whole, and not have been taken before unless that is
// written down, nor removed or held.
func (r receiver) arrived(text string, to []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := receipt{text: text}.id()
	p := r.letters[id]
	if p == nil && strings.Contains(text, "multipart/report") {
		p = &promise{id: id, to: make(map[string]*owed)}
		for _, address := range to {
			p.to[address] = &owed{}
		}
		r.letters[id] = p
	}
	switch {
	case p == nil:
		r.fault("a message arrived that nobody handed in: %.300q", text)
		return
	case strings.Contains(text, "multipart/report"):
		if !strings.HasSuffix(text, "--\n") {
			r.fault("%s: half a report arrived: %q", id, text)
		}
	case !(receipt{text: text}).whole():
		r.fault("%s arrived otherwise than sent: %q", id, text)
	case p.gone:
		r.fault("%s arrived after it was removed", id)
	case p.held:
		r.fault("%s arrived while it was held", id)
	case p.timed, p.kept:
		r.fault("%s arrived before its time", id)
	}
	for _, address := range to {
		o := p.to[address]
		if o == nil {
			r.fault("%s arrived for %s, to whom it was not sent", id, address)
			p.to[address] = &owed{}
			continue
		}
		if o.out {
			r.fault("%s arrived for %s, who is no recipient by an edit", id, address)
		}
		if o.taken == 0 {
			continue
		}
		if !r.recorded(again{id, address, o.taken}) {
			r.unread = append(r.unread, again{id, address, o.taken})
		}
	}
}

// recorded checks that a letter's story tells of what is uncertain. It says
// false if the story cannot be read just now.
func (r receiver) recorded(a again) (read bool) {
	// A name that is changed while the directory is read may be missed.
	for i := 0; i < 20 && !read; i++ {
		_ = r.spool.Names(func(n queue.Name) bool {
			text, err := r.text(n)
			if err != nil || (receipt{text: text}).id() != a.id {
				return true
			}
			history, err := r.spool.History(n)
			if read = err == nil; !read {
				return false
			}
			times := 0
			for _, record := range history {
				if record.Address == a.address && record.Event == queue.Uncertain.String() {
					times++
				}
			}
			if times < a.taken {
				r.fault("%s goes to %s again, who has had it %d times; recorded as uncertain %d times: %v", a.id, a.address, a.taken, times, history)
			}
			return false
		})
	}
	return read
}

// takes writes down that the server has the letter for a recipient.
func (l *ledger) takes(text, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.letters[receipt{text: text}.id()]
	if p == nil || p.to[address] == nil {
		return // arrived has said so
	}
	if p.to[address].taken++; p.to[address].taken > 1 {
		l.counts.twice++
	}
	if strings.Contains(text, "multipart/report") {
		l.reported(text)
	}
}

// refuses writes down that the server never takes a letter for a recipient.
func (l *ledger) refuses(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.refused++
	for _, p := range l.letters {
		if o := p.to[address]; o != nil {
			o.refused++
		}
	}
}

// count adds to one of counts.
func (l *ledger) count(n *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*n++
}

// most keeps the largest of what one of counts was.
func (l *ledger) most(n *int, now int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*n = max(*n, now)
}

// reported is called for a report that was taken.
func (l *ledger) reported(text string) {
	l.counts.bounces++
	for part := range strings.SplitSeq(text, "Final-Recipient: rfc822; ") {
		address, _, _ := strings.Cut(part, "\n")
		for _, p := range l.letters {
			if o := p.to[address]; o != nil && o.refused > 0 {
				o.reported++
			}
		}
	}
}

// checkKept looks for every letter that is still owed in the spool.
func (r receiver) checkKept() {
	r.mu.Lock()
	defer r.mu.Unlock()
	there := make(map[string]bool)
	err := r.spool.Names(func(n queue.Name) bool {
		text, err := r.text(n)
		if err != nil {
			r.fault("%s cannot be read after the cut: %v", n, err)
			return true
		}
		id := receipt{text: text}.id()
		if there[id] {
			r.fault("%s is there twice after the cut, one is %s", id, n)
		}
		there[id] = true
		if p := r.letters[id]; p != nil {
			p.name = n.ID
			r.settleEdit(p, n)
			if p.held && !n.Waits() {
				r.fault("%s was held, and is not after the cut: %s", id, n)
			}
			if p.timed && !n.NotBefore.After(time.Now()) || p.kept && !n.InGrace(time.Now(), later) {
				r.fault("%s was not to leave yet, and may after the cut: %s", id, n)
			}
			if p.gone {
				r.fault("%s was removed, and is back after the cut: %s", id, n)
			}
		}
		return true
	})
	if err != nil {
		r.fault("the queue cannot be read after the cut: %v", err)
	}
	for id, p := range r.letters {
		if p.accepted && !p.removing && p.open() && !there[id] {
			r.fault("%s was accepted, and is not there after the cut", id)
		}
	}
	for _, a := range r.unread {
		if there[a.id] {
			r.recorded(a)
		}
	}
	r.unread = nil
	aside, err := r.spool.SetAside()
	if err != nil || len(aside) > 0 {
		r.fault("set aside: %q, %v", aside, err)
	}
}

// checkDone is called when the queue is empty: all that was owed was given.
func (l *ledger) checkDone() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, p := range l.letters {
		if !p.accepted || p.removing {
			continue
		}
		if p.open() {
			l.fault("%s was accepted and never came to all of %v", id, p.to)
		}
		for address, o := range p.to {
			switch {
			case o.out, !o.settled():
			case o.taken == 0 && o.reported == 0:
				l.fault("%s was refused for %s, and no report of that came", id, address)
			}
		}
	}
	clear(l.letters)
}

func (r receiver) text(n queue.Name) (string, error) {
	_, body, err := r.spool.Read(n.ID)
	if err != nil {
		return "", err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return string(text), err
}
