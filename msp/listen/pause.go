package listen

import (
	"net"
	"sync"
	"time"
)

// A door is what all listeners of a server go through: it can be kept shut
// while it is found out whether anybody is inside.
type door struct {
	mu      sync.Mutex
	changed *sync.Cond
	// listeners are those being served; true where one waits for the door.
	listeners map[net.Listener]bool
	clients   int
	reopened  chan struct{} // closed when the door opens; nil while it is open
}

func newDoor() *door {
	d := &door{listeners: make(map[net.Listener]bool)}
	d.changed = sync.NewCond(&d.mu)
	return d
}

// Pause stops taking connections, and says whether nobody is being served:
// nobody will be before Resume, then. A client that comes meanwhile waits in
// the system's queue. It is false also where a listener cannot be kept shut.
func (s *Server) Pause() bool {
	d := s.door
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reopened == nil {
		d.reopened = make(chan struct{})
	}
	for l := range d.listeners {
		still, ok := l.(interface{ SetDeadline(at time.Time) error })
		if !ok || still.SetDeadline(time.Unix(1, 0)) != nil {
			return false
		}
	}
	// A connection may just have been accepted, and not been counted.
	for !d.allWait() {
		d.changed.Wait()
	}
	return d.clients == 0
}

func (d *door) allWait() bool {
	for _, waits := range d.listeners {
		if !waits {
			return false
		}
	}
	return true
}

// Resume takes connections again.
func (s *Server) Resume() {
	d := s.door
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reopened == nil {
		return
	}
	for l := range d.listeners {
		if still, ok := l.(interface{ SetDeadline(at time.Time) error }); ok {
			_ = still.SetDeadline(time.Time{}) // one that has failed says so to Accept
		}
	}
	close(d.reopened)
	d.reopened = nil
}

// opened adds a listener, closed takes it away.
func (d *door) opened(l net.Listener) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listeners[l] = false
	if still, ok := l.(interface{ SetDeadline(at time.Time) error }); ok && d.reopened != nil {
		_ = still.SetDeadline(time.Unix(1, 0)) // one that has failed says so to Accept
	}
}

func (d *door) closed(l net.Listener) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.listeners, l)
	d.changed.Broadcast()
}

// entered and left count a client.
func (d *door) entered() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clients++
}

func (d *door) left() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clients--
}

// wait is called for a listener that was told to stop accepting; it returns
// when the door is open, or done.
func (d *door) wait(l net.Listener, done <-chan struct{}) {
	d.mu.Lock()
	reopened := d.reopened
	if reopened == nil {
		d.mu.Unlock()
		return
	}
	d.listeners[l] = true
	d.changed.Broadcast()
	d.mu.Unlock()
	select {
	case <-reopened:
	case <-done:
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listeners[l] = false
}
