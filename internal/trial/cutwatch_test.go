package trial

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"mailcrane/queue"
)

// A reach is what netwatch would say: that the link is up, or down, and that it
// has changed.
type reach struct {
	down    atomic.Bool
	changes chan struct{}
}

func newReach() *reach { return &reach{changes: make(chan struct{}, 1)} }

func (r *reach) Verdict(queue.Route) queue.Verdict { return queue.Verdict{Try: !r.down.Load()} }
func (r *reach) Changes() <-chan struct{}          { return r.changes }

func (r *reach) tell(up bool) {
	r.down.Store(!up)
	select {
	case r.changes <- struct{}{}:
	default:
	}
}

// A watched run is what the agent's events say of it.
type watched struct {
	mu sync.Mutex
	// waiting are the letters that have not left the queue; uncertain counts how
	// often each was.
	waiting   int
	uncertain map[queue.ID]int
	// lastTaken is when the server last took one.
	lastTaken time.Time
	wrong     []string
	// empty has a value when nothing waits any more.
	empty chan struct{}
}

func newWatched() *watched {
	return &watched{uncertain: make(map[queue.ID]int), empty: make(chan struct{}, 1)}
}

func (w *watched) expect(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting += n
}

func (w *watched) left() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waiting
}

func (w *watched) tookOne() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastTaken = time.Now()
}

// saw is Runner.Watch.
func (w *watched) saw(e queue.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case e.Kind == queue.Settled && e.Outcome.State() == queue.Uncertain:
		w.uncertain[e.ID]++
	case e.Kind == queue.Settled && e.Outcome.State() != queue.Delivered:
		w.wrong = append(w.wrong, string(e.ID)+" is "+e.Outcome.State().String()+": "+e.Outcome.Reply().String())
	case e.Kind == queue.Closed && e.Fault != nil && e.Fault.NeedsPerson:
		w.wrong = append(w.wrong, "a person is asked for: "+e.Fault.Sentence())
	case e.Kind == queue.Ended && e.Left == 0:
		if w.waiting--; w.waiting == 0 {
			w.empty <- struct{}{}
		}
	}
}

// awaitEmpty waits until the queue is empty, and says false if that does not
// come about.
func (w *watched) awaitEmpty(limit time.Duration) bool {
	select {
	case <-w.empty:
		return true
	case <-time.After(limit):
		return false
	}
}

// A counting listener counts what is written to its connections.
type counting struct {
	net.Listener
	written *atomic.Int64
}

func (l *counting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countingConn{conn, l.written}, nil
}

type countingConn struct {
	net.Conn
	written *atomic.Int64
}

func (c *countingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// swift is a disk that is not waited for: power cuts are another trial's theme.
type swift struct{ queue.Disk }

type swiftFile struct{ queue.File }

func (d swift) Create(path string) (queue.File, error) {
	f, err := d.Disk.Create(path)
	return swiftFile{f}, err
}

func (d swift) Append(path string) (queue.File, error) {
	f, err := d.Disk.Append(path)
	return swiftFile{f}, err
}

func (swift) SyncDir(string) error { return nil }

func (swiftFile) Sync() error { return nil }
