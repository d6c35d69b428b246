package netwatch

// A source is one place that knows something of the network: the kernel, and
// in time NetworkManager, a portal check, the sleep of the machine. What a
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
// whenever something may have changed, from before the first Read on.
type opener func(poke func()) ([]source, error)
