// Package arrivals tells a running agent that a message became due: one was
// put, released or marked for retry, or a route that was down is up, by whatever
// process. The kernel says so; nothing polls, and who submits need not know
// whether an agent runs.
package arrivals

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"mailcrane/queue"
)

// Watch sends on the channel when a message in s became due, or a route came up
// on which others may wait, once for any number that nobody has received yet. The spool's directories must exist; the
// channel is closed when a queue is moved or removed, since the kernel then
// says no more. Watch ends with ctx.
func Watch(ctx context.Context, s *queue.Spool, now func() time.Time, log *slog.Logger) (<-chan struct{}, error) {
	watcher, err := fsnotify.NewBufferedWatcher(64)
	if err != nil {
		return nil, fmt.Errorf("cannot watch for new messages: %w", err)
	}
	w := &watch{spool: s, watcher: watcher, now: now, log: log, down: make(map[string]bool)}
	if err := w.addAll(); err != nil {
		return nil, errors.Join(err, watcher.Close())
	}
	arrived := make(chan struct{}, 1)
	go func() {
		defer func() {
			if err := watcher.Close(); err != nil {
				log.Debug("closing the watch for new messages", "why", err)
			}
		}()
		for {
			tell := false
			select {
			case <-ctx.Done():
				return
			case event := <-watcher.Events:
				lost := false
				if tell, lost = w.see(event); lost {
					close(arrived)
					return
				}
			case err := <-watcher.Errors:
				// The kernel's list overflowed: something came, unseen.
				log.Debug("watching the queue", "why", err)
				tell = true
			}
			if !tell {
				continue
			}
			select {
			case arrived <- struct{}{}:
			default:
			}
		}
	}()
	return arrived, nil
}

// A watch is on every directory in which a message may appear.
type watch struct {
	spool   *queue.Spool
	watcher *fsnotify.Watcher
	now     func() time.Time
	log     *slog.Logger
	// needed are those without which there is no queue, slow those in which a
	// slow queue appears as a directory.
	needed, slow []string
	// down are the files of the routes that were last seen down.
	down map[string]bool
}

func (w *watch) addAll() error {
	// Before they are listed, so that none comes in between unseen.
	w.slow = w.spool.SlowDirs()
	for _, dir := range w.slow {
		if err := w.watcher.Add(dir); err != nil {
			return fmt.Errorf("cannot watch %s for new slow queues: %w", dir, err)
		}
	}
	needed, slow, err := w.spool.WatchDirs()
	if err != nil {
		return fmt.Errorf("cannot watch for new messages: %w", err)
	}
	w.needed = needed
	for _, dir := range slices.Concat(needed, slow) {
		if err := w.watcher.Add(dir); err != nil {
			return fmt.Errorf("cannot watch %s for new messages: %w", dir, err)
		}
	}
	if err := w.watcher.Add(w.spool.RoutesDir()); err != nil {
		return fmt.Errorf("cannot watch for routes that come up: %w", err)
	}
	return nil
}

// see takes in what the kernel says: tell is that something may be due, lost
// that a queue has gone.
func (w *watch) see(event fsnotify.Event) (tell, lost bool) {
	switch {
	case slices.Contains(w.needed, event.Name):
		return false, event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename)
	case !event.Has(fsnotify.Create):
		return false, false
	case filepath.Dir(event.Name) == w.spool.RoutesDir():
		return w.cameUp(event.Name), false
	case slices.Contains(w.slow, filepath.Dir(event.Name)):
		// A new slow queue. What came into it before it was watched is not
		// told; so that this is: look.
		if err := w.watcher.Add(event.Name); err != nil {
			w.log.Error("cannot watch a slow queue", "dir", event.Name, "err", err)
		}
		return true, false
	}
	return due(event.Name, w.now()), false
}

// cameUp says that the route of the file was down and is up: whoever was let in,
// what rests because nobody was need not any longer.
func (w *watch) cameUp(path string) bool {
	state, ok := w.spool.RouteStateAt(path)
	if !ok {
		return false
	}
	was := w.down[path]
	if state.Fault == nil {
		delete(w.down, path)
	} else {
		w.down[path] = true
	}
	return was && state.Fault == nil
}

// due keeps the queue run's own renames from waking it: it marks a message as
// on the wire, or gives it a time in the future.
func due(path string, now time.Time) bool {
	name, err := queue.ParseName(filepath.Base(path))
	return err == nil && !name.OnWire && name.Due(now)
}
