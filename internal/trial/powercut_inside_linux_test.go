package trial

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
	"mailcrane/queue"
)

// TestPowerCutsInsideTheQueue cuts the power at a random operation of the
// queue's own, while goroutines submit, send and change mail.
func TestPowerCutsInsideTheQueue(t *testing.T) {
	t.Parallel()
	if !lab.OwnMounts(t) {
		return
	}
	p := newPowercut(t, 25)
	p.run(p.insideRound, p.emptyInside)
	if most := p.ledger.counts.together; most < backlog/2 && p.rounds > roundsBetweenChecks {
		t.Errorf("no more than %d messages were under way at once", most)
	}
}

// A fuseDisk cuts the power at one of the operations that change the disk.
type fuseDisk struct {
	queue.Disk
	left  atomic.Int64
	delay time.Duration // 0: before the operation; else beside those that follow
	blow  func()
	over  chan struct{} // closed when the power is off
}

func (d *fuseDisk) step() {
	if d.left.Add(-1) != 0 {
		return
	}
	cut := func() { d.blow(); close(d.over) }
	if d.delay == 0 {
		cut()
		return
	}
	time.AfterFunc(d.delay, cut)
}

func (d *fuseDisk) isOver() bool {
	select {
	case <-d.over:
		return true
	default:
		return false
	}
}

func (d *fuseDisk) Create(path string) (queue.File, error) {
	d.step()
	f, err := d.Disk.Create(path)
	return d.file(f, err)
}

func (d *fuseDisk) Append(path string) (queue.File, error) {
	d.step()
	f, err := d.Disk.Append(path)
	return d.file(f, err)
}

func (d *fuseDisk) file(f queue.File, err error) (queue.File, error) {
	if err != nil {
		return nil, err
	}
	return &fuseFile{f, d}, nil
}

func (d *fuseDisk) Rename(from, to string) error {
	d.step()
	return d.Disk.Rename(from, to)
}

func (d *fuseDisk) Remove(path string) error {
	d.step()
	return d.Disk.Remove(path)
}

func (d *fuseDisk) SyncDir(path string) error {
	d.step()
	return d.Disk.SyncDir(path)
}

type fuseFile struct {
	queue.File
	disk *fuseDisk
}

func (f *fuseFile) Write(p []byte) (int, error) {
	f.disk.step()
	return f.File.Write(p)
}

func (f *fuseFile) Sync() error {
	f.disk.step()
	return f.File.Sync()
}

// backlog is how many letters wait at the beginning of some rounds, so that many
// are under way at once.
const backlog = 20

// insideRound has three submit, two run the queue and one change it until the
// power is cut.
func (p *powercut) insideRound(n int, chance *rand.Rand) {
	disk := &fuseDisk{Disk: queue.OS{}, blow: p.disk.Cut, over: make(chan struct{})}
	if chance.IntN(2) == 0 {
		dice := newDice(chance)
		for i := range backlog {
			p.submit(queue.NewSpool(p.spoolDir(), queue.OS{}, time.Now), fmt.Sprintf("in-%d-backlog-%d", n, i), 1+dice.roll(4), dice.roll(5) == 0)
		}
	}
	disk.left.Store(1 + chance.Int64N(250))
	if chance.IntN(2) == 0 {
		disk.delay = time.Duration(1 + chance.IntN(2000)*int(time.Microsecond))
	}
	s := queue.NewSpool(p.spoolDir(), disk, time.Now)
	var all sync.WaitGroup
	for submitter := range 3 {
		dice := newDice(chance)
		all.Go(func() {
			// The first that is refused is the last: the power is going.
			for i := 0; p.submit(s, fmt.Sprintf("in-%d-%d-%d", n, submitter, i), 1+dice.roll(4), dice.roll(5) == 0); i++ {
			}
		})
	}
	for range 2 {
		server := &inside{p.receiver(), newDice(chance)}
		all.Go(func() {
			for !disk.isOver() {
				_, _ = server.runner(s).Flush(p.t.Context(), nil) // what it says of a cut is another trial's
			}
		})
	}
	dice := newDice(chance)
	all.Go(func() {
		for !disk.isOver() {
			p.change(dice, insideHand(s))
		}
	})
	all.Wait()
}

// insideHand is a person with the queue's own functions.
func insideHand(s *queue.Spool) byHand {
	old := config.SlowQueue{Name: "old", Interval: later}
	return byHand{
		hold:       func(ctx context.Context, id queue.ID) error { return s.Hold(ctx, id, "the trial says so") },
		quarantine: func(ctx context.Context, id queue.ID) error { return s.Quarantine(ctx, id, "the trial says so") },
		release:    s.ReleaseHeld, retry: s.Retry, remove: s.Remove,
		slow: func(ctx context.Context, id queue.ID) error { return s.Slow(ctx, queue.Name{ID: id}, old) },
		back: func(ctx context.Context, id queue.ID) error { return s.Back(ctx, queue.Name{ID: id}) },
		edit: func(ctx context.Context, id queue.ID, change queue.Change) error {
			_, _, err := s.Edit(ctx, id, change)
			return err
		},
		sender: true,
	}
}

// submit hands in one letter to so many recipients; if kept, it is kept back for
// a while, to be taken back.
func (p *powercut) submit(s *queue.Spool, id string, recipients int, kept bool) bool {
	e := &queue.Envelope{From: me}
	var to []string
	for i := range recipients {
		to = append(to, fmt.Sprintf("r%d.%s@trial.example", i, id))
		e.To = append(e.To, queue.Recipient{Address: to[i]})
	}
	if kept {
		e.Grace = later
	}
	p.ledger.submits(id, to...)
	name, err := s.Put(p.t.Context(), e, strings.NewReader(letter(id)))
	p.ledger.submitted(id, name, err == nil, e.Grace > 0)
	return err == nil
}

// emptyInside has all that is queued sent to a server that takes everything.
func (p *powercut) emptyInside(int) {
	p.t.Helper()
	server := &inside{p.receiver(), nil}
	for range 3 { // the reports of one run go with the next
		if _, err := server.runner(p.spool()).Flush(p.t.Context(), nil); err != nil {
			p.t.Error(err)
		}
	}
}
