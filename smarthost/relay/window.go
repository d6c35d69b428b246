package relay

import "sync"

// How much may be under way without an answer. All of it becomes uncertain
// when the link breaks; what is less than the link holds costs time. So it
// begins small and grows by each message that is answered, as the congestion
// window of TCP does, which it thereby never holds up.
const (
	leastMessages = 2
	firstMessages = 16
	firstOctets   = 128 << 10
	mostMessages  = 256
	mostOctets    = 4 << 20
)

// A window says when a session takes the next delivery.
type window struct {
	mu sync.Mutex
	// most and size are what may be under way, shares and octets what is.
	most, shares int
	size, octets int64
	// large are the large ones that wait for their turn or are being sent.
	large int
	// several: there may be more than one at all. shy: the server has refused so
	// many messages that it is asked first whether it takes the next.
	several, shy bool
	// last is the newest share, and next is to be called when one more may come;
	// nil where it was, or will not be.
	last *share
	next func()
}

func newWindow() window { return window{most: 1, size: firstOctets} }

// A share is one delivery's in the window.
type share struct {
	window *window
	octets int64
	// unsent: it is so large that no other is begun before it was sent.
	unsent, gone bool
}

// widen has several deliveries under way from now on; 0 is the usual number to
// begin with.
func (w *window) widen(most int) {
	if most < leastMessages || most > firstMessages {
		most = firstMessages
	}
	w.mu.Lock()
	w.most, w.several = most, true
	w.mu.Unlock()
}

// shrink has the next sessions begin with a smaller window, since the link broke:
// what was under way is uncertain now.
func (s *Session) shrink() {
	s.window.mu.Lock()
	was := min(s.window.most, 2*firstMessages)
	s.window.mu.Unlock()
	s.target.Memory.Learn(func(k *Known) { k.Link.Window = max(was/4, leastMessages) })
}

// recover has them begin with a larger one, after a session that went well.
func (s *Session) recover() {
	s.target.Memory.Learn(func(k *Known) {
		if k.Link.Window *= 2; k.Link.Window >= firstMessages {
			k.Link.Window = 0
		}
	})
}

// enter takes a delivery in. next is called when another may come, which for a
// large one is not before it was sent; it may be nil.
func (w *window) enter(octets int64, next func(), large bool) *share {
	w.mu.Lock()
	s := &share{window: w, octets: octets}
	s.hold(large)
	w.shares++
	w.octets += octets
	w.last, w.next = s, next
	call := w.open()
	w.mu.Unlock()
	call()
	return s
}

// queues says of a large one that was made ready while others passed it that it
// waits for its turn now: what is begun from here on would wait behind it.
func (s *share) queues() {
	s.window.mu.Lock()
	defer s.window.mu.Unlock()
	s.hold(true)
}

// hold begins or ends that no other is begun. The caller holds the window's mu.
func (s *share) hold(on bool) {
	switch {
	case on && !s.unsent:
		s.window.large++
	case !on && s.unsent:
		s.window.large--
	}
	s.unsent = on
}

// sent says that all of it has been written.
func (s *share) sent() {
	w := s.window
	w.mu.Lock()
	s.hold(false)
	call := w.open()
	w.mu.Unlock()
	call()
}

// answered makes the window wider by a message that the link has carried.
func (s *share) answered() {
	w := s.window
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shy = false
	if w.several {
		w.most = min(w.most+1, mostMessages)
		w.size = min(w.size+s.octets, mostOctets)
	}
}

// refused makes the window smaller by half, for a message that the server takes
// for nobody. All that was sent behind its MAIL is refused as well and counts as
// errors of ours, of which Postfix by default allows twenty a session.
func (s *share) refused() {
	w := s.window
	w.mu.Lock()
	defer w.mu.Unlock()
	w.most = max(w.most/2, 1)
	w.shy = w.most == 1
}

// isShy says that it is better to know of a message's recipients before it is
// sent.
func (w *window) isShy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shy
}

// leave gives the share back. Its owner is not asked for another any more.
func (s *share) leave() {
	w := s.window
	w.mu.Lock()
	if s.gone {
		w.mu.Unlock()
		return
	}
	s.gone = true
	s.hold(false)
	w.shares--
	w.octets -= s.octets
	if w.last == s {
		w.last, w.next = nil, nil
	}
	call := w.open()
	w.mu.Unlock()
	call()
}

// open is what to call when there is room for another delivery. The newest may
// be of any size: a window of one message there is always. The caller holds mu.
func (w *window) open() func() {
	next := w.next
	if next == nil || w.large > 0 || w.shares >= w.most || w.octets-w.last.octets >= w.size {
		return func() {}
	}
	w.next = nil
	return next
}
