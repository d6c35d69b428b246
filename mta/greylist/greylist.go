// Package greylist puts off mail from clients that were never seen to try again
// (RFC 6647).
//
// What is remembered of a client's network, a sender and a recipient is a digest
// and two times. It is kept in a file, which is written by the way: never while a
// client waits, and never while nothing has happened.
package greylist

import (
	"container/list"
	"crypto/sha256"
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"mailcrane/internal/address"
)

// Each of the two kinds is bounded: those who were put off cannot drive out those
// who are known. The file is then at most 8 MB.
const most = 65536

// writeAfter is how long after a change the file is written.
const writeAfter = time.Minute

// Options say how long things last.
type Options struct {
	// Delay is the least time until the second try, and Window the longest; Keep
	// is how long a triplet that was let through is known after its last mail.
	Delay, Window, Keep time.Duration
	// File is where the list is kept; "" is nowhere.
	File string
	// Now is the clock; nil is the system's.
	Now func() time.Time
	Log *slog.Logger
}

// A List knows who has tried again. It is safe for use by several goroutines.
type List struct {
	options Options

	mu     sync.Mutex
	known  map[key]*list.Element // of *triplet
	waits  list.List             // those put off, the newest first
	passed list.List             // those let through, the one last seen first
	timer  *time.Timer           // a writing that is to come, or nil
	closed bool

	writing sync.Mutex
}

// A key is a digest of a triplet: the list tells nobody who writes to whom.
type key [16]byte

type triplet struct {
	key
	first, last time.Time
	through     bool
}

// New reads the list that is kept. One that cannot be read is an error; one with
// lines that make no sense is read without them.
func New(o Options) (*List, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &List{options: o, known: make(map[key]*list.Element)}
	if o.File == "" {
		return l, nil
	}
	if err := l.read(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return l, nil
}

// Seen says whether mail from a client, by a sender to a recipient, is let
// through; otherwise wait is how long it has to be put off.
func (l *List) Seen(client netip.Addr, sender, recipient string) (wait time.Duration, passed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.options.Now()
	t := l.find(digest(client, sender, recipient), now)
	t.last = now
	if wait = t.first.Add(l.options.Delay).Sub(now); !t.through && wait <= 0 {
		l.letThrough(t)
	}
	l.changed()
	if t.through {
		l.passed.MoveToFront(l.known[t.key])
		return 0, true
	}
	return wait, false
}

// find is the triplet of a key: a new one where there is none, or its time is
// over.
func (l *List) find(k key, now time.Time) *triplet {
	if e := l.known[k]; e != nil {
		t := e.Value.(*triplet)
		if l.lasts(t, now) {
			return t
		}
		l.remove(e)
	}
	t := &triplet{key: k, first: now, last: now}
	l.add(t)
	return t
}

// lasts says that a triplet's time is not over; a clock that was put back ends
// it too.
func (l *List) lasts(t *triplet, now time.Time) bool {
	if t.through {
		return now.Sub(t.last) < l.options.Keep && !t.last.After(now)
	}
	return now.Sub(t.first) < l.options.Window && !t.first.After(now)
}

func (l *List) letThrough(t *triplet) {
	l.remove(l.known[t.key])
	t.through = true
	l.add(t)
}

// add puts a triplet first, and forgets the last of its kind where there are too
// many.
func (l *List) add(t *triplet) {
	of := l.kind(t)
	if of.Len() >= most {
		l.remove(of.Back())
	}
	l.known[t.key] = of.PushFront(t)
}

func (l *List) remove(e *list.Element) {
	t := e.Value.(*triplet)
	l.kind(t).Remove(e)
	delete(l.known, t.key)
}

func (l *List) kind(t *triplet) *list.List {
	if t.through {
		return &l.passed
	}
	return &l.waits
}

// digest is of a client's network, since a large sender tries again from another
// machine: an IPv4 /24, an IPv6 /64.
func digest(client netip.Addr, sender, recipient string) key {
	client = client.Unmap().WithZone("")
	bits := 24
	if client.Is6() {
		bits = 64
	}
	network, err := client.Prefix(bits)
	if err != nil {
		network = netip.Prefix{} // a client of this machine
	}
	sum := sha256.Sum256([]byte(network.String() + "\x00" + folded(sender) + "\x00" + folded(recipient)))
	return key(sum[:16])
}

// folded is an address whose case does not count: a server that tries again may
// write it otherwise.
func folded(text string) string { return strings.ToLower(address.Key(text)) }
