// Package bus keeps in mind what services of the system bus (D-Bus) say, and looks
// again when a signal says that it may be something else. What is said is never
// taken from a signal. Neither a service nor a bus that hangs, or is not there,
// holds anybody up.
package bus

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	// firstWait is how long the first Said waits for what a service says: a
	// command that looks once should know what a VPN or a metered link is too. A
	// service that is well answers within a tenth of it.
	firstWait = 300 * time.Millisecond
	// answerTime is how long what a service said before counts while it does not
	// answer.
	answerTime = 5 * time.Second
	// redial is the shortest time between two attempts at a bus that is not there.
	redial = 30 * time.Second
	// busPause is the shortest time from the end of one look at a service to the
	// beginning of the next: a connection that comes up is a dozen signals.
	busPause = 20 * time.Millisecond
)

// A Service is a name on the system bus behind which somebody knows something, T.
type Service[T any] struct {
	Name string
	// Signals are those after which Look may find something else, and no others: each
	// of them wakes this process up.
	Signals [][]dbus.MatchOption
	// Look asks for everything anew. What it returns is compared with
	// reflect.DeepEqual, and not changed after it. The zero T is nothing.
	Look func(ctx context.Context, conn *dbus.Conn) (T, error)
	// Patience is how long Look may take before what was said no longer counts; 0
	// is five seconds.
	Patience time.Duration
}

// A Dialer connects to a bus, until ctx ends. It calls signalled for each signal.
type Dialer func(ctx context.Context, signalled func()) (*dbus.Conn, error)

// A Follower keeps in mind what a service has said last. The service may come and
// go at any time, and so may the bus.
type Follower[T any] struct {
	service Service[T]
	dial    Dialer
	poke    func()
	cancel  context.CancelFunc
	events  chan struct{} // holds one: a signal came since the last look
	again   chan struct{} // holds one: somebody wants to know, and there was no bus
	done    chan struct{}
	first   chan struct{} // closed when it is known for the first time what is said
	opened  time.Time

	mu     sync.Mutex
	said   T
	absent time.Time // since when there has been no bus; the zero time: there is one, or it is tried
}

// Follow follows a service until Close. It calls poke, which must not block, when
// the service says something else.
func Follow[T any](s Service[T], dial Dialer, poke func()) *Follower[T] {
	ctx, cancel := context.WithCancel(context.Background())
	f := &Follower[T]{
		service: s, dial: dial, poke: poke, cancel: cancel,
		events: make(chan struct{}, 1), again: make(chan struct{}, 1),
		done: make(chan struct{}), first: make(chan struct{}), opened: time.Now(),
	}
	go f.run(ctx)
	return f
}

// System connects to the bus that DBUS_SYSTEM_BUS_ADDRESS names, or the
// system's own.
func System(ctx context.Context, signalled func()) (*dbus.Conn, error) {
	return dbus.ConnectSystemBus(dbus.WithContext(ctx), dbus.WithSignalHandler(signals(signalled)))
}

// signals has a signal do no more than call it.
type signals func()

// DeliverSignal satisfies dbus.SignalHandler. It is called by the goroutine that reads
// the connection.
func (s signals) DeliverSignal(string, string, *dbus.Signal) { s() }

// Said is what the service said last; the zero T is nothing. Nobody is asked for
// it, but the first Said waits a moment for the first answer. Where there was no
// bus it has one looked for, now and then: who asks has heard that something
// changed, and perhaps not alone.
func (f *Follower[T]) Said() T {
	select {
	case <-f.first:
	default:
		f.await()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.absent.IsZero() && time.Since(f.absent) >= redial {
		raise(f.again)
	}
	return f.said
}

// Again has the service looked at anew, as after a signal. It does not block.
func (f *Follower[T]) Again() { raise(f.events) }

// await waits for the first answer, within firstWait of the opening.
func (f *Follower[T]) await() {
	timer := time.NewTimer(time.Until(f.opened.Add(firstWait)))
	defer timer.Stop()
	select {
	case <-f.first:
	case <-timer.C:
	}
}

// Close hangs up, and returns when no goroutine is left.
func (f *Follower[T]) Close() error {
	f.cancel()
	<-f.done
	return nil
}

func (f *Follower[T]) run(ctx context.Context) {
	defer close(f.done)
	defer f.cancel()
	for ctx.Err() == nil {
		f.follow(ctx)
		f.say(f.nothing())
		f.setAbsent(time.Now())
		select {
		case <-ctx.Done():
		case <-f.again:
			f.setAbsent(time.Time{})
		}
	}
}

func (f *Follower[T]) setAbsent(at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.absent = at
}

// say makes said what the service says, and pokes if that is something else.
func (f *Follower[T]) say(said T) {
	f.mu.Lock()
	same := reflect.DeepEqual(f.said, said)
	f.said = said
	f.mu.Unlock()
	select {
	case <-f.first:
	default:
		close(f.first) // Said may have given up waiting
	}
	if !same {
		f.poke()
	}
}

// nothing is what a service says that is not there.
func (f *Follower[T]) nothing() (zero T) { return zero }

// follow connects, and keeps what is said true until the bus is gone.
func (f *Follower[T]) follow(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := f.dial(ctx, f.Again)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	// Before the first look, so that no change falls between the two.
	if f.subscribe(ctx, conn) != nil {
		return
	}
	for {
		select {
		case <-f.events: // what has come so far is seen by the look
		default:
		}
		f.look(ctx, conn)
		if !rest(ctx, conn, busPause) {
			return
		}
		select {
		case <-conn.Context().Done():
			return
		case <-f.events:
		}
	}
}

// rest waits for d, and says whether the connection is still there.
func rest(ctx context.Context, conn *dbus.Conn, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-conn.Context().Done():
		return false
	case <-timer.C:
		return true
	}
}

// subscribe asks for the service's signals, and to be told when it comes or goes.
func (f *Follower[T]) subscribe(ctx context.Context, conn *dbus.Conn) error {
	owner := []dbus.MatchOption{
		dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, f.service.Name),
	}
	err := conn.AddMatchSignalContext(ctx, owner...)
	for _, s := range f.service.Signals {
		if err != nil {
			break
		}
		err = conn.AddMatchSignalContext(ctx, append(s, dbus.WithMatchSender(f.service.Name))...)
	}
	return err
}

// look has the service say everything anew. One that does not answer in time says
// nothing any more; its answer is waited for all the same. Where the service or the
// bus ends meanwhile, the bus or the connection answers in its place.
func (f *Follower[T]) look(ctx context.Context, conn *dbus.Conn) {
	short, cancel := context.WithTimeout(ctx, cmp.Or(f.service.Patience, answerTime))
	defer cancel()
	said, err := f.service.Look(short, conn)
	if errors.Is(err, context.DeadlineExceeded) {
		f.say(f.nothing())
		said, err = f.service.Look(ctx, conn)
	}
	if err != nil {
		said = f.nothing()
	}
	f.say(said)
}

// raise puts a value into a channel that holds one, if there is none yet.
func raise(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
