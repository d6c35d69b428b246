package watch

import "mailcrane/queue"

// deliveries is what is known of messages on their way.
type deliveries struct{}

// Queue is told of every event of the queue runs.
func (w *Watch) Queue(e queue.Event) {}
