package config

import (
	"runtime"
	"time"
)

// Now is a Queue's Return that gives a message up at once, untried.
const Now time.Duration = -1

// Queue is what can be set of the queue; the names are sendmail's, without
// "Queue" where the type says it.
type Queue struct {
	// Interval is the time between two tries of a message, 0 for the built-in
	// back-off: two minutes, doubling to two hours.
	Interval time.Duration
	// MinAge is the least time between two tries.
	MinAge time.Duration
	// MaxAge, if not 0, makes the pause between two tries as long as the message
	// has been in the queue, this at the most. MinAge does not count then.
	MaxAge time.Duration
	// PlainAge counts the age of a message from its receipt, as sendmail does,
	// and not the time that it was tried for.
	PlainAge bool
	// Return and Warn are when a message is given up, and when its sender is
	// told of the delay; a Warn of 0 is never.
	Return, Warn ByTiming
	// Undo is how long a message that a person hands in is kept back at first.
	Undo time.Duration
	// FutureRelease hands a message for a later time to a server that keeps it
	// until then (RFC 4865); it cannot be taken back from there.
	FutureRelease bool
	// Remember is about how many of the messages that have left the queue are
	// remembered, for explain and queue list --done; 0 is none.
	Remember int

	// Sort is how a queue run is ordered.
	Sort SortOrder
	// MaxRunSize bounds the messages of one queue run; 0 is no bound.
	MaxRunSize int
	// RecipientFactor, ClassFactor and RetryFactor make the priority from the
	// number of recipients, the precedence, and the attempts.
	RecipientFactor, ClassFactor, RetryFactor int64
	// SeparateSessions sends each message over a session of its own.
	SeparateSessions bool
	// HoldExpensive has the mail of expensive accounts wait for a queue run.
	HoldExpensive bool
	// DialDelay is how long after a connection that timed out, the first one of a
	// run, it is tried once more; 0 is never.
	DialDelay time.Duration
	// SingleThread never opens two sessions of one route at once, in no process.
	SingleThread bool

	// LoadLimit is the load average from which on messages wait for their turn,
	// LoadFactor how strongly; RefuseLoad that from which on the listeners take
	// no connection, DelayLoad that from which on they are slow. 0 is never.
	LoadLimit, LoadFactor, RefuseLoad, DelayLoad int64
	// RejectLogInterval is the time between two lines of the log while
	// connections are refused for the load.
	RejectLogInterval time.Duration

	// HostStatus is how long the last failure of a host is believed, and
	// HostStatusDirectory where it is kept for other processes; "" for nowhere.
	HostStatus          time.Duration
	HostStatusDirectory string

	// DoubleBounce gets the reports that cannot be delivered; "" drops them.
	DoubleBounce string
	// PostmasterCopy gets the header of each message that fails; "" for nobody.
	PostmasterCopy string
	// ErrorHeader is what each report begins with: a text, or the whole path of a file
	// with it; "" is nothing.
	ErrorHeader string
	// DeadLetterDrop is a file for what nobody takes, not even DoubleBounce.
	DeadLetterDrop string

	// Slow are the side queues, by the age at which messages go there.
	Slow []SlowQueue
}

// ByTiming is a time for each class of messages.
type ByTiming struct{ Normal, Urgent, NonUrgent, DSN time.Duration }

// A SlowQueue takes the messages that have been in the queue for long.
type SlowQueue struct {
	Name string
	// After is the age, and Attempts the number of tries, from which on a
	// message goes there; 0 is never.
	After    time.Duration
	Attempts int
	// Interval is the time between two runs of it.
	Interval time.Duration
}

// A SortOrder is how a queue run is ordered; the values are the first letters
// of sendmail's words.
type SortOrder byte

// The orders.
const (
	ByPriority     SortOrder = 'p'
	ByHost         SortOrder = 'h'
	ByTime         SortOrder = 't'
	ByFilename     SortOrder = 'f'
	ByModification SortOrder = 'm'
	AtRandom       SortOrder = 'r'
	Unsorted       SortOrder = 'n'
)

// DefaultQueue is sendmail's defaults, but for the pauses between tries, and
// for the age, which counts the time that a message was tried for.
func DefaultQueue() Queue {
	const day = 24 * time.Hour
	all := func(d time.Duration) ByTiming { return ByTiming{d, d, d, d} }
	cpus := int64(runtime.NumCPU())
	return Queue{
		Return: all(5 * day), Warn: all(4 * time.Hour),
		Sort: ByPriority, RecipientFactor: 30_000, ClassFactor: 1800, RetryFactor: 90_000,
		LoadLimit: 8 * cpus, LoadFactor: 600_000, RefuseLoad: 12 * cpus, RejectLogInterval: 3 * time.Hour,
		HostStatus: 30 * time.Minute, DoubleBounce: "postmaster", Remember: 2000,
		FutureRelease: true,
	}
}

// DefaultSlow is the name of the slow queue that there is without any setting,
// for a person who moves messages there.
const DefaultSlow = "slow"

// defaultSlowInterval is the time between two runs of a slow queue that says
// none of its own.
const defaultSlowInterval = 4 * time.Hour

// SlowQueue is the slow queue of that name. One that is not set is run every
// four hours, and no message goes there by itself.
func (q Queue) SlowQueue(name string) SlowQueue {
	for _, s := range q.Slow {
		if s.Name == name {
			if s.Interval <= 0 {
				s.Interval = defaultSlowInterval
			}
			return s
		}
	}
	return SlowQueue{Name: name, Interval: defaultSlowInterval}
}

// SlowFor is the slow queue for a message that stands in the slow queue in, or
// in none (""), is that old, and was tried that often: of those that it has
// come to, the last by age. ok is false where it is to stay: no message goes
// back by itself, nor leaves a slow queue that is not set, where a person has
// put it.
func (q Queue) SlowFor(in string, age time.Duration, attempts int) (to SlowQueue, ok bool) {
	standing := in == ""
	at := SlowQueue{}
	for _, s := range q.Slow {
		if s.Name == in {
			standing, at = true, s
		}
	}
	for _, s := range q.Slow {
		come := s.After > 0 && age >= s.After || s.Attempts > 0 && attempts >= s.Attempts
		if come && (in == "" || at.before(s)) && (!ok || to.before(s)) {
			to, ok = q.SlowQueue(s.Name), true
		}
	}
	return to, ok && standing
}

// before says that messages come to s before they come to t.
func (s SlowQueue) before(t SlowQueue) bool {
	if s.After != t.After {
		return s.After < t.After
	}
	return s.Attempts < t.Attempts
}
