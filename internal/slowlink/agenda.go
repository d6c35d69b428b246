package slowlink

import (
	"container/heap"
	"time"
)

// An agenda is what happens next on a link. Events of one instant happen in the
// order in which they were entered, whatever the order of timers.
type agenda struct {
	events eventHeap
	seq    int
	timer  *time.Timer
	// running says that the events that are due are being worked off.
	running bool
}

type event struct {
	at  time.Time
	seq int
	do  func()
}

// at enters an event. do is called with the link locked.
func (l *Link) at(t time.Time, do func()) {
	a := &l.agenda
	a.seq++
	heap.Push(&a.events, event{t, a.seq, do})
	l.arm()
}

func (l *Link) later(d time.Duration, do func()) { l.at(time.Now().Add(d), do) }

// arm sets the timer to the first event.
func (l *Link) arm() {
	a := &l.agenda
	if a.running || len(a.events) == 0 {
		return
	}
	wait := time.Until(a.events[0].at)
	if a.timer == nil {
		a.timer = time.AfterFunc(wait, l.happen)
		return
	}
	a.timer.Reset(wait)
}

// happen works off what is due.
func (l *Link) happen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &l.agenda
	if a.running {
		return
	}
	a.running = true
	for len(a.events) > 0 && !a.events[0].at.After(time.Now()) {
		if e, ok := heap.Pop(&a.events).(event); ok {
			e.do()
		}
	}
	a.running = false
	l.arm()
}

type eventHeap []event

func (h eventHeap) Len() int      { return len(h) }
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

func (h eventHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}

func (h *eventHeap) Push(e any) {
	if e, ok := e.(event); ok {
		*h = append(*h, e)
	}
}

func (h *eventHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = event{}
	*h = (*h)[:last]
	return e
}
