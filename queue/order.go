package queue

import (
	"math/rand/v2"
	"slices"
	"strings"

	"mailcrane/internal/config"
)

// Priority is sendmail's number for a message's haste: its size, less for its
// precedence, more for each recipient and for each attempt. A higher number
// means less haste.
func (n Name) Priority(t config.Queue) int64 {
	return n.Size - int64(n.Class.Precedence)*t.ClassFactor +
		int64(n.Recipients)*t.RecipientFactor + int64(n.Attempts)*t.RetryFactor
}

const (
	// mostRecipients and mostAttempts bound what puts a message further back in
	// a queue run: with the factors as they are by default, together 300,000
	// octets. What is larger than another by more never goes before it, however
	// often that was tried.
	mostRecipients, mostAttempts = 4, 2
	// hasteUrgent and hasteLate are the precedence of messages that have none
	// of their own, and say otherwise that they are urgent or can wait: those of
	// special-delivery and list.
	hasteUrgent, hasteLate = 100, -30
)

// turn is the message's place in a queue run by priority, a higher number later.
// It is Priority for a slow link: small and urgent messages first, a report
// behind what people write, and nothing ever so far back that a large message
// goes before a small one.
func (n Name) turn(t config.Queue) int64 {
	haste := n.Class.Precedence
	if haste == 0 {
		haste = [...]int{Normal: 0, Urgent: hasteUrgent, NonUrgent: hasteLate, Notice: hasteLate}[n.Class.Timing]
	}
	n.Class.Precedence = haste
	n.Recipients, n.Attempts = min(n.Recipients, mostRecipients), min(n.Attempts, mostAttempts)
	return n.Priority(t)
}

// Order is what a queue run is sorted by, as far as the name of a message tells
// it; a higher number is later.
func (n Name) Order(t config.Queue) int64 {
	switch t.Sort {
	case config.ByPriority, config.ByHost: // sendmail's second key
		return n.turn(t)
	case config.ByModification:
		// sendmail's control file is written at each attempt.
		if n.Last.IsZero() {
			return n.ID.Received().Unix()
		}
		return n.Last.Unix()
	case config.ByTime, config.ByFilename, config.AtRandom, config.Unsorted:
	}
	return 0 // an id begins with the time
}

// A job is a message in a queue run.
type job struct {
	name Name
	// behind: after all with less of it. It is 0, behind, or more than byItself.
	behind int
	// host is that of its first recipient, reversed, where that is asked for.
	host string
	key  int64
}

const (
	// behind is of a message whose session broke once, or whose host is being
	// talked to.
	behind = 1
	// byItself and above are of messages of which no two are to be on one
	// session at the same time.
	byItself = 2
)

// mostUnanswered is how many attempts a message that is uncertain may have had
// until it goes by itself. One of those beside it may be what breaks the
// sessions: then nobody would ever be answered, and all be sent again and again.
const mostUnanswered = 2

// alone says that no other message is to be under way on its session.
func (j job) alone() bool { return j.behind >= byItself }

// named is the job under the message's present name.
func (j job) named(n Name) job {
	j.name = n
	return j
}

// before is the order of a run; what is equal goes as it was received.
func (j *job) before(o *job) bool {
	if j.behind != o.behind {
		return j.behind < o.behind
	}
	if j.host != o.host {
		return j.host < o.host
	}
	if j.key != o.key {
		return j.key < o.key
	}
	return j.name.ID < o.name.ID
}

func (j job) compare(o job) int {
	switch {
	case j.before(&o):
		return -1
	case o.before(&j):
		return 1
	}
	return 0
}

// job gives a message its place. seen is how many were seen before it.
func (r *Runner) job(n Name, seen int) job {
	j := job{name: n, key: n.Order(r.Tuning)}
	if n.Unsure && n.Attempts >= mostUnanswered {
		j.behind = byItself
	}
	switch r.Tuning.Sort {
	case config.AtRandom:
		j.key = rand.Int64() //nolint:gosec // no secret
	case config.Unsorted:
		j.key = int64(seen)
	case config.ByPriority, config.ByHost, config.ByTime, config.ByFilename, config.ByModification:
	}
	return j
}

// A backlog is jobs of which the first can be had at little cost: a heap.
type backlog []job

func (b *backlog) push(j job) {
	*b = append(*b, j)
	h := *b
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h[i].before(&h[parent]) {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

// pop takes the first job out; there must be one.
func (b *backlog) pop() job {
	h := *b
	first, last := h[0], len(h)-1
	h[0], h[last] = h[last], job{}
	*b = h[:last]
	for i, h := 0, h[:last]; ; {
		child := 2*i + 1
		if child+1 < len(h) && h[child+1].before(&h[child]) {
			child++
		}
		if child >= len(h) || !h[child].before(&h[i]) {
			return first
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// A pick is the first of any number of jobs: most, or all where most is -1.
type pick struct {
	jobs []job
	most int
	// more: there were others behind these.
	more bool
}

func (p *pick) add(j job) {
	// Behind a cut the last is the worst of those that were kept.
	if p.more && len(p.jobs) >= p.most && p.jobs[p.most-1].before(&j) {
		return
	}
	p.jobs = append(p.jobs, j)
	if p.most > 0 && len(p.jobs) >= 2*p.most {
		p.cut()
	}
}

// cut leaves the first ones, in order.
func (p *pick) cut() {
	slices.SortFunc(p.jobs, job.compare)
	if p.most > 0 && len(p.jobs) > p.most {
		clear(p.jobs[p.most:])
		p.jobs, p.more = p.jobs[:p.most], true
	}
}

// byHost puts the jobs into the order of their first recipients' hosts. It
// reads each of them, but never more than a carrier takes.
func (r *Runner) byHost(jobs []job) {
	busy := make(map[string]bool)
	for i := range jobs {
		entry, ok := r.Spool.Entry(jobs[i].name)
		if !ok {
			continue // told when it is claimed
		}
		jobs[i].host = reversedHost(entry.Envelope.To[0].Address)
		if entry.Busy {
			busy[jobs[i].host] = true
		}
	}
	for i := range jobs {
		if busy[jobs[i].host] {
			jobs[i].behind = max(jobs[i].behind, behind)
		}
	}
}

// reversedHost is the host of an address, its parts in reverse, so that the
// hosts of one domain stand together.
func reversedHost(address string) string {
	host := strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
	parts := strings.Split(host, ".")
	slices.Reverse(parts)
	return strings.Join(parts, ".")
}
