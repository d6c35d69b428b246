package queue

import (
	"bytes"
	"cmp"
	"context"
	"runtime"
	"slices"
)

// A Listing is the messages of the queue at one moment, in an order. Of each
// it keeps the file name only; the messages are read when they are asked for.
type Listing struct {
	spool  *Spool
	places []*place
	chunks [][]byte // file names, one behind the other
	refs   []ref
}

// A ref is a file name in a Listing. It holds no pointer, and the text of the
// names is in a few large pieces, so that the collector has next to nothing to
// look at.
type ref struct {
	// id is the message's, as a number; key comes before it in the order.
	id  uint64
	key int64
	// The name is length octets at offset of a chunk.
	chunk, offset uint32
	length        uint8
	place         uint16
}

const (
	// nameChunk is the size of a piece of a Listing's names, in octets.
	nameChunk = 1 << 20
	// maxPlaces bounds the slow queues and directories that a Listing tells
	// apart.
	maxPlaces = 1 << 16
)

// A ListOrder says how to list the queue.
type ListOrder struct {
	// Key, if not nil, puts the messages into its order, the least first; those
	// that have the same stand as they were received, as all do without a Key.
	Key func(Name) int64
	// Want, if not nil, says which messages to list.
	Want func(Name) bool
	// Found, if not nil, is called when the first name is found, while the
	// others are still being read.
	Found func()
}

// List reads the names of all messages. A file whose name is not ours is
// passed over.
func (s *Spool) List(order ListOrder) (*Listing, error) {
	l := &Listing{spool: s}
	err := s.eachFile(func(p *place, file string) bool {
		if l.add(p, file) && len(l.refs) == 1 && order.Found != nil {
			order.Found()
		}
		return true
	})
	l.sort()
	if order.Want != nil {
		l.refs = slices.DeleteFunc(l.refs, func(r ref) bool {
			name, err := l.name(r)
			return err != nil || !order.Want(name)
		})
	}
	if order.Key != nil {
		l.sortBy(order.Key)
	}
	return l, err
}

// add takes a file name in, if it begins with an id. The rest is read when the
// message is.
func (l *Listing) add(p *place, file string) bool {
	const longest = 255 // of a file name, on any system
	if len(file) <= idLength || len(file) > longest || file[idLength] != '.' {
		return false
	}
	id, ok := idKey(file[:idLength])
	if !ok {
		return false
	}
	if len(l.places) == 0 || l.places[len(l.places)-1] != p {
		if len(l.places) == maxPlaces {
			return false
		}
		l.places = append(l.places, p)
	}
	last := len(l.chunks) - 1
	if last < 0 || len(l.chunks[last])+len(file) > nameChunk {
		l.chunks = append(l.chunks, make([]byte, 0, nameChunk))
		last++
	}
	l.refs = append(l.refs, ref{
		id: id, chunk: uint32(last), offset: uint32(len(l.chunks[last])), //nolint:gosec // below nameChunk
		length: uint8(len(file)), place: uint16(len(l.places) - 1), //nolint:gosec // bounded above
	})
	l.chunks[last] = append(l.chunks[last], file...)
	return true
}

// sort puts the names into the order of receipt. A message that was renamed or
// moved while the directories were read may have shown twice.
func (l *Listing) sort() {
	compare := func(a, b ref) int {
		if a.id != b.id {
			return cmp.Compare(a.id, b.id)
		}
		// The number leaves out one bit of the ID.
		return bytes.Compare(l.text(a)[:idLength], l.text(b)[:idLength])
	}
	slices.SortFunc(l.refs, compare)
	kept := l.refs[:0]
	for _, r := range l.refs {
		if n := len(kept); n > 0 && compare(kept[n-1], r) == 0 {
			kept[n-1] = l.later(kept[n-1], r)
			continue
		}
		kept = append(kept, r)
	}
	l.refs = kept
}

// later is the one of two names of a message that says more of it.
func (l *Listing) later(a, b ref) ref {
	one, errA := l.name(a)
	two, errB := l.name(b)
	if errA != nil || errB == nil && compareNames(two, one) < 0 {
		return b
	}
	return a
}

func (l *Listing) sortBy(key func(Name) int64) {
	for i := range l.refs {
		if name, err := l.name(l.refs[i]); err == nil {
			l.refs[i].key = key(name)
		}
	}
	slices.SortStableFunc(l.refs, func(a, b ref) int { return cmp.Compare(a.key, b.key) })
}

func (l *Listing) text(r ref) []byte {
	return l.chunks[r.chunk][r.offset : r.offset+uint32(r.length)]
}

func (l *Listing) name(r ref) (Name, error) {
	name, err := ParseName(string(l.text(r)))
	return l.spool.standingAt(name, l.places[r.place]), err
}

// Len is the number of messages, and of files that are named like one.
func (l *Listing) Len() int { return len(l.refs) }

// batches grow, so that the first message need not wait for others to be read.
const (
	firstBatch = 4
	lastBatch  = 256
)

// Each reads the messages, without claiming them, and calls f with one after
// another, as Shown has them, until f returns false. Several are read at
// once: on a list of many, most of the time goes by in the system's calls. A
// message that has gone or moved on meanwhile is left out.
func (l *Listing) Each(f func(Entry) bool) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	readers := max(2, runtime.GOMAXPROCS(0))
	// Of each batch comes a channel, in the order of the list, on which its
	// entries come when they are read.
	order := make(chan chan []Entry, readers)
	go l.deal(ctx, readers, order)
	for batch := range order {
		for _, e := range <-batch {
			if !f(e) {
				return
			}
		}
	}
}

// deal has readers read batch after batch, until ctx ends.
func (l *Listing) deal(ctx context.Context, readers int, order chan<- chan []Entry) {
	type task struct {
		refs []ref
		done chan<- []Entry
	}
	tasks := make(chan task)
	defer close(order)
	defer close(tasks)
	for range readers {
		go func() {
			for t := range tasks {
				t.done <- l.read(t.refs)
			}
		}()
	}
	for left, size := l.refs, firstBatch; len(left) > 0; size = min(2*size, lastBatch) {
		n := min(size, len(left))
		done := make(chan []Entry, 1)
		select {
		case order <- done:
			tasks <- task{left[:n], done}
		case <-ctx.Done():
			return
		}
		left = left[n:]
	}
}

func (l *Listing) read(refs []ref) []Entry {
	entries := make([]Entry, 0, len(refs))
	for _, r := range refs {
		name, err := l.name(r)
		if err != nil {
			continue
		}
		path := l.places[r.place].dir + slash + string(l.text(r))
		if e, ok := l.spool.shownAt(name, path); ok {
			entries = append(entries, e)
		}
	}
	return entries
}
