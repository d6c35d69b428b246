package queue

import (
	"context"
	"errors"
	"time"
)

// A Nap is a sleep of the machine. Whoever tells of it holds the machine awake
// for some seconds, until Ready is called: what is on the wire is answered, or
// broken off cleanly, before that.
type Nap struct {
	// Ready lets the machine sleep. It may be called more than once.
	Ready func()
	// Over is closed when the machine is awake again. Then all is due at once:
	// the network may be another one, and hours may have passed.
	Over <-chan struct{}
	// Within is how long the machine can be held awake; 0 means 5 s, which is
	// what logind waits unless it is told otherwise (InhibitDelayMaxSec of
	// logind.conf(5)).
	Within time.Duration
}

// usualWithin is Nap.Within where that is 0.
const usualWithin = 5 * time.Second

// A bedtime is why the sessions of a day end: the machine is about to sleep.
type bedtime struct{ within time.Duration }

func (bedtime) Error() string { return "the machine is about to sleep" }

// answers is how long an answer to what is on the wire is awaited. What is left
// then is for breaking off, and for writing down what became of it.
func (b bedtime) answers() time.Duration { return min(b.within*3/5, stopGrace) }

// farewell is how long the server's farewell is awaited after that.
func (b bedtime) farewell() time.Duration { return min(b.within/10, quitGrace) }

// answerGrace is how long what is on the wire has for its answers when its
// context has ended for that cause.
func answerGrace(cause error) time.Duration {
	if b, ok := errors.AsType[bedtime](cause); ok {
		return b.answers()
	}
	return stopGrace
}

// farewellGrace is how long the server then has for its farewell.
func farewellGrace(cause error) time.Duration {
	if b, ok := errors.AsType[bedtime](cause); ok {
		return b.farewell()
	}
	return quitGrace
}

// A day is the time between two sleeps of the machine. Sessions do not outlive
// the one that they were opened in.
type day struct {
	ctx context.Context //nolint:containedctx // that of the day's carriers
	end context.CancelCauseFunc
	// nap has ended it, or is nil.
	nap *Nap
}

func newDay(ctx context.Context) *day {
	d := &day{}
	d.ctx, d.end = context.WithCancelCause(ctx)
	return d
}

// turnIn ends the day for a nap: no message is begun any more. A nap that comes
// during another one takes its place.
func (d *day) turnIn(n Nap) {
	within := n.Within
	if within <= 0 {
		within = usualWithin
	}
	d.nap = &n
	d.end(bedtime{within})
}

// asleep says that nothing is to be begun.
func (d *day) asleep() bool { return d.nap != nil }

// morning is closed when the nap is over. It is nil while there is none.
func (d *day) morning() <-chan struct{} {
	if d.nap == nil {
		return nil
	}
	return d.nap.Over
}

// alarm is when a timer is to fire for wake: in a nap never, since such a timer
// stands still with the machine.
func (d *day) alarm(wake time.Time) time.Time {
	if d.asleep() {
		return time.Time{}
	}
	return wake
}

// settle says that nothing of ours needs the machine awake.
func (d *day) settle() {
	if d.nap != nil && d.nap.Ready != nil {
		d.nap.Ready()
	}
}
