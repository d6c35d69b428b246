package arrivals

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fsnotify/fsnotify"

	"mailcrane/queue"
)

// Departures calls f whenever a file leaves a queue that is there now, a
// renamed one included, until ctx ends.
func Departures(ctx context.Context, s *queue.Spool, f func()) error {
	watcher, err := fsnotify.NewBufferedWatcher(64)
	if err != nil {
		return fmt.Errorf("cannot watch for messages that leave: %w", err)
	}
	queues, slow, err := s.WatchDirs()
	for _, dir := range slices.Concat(queues, slow) {
		if err == nil {
			err = watcher.Add(dir)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot watch for messages that leave: %w", err), watcher.Close())
	}
	go func() {
		defer watcher.Close()
		for {
			select {
			case <-ctx.Done():
				return
			case event := <-watcher.Events:
				if event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename) {
					f()
				}
			case <-watcher.Errors: //nolint:errcheck // it overflowed: something left, unseen
				f()
			}
		}
	}()
	return nil
}
