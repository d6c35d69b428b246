package netwatch

import "mailcrane/queue"

// A source is one place that knows something of the network: the kernel, and
// in time NetworkManager, a portal check. What a
// source's events say is not looked at. They only poke the Watcher, which then
// has every source fill in its part of the facts anew; so an event that was
// lost, joined or came twice does no harm.
type source interface {
	// Read adds what the source knows now to f. It is not called by two
	// goroutines at once.
	Read(f *facts) error
	// Close ends the events, and returns when no goroutine is left.
	Close() error
}

// An opener opens the sources of a system. They call poke, which never blocks,
// whenever something may have changed, from before the first Read on. The sleeper
// may be nil.
type opener func(poke func()) ([]source, sleeper, error)

// A sleeper knows of the sleep of the machine, after which nothing that was known
// of the network counts.
type sleeper interface {
	// Wakes is how many sleeps are over, and what the last of them was.
	Wakes() (n uint64, last string)
	// Missed says that one is over of which nobody pokes.
	Missed() bool
	// Naps delivers each before it.
	Naps() <-chan queue.Nap
	Close() error
}
