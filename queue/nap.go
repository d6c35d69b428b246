package queue

// A Nap is a sleep of the machine. Whoever tells of it holds the machine awake
// for some seconds, until Ready is called: what is on the wire is answered, or
// broken off cleanly, before that.
type Nap struct {
	// Ready lets the machine sleep. It may be called more than once.
	Ready func()
	// Over is closed when the machine is awake again. Then all is due at once:
	// the network may be another one, and hours may have passed.
	Over <-chan struct{}
}
