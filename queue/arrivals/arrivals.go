// Package arrivals tells a running agent that a message became due: one was
// put, released or marked for retry, by whatever process. The kernel says so;
// nothing polls, and who submits need not know whether an agent runs.
package arrivals

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"mailcrane/queue"
)

// Watch sends on the channel when a message in s became due, once for any
// number that nobody has received yet. The spool's directories must exist; the
// channel is closed when the queue is moved or removed, since the kernel then
// says no more. Watch ends with ctx.
func Watch(ctx context.Context, s *queue.Spool, now func() time.Time, log *slog.Logger) (<-chan struct{}, error) {
	watcher, err := fsnotify.NewBufferedWatcher(64)
	if err != nil {
		return nil, fmt.Errorf("cannot watch for new messages: %w", err)
	}
	if err := watcher.Add(s.QueueDir()); err != nil {
		err = errors.Join(err, watcher.Close())
		return nil, fmt.Errorf("cannot watch %s for new messages: %w", s.QueueDir(), err)
	}
	arrived := make(chan struct{}, 1)
	go func() {
		defer func() {
			if err := watcher.Close(); err != nil {
				log.Debug("closing the watch for new messages", "why", err)
			}
		}()
		for {
			select {
			case <-ctx.Done():
				return
			case event := <-watcher.Events:
				if event.Name == s.QueueDir() && (event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename)) {
					close(arrived)
					return
				}
				if !event.Has(fsnotify.Create) || !due(event.Name, now()) {
					continue
				}
			case err := <-watcher.Errors:
				// The kernel's list overflowed: something came, unseen.
				log.Debug("watching the queue", "why", err)
			}
			select {
			case arrived <- struct{}{}:
			default:
			}
		}
	}()
	return arrived, nil
}

// due keeps the queue run's own renames from waking it: it marks a message as
// on the wire, or gives it a time in the future.
func due(path string, now time.Time) bool {
	name, err := queue.ParseName(filepath.Base(path))
	return err == nil && !name.OnWire && name.Due(now)
}
