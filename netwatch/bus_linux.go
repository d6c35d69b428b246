package netwatch

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
	// firstWait is how long the first Read waits for what a service says: a
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

// A service is a name on the system bus behind which somebody knows something
// of the network.
type service struct {
	name string
	// signals are those after which look may find something else, and no others: each
	// of them wakes this process up.
	signals [][]dbus.MatchOption
	// look asks for everything anew.
	look func(ctx context.Context, conn *dbus.Conn) (picture, error)
	// patience is how long look may take before what was said no longer counts; 0
	// is answerTime.
	patience time.Duration
}

// A picture is what a service says of the network. It is compared with
// reflect.DeepEqual, and not changed after look.
type picture interface {
	// fill adds it to the facts, in which the kernel's word stands already.
	fill(f *facts)
}

// A busDialer connects to the system bus, until ctx ends. It calls signalled for
// each signal.
type busDialer func(ctx context.Context, signalled func()) (*dbus.Conn, error)

// onBus is the source that keeps in mind what a service of the system bus has said
// last. Read copies that and asks nobody, so that neither a service nor a bus that
// hangs holds up what the kernel knows. The service may come and go at any time, and
// so may the bus.
type onBus struct {
	service service
	dial    busDialer
	poke    func()
	cancel  context.CancelFunc
	events  chan struct{} // holds one: a signal came since the last look
	again   chan struct{} // holds one: somebody wants to know, and there was no bus
	done    chan struct{}
	first   chan struct{} // closed when it is known for the first time what is said
	opened  time.Time

	mu     sync.Mutex
	said   picture   // nil: nothing
	absent time.Time // since when there has been no bus; the zero time: there is one, or it is tried
}

func openOnBus(s service, dial busDialer, poke func()) *onBus {
	ctx, cancel := context.WithCancel(context.Background())
	b := &onBus{
		service: s, dial: dial, poke: poke, cancel: cancel,
		events: make(chan struct{}, 1), again: make(chan struct{}, 1),
		done: make(chan struct{}), first: make(chan struct{}), opened: time.Now(),
	}
	go b.run(ctx)
	return b
}

// systemBus connects to the bus that DBUS_SYSTEM_BUS_ADDRESS names, or the
// system's own.
func systemBus(ctx context.Context, signalled func()) (*dbus.Conn, error) {
	return dbus.ConnectSystemBus(dbus.WithContext(ctx), dbus.WithSignalHandler(signals(signalled)))
}

// signals has a signal do no more than call it.
type signals func()

// DeliverSignal satisfies dbus.SignalHandler. It is called by the goroutine that reads
// the connection.
func (s signals) DeliverSignal(string, string, *dbus.Signal) { s() }

// Read adds what the service said last. Where there was no bus it has one looked
// for, now and then; the network has changed, and perhaps not alone.
func (b *onBus) Read(f *facts) error {
	select {
	case <-b.first:
	default:
		b.await()
	}
	b.mu.Lock()
	said, absent := b.said, b.absent
	b.mu.Unlock()
	if said != nil {
		said.fill(f)
	}
	if !absent.IsZero() && time.Since(absent) >= redial {
		raise(b.again)
	}
	return nil
}

// await waits for the first picture, within firstWait of the opening.
func (b *onBus) await() {
	timer := time.NewTimer(time.Until(b.opened.Add(firstWait)))
	defer timer.Stop()
	select {
	case <-b.first:
	case <-timer.C:
	}
}

// Close hangs up.
func (b *onBus) Close() error {
	b.cancel()
	<-b.done
	return nil
}

func (b *onBus) run(ctx context.Context) {
	defer close(b.done)
	defer b.cancel()
	for ctx.Err() == nil {
		b.follow(ctx)
		b.say(nil)
		b.setAbsent(time.Now())
		select {
		case <-ctx.Done():
		case <-b.again:
			b.setAbsent(time.Time{})
		}
	}
}

func (b *onBus) setAbsent(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.absent = at
}

// say makes p what the service says, and pokes if that is something else.
func (b *onBus) say(p picture) {
	b.mu.Lock()
	same := reflect.DeepEqual(b.said, p)
	b.said = p
	b.mu.Unlock()
	select {
	case <-b.first:
		if !same {
			b.poke()
		}
	default:
		close(b.first)
		// Read may have given up waiting.
		if p != nil {
			b.poke()
		}
	}
}

// follow connects, and keeps the picture true until the bus is gone.
func (b *onBus) follow(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := b.dial(ctx, func() { raise(b.events) })
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	// Before the first look, so that no change falls between the two.
	if b.subscribe(ctx, conn) != nil {
		return
	}
	for {
		select {
		case <-b.events: // what has come so far is seen by the look
		default:
		}
		b.look(ctx, conn)
		if !rest(ctx, conn, busPause) {
			return
		}
		select {
		case <-conn.Context().Done():
			return
		case <-b.events:
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
func (b *onBus) subscribe(ctx context.Context, conn *dbus.Conn) error {
	owner := []dbus.MatchOption{
		dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, b.service.name),
	}
	err := conn.AddMatchSignalContext(ctx, owner...)
	for _, s := range b.service.signals {
		if err != nil {
			break
		}
		err = conn.AddMatchSignalContext(ctx, append(s, dbus.WithMatchSender(b.service.name))...)
	}
	return err
}

// look has the service say everything anew. One that does not answer in time says
// nothing any more; its answer is waited for all the same. Where the service or the
// bus ends meanwhile, the bus or the connection answers in its place.
func (b *onBus) look(ctx context.Context, conn *dbus.Conn) {
	short, cancel := context.WithTimeout(ctx, cmp.Or(b.service.patience, answerTime))
	defer cancel()
	p, err := b.service.look(short, conn)
	if errors.Is(err, context.DeadlineExceeded) {
		b.say(nil)
		p, err = b.service.look(ctx, conn)
	}
	if err != nil {
		p = nil
	}
	b.say(p)
}

// raise puts a value into a channel that holds one, if there is none yet.
func raise(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// propertiesOf asks an object for all the properties of one of its interfaces. Nobody
// is started for it.
func propertiesOf(ctx context.Context, conn *dbus.Conn, service string, path dbus.ObjectPath, iface string) (properties, error) {
	var all properties
	err := conn.Object(service, path).
		CallWithContext(ctx, "org.freedesktop.DBus.Properties.GetAll", dbus.FlagNoAutoStart, iface).Store(&all)
	return all, err
}

// properties are an object's, by name.
type properties map[string]dbus.Variant

// property is one of them, or the zero value where it is of another type or not
// there.
func property[T any](p properties, name string) T {
	value, _ := p[name].Value().(T)
	return value
}
