package queue

import "sync"

// dirSyncs shares the fsyncs of directories. Many messages are put, sent and
// taken out at once, and each has to know that its change of a name is durable;
// one fsync is that for all changes that were made before it began.
type dirSyncs struct {
	mu   sync.Mutex
	dirs map[string]*dirSync
}

// A dirSync is those of one directory, of which one at a time is at work.
type dirSync struct {
	turn chan struct{} // holds a token while none is
	next *sharedSync   // has not begun, so that others may join; or nil
}

// A sharedSync is one fsync; err is that of all who wait for done.
type sharedSync struct {
	done chan struct{}
	err  error
}

// syncDir makes durable what was done to the names in a directory before it was
// called. Who comes while an fsync is at work waits for the one after it, which
// the first of those makes for all: the one at work may have passed over what
// they did.
func (s *Spool) syncDir(path string) error {
	sync, turn, first := s.syncs.join(path)
	if !first {
		<-sync.done
		return sync.err
	}
	<-turn
	s.syncs.begins(path)
	sync.err = s.disk.SyncDir(path)
	close(sync.done)
	turn <- struct{}{}
	return sync.err
}

// join is the next fsync of a directory. The first who joins it makes it, when
// it is its turn.
func (d *dirSyncs) join(path string) (next *sharedSync, turn chan struct{}, first bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir := d.dirs[path]
	if dir == nil {
		dir = &dirSync{turn: make(chan struct{}, 1)}
		dir.turn <- struct{}{}
		if d.dirs == nil {
			d.dirs = make(map[string]*dirSync)
		}
		d.dirs[path] = dir
	}
	if first = dir.next == nil; first {
		dir.next = &sharedSync{done: make(chan struct{})}
	}
	return dir.next, dir.turn, first
}

// begins says that nobody may join any more.
func (d *dirSyncs) begins(path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dirs[path].next = nil
}
