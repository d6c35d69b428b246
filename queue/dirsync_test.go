package queue

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A syncingDisk takes a while for each fsync of a directory, and notes what had
// been done by the time that it began.
type syncingDisk struct {
	swiftDisk
	takes time.Duration
	syncs atomic.Int64
	fail  error
	begun func()
}

func (d *syncingDisk) SyncDir(string) error {
	d.syncs.Add(1)
	if d.begun != nil {
		d.begun()
	}
	time.Sleep(d.takes)
	return d.fail
}

func TestSyncsAtOnceAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &syncingDisk{takes: 10 * time.Millisecond}
		var mu sync.Mutex
		done, covered := map[int]bool{}, map[int]bool{}
		disk.begun = func() {
			mu.Lock()
			defer mu.Unlock()
			for i := range done {
				covered[i] = true
			}
		}
		s := NewSpool(t.TempDir(), disk, time.Now)
		began := time.Now()
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				time.Sleep(time.Duration(i%30) * time.Millisecond)
				mu.Lock()
				done[i] = true
				mu.Unlock()
				if err := s.syncDir("queue"); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if !covered[i] {
					t.Errorf("change %d was made durable by an fsync that began before it", i)
				}
			})
		}
		all.Wait()
		if n, took := disk.syncs.Load(), time.Since(began); n > 5 || took > 50*time.Millisecond {
			t.Errorf("100 changes within 30 ms took %d fsyncs and %v", n, took)
		}
	})
}

func TestSyncsOfTwoDirectoriesDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSpool(t.TempDir(), &syncingDisk{takes: time.Second}, time.Now)
		began := time.Now()
		var both sync.WaitGroup
		for _, dir := range []string{"queue", "result"} {
			both.Go(func() { s.syncDir(dir) })
		}
		both.Wait()
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %v, want a second", took)
		}
	})
}

func TestASharedSyncThatFailsFailsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("input/output error")
		s := NewSpool(t.TempDir(), &syncingDisk{takes: time.Second, fail: broken}, time.Now)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if err := s.syncDir("queue"); !errors.Is(err, broken) {
					t.Errorf("got %v: what is not on the disk must not be sent", err)
				}
			})
		}
		all.Wait()
	})
}

// The messages that a session can take at once cost one fsync, not one each.
func TestCommitsOfMessagesUnderWayShareTheirSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &syncingDisk{}
		disk.swiftDisk = swiftDisk{OS{}}
		s := newStream(t, NewSpool(t.TempDir(), disk, time.Now))
		s.commitsEarly, s.window = true, 50
		s.fill(50)
		disk.takes = 10 * time.Millisecond
		disk.syncs.Store(0)
		s.flush()
		s.wantOnce(50)
		if n := disk.syncs.Load(); n > 4 {
			t.Errorf("50 messages took %d fsyncs", n)
		}
	})
}
