package slumber

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"mailcrane/netwatch/bus"
)

const (
	login1     = "org.freedesktop.login1"
	login1Path = dbus.ObjectPath("/org/freedesktop/login1")
	login1Face = login1 + ".Manager"
)

// logind holds the machine awake for some seconds before each sleep, by a delay
// inhibitor (org.freedesktop.login1(5)), and tells of the sleep. Its signals are
// not believed, since any user may send one: they have it asked whether a sleep
// is being prepared, which is so from before the sleep until after it.
type logind struct {
	*bus.Follower[struct{}]
	watch *Watch

	mu sync.Mutex
	// conn is the connection that is followed, or nil.
	conn *dbus.Conn
	// lock keeps the machine awake, nil where it could not be had.
	lock *inhibitor
	// asleep: a sleep is being prepared, or under way.
	asleep bool
}

// An inhibitor holds the machine awake until it is given back.
type inhibitor struct {
	once sync.Once
	fd   dbus.UnixFD
}

// release may be called more than once, from any goroutine.
func (i *inhibitor) release() {
	if i != nil {
		i.once.Do(func() { _ = unix.Close(int(i.fd)) })
	}
}

func openLogind(w *Watch, dial bus.Dialer) *logind {
	l := &logind{watch: w}
	signals := [][]dbus.MatchOption{{
		dbus.WithMatchObjectPath(login1Path), dbus.WithMatchInterface(login1Face), dbus.WithMatchMember("PrepareForSleep"),
	}}
	ready := make(chan struct{}) // closed when l is whole
	look := func(ctx context.Context, conn *dbus.Conn) (said struct{}, err error) {
		<-ready
		return said, l.look(ctx, conn)
	}
	l.Follower = bus.Follow(bus.Service[struct{}]{Name: login1, Signals: signals, Look: look}, dial, func() {})
	w.hear, w.again = func() { l.Said() }, l.Again
	close(ready)
	return l
}

// Close lets the machine sleep when it likes.
func (l *logind) Close() error {
	err := l.Follower.Close()
	l.mu.Lock()
	conn := l.conn
	l.mu.Unlock()
	if conn != nil {
		l.lose(conn)
	}
	return err
}

// look asks whether a sleep is being prepared, and holds the machine awake for
// the next one where none is.
func (l *logind) look(ctx context.Context, conn *dbus.Conn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != conn {
		l.conn = conn
		context.AfterFunc(conn.Context(), func() { l.lose(conn) })
	}
	manager, err := bus.PropertiesOf(ctx, conn, login1, login1Path, login1Face)
	switch preparing := bus.Property[bool](manager, "PreparingForSleep"); {
	case errors.Is(err, context.DeadlineExceeded):
		// Around a sleep logind may be slow. It is asked again when it answers.
	case err != nil:
		l.woken() // of which nobody would tell
	case preparing && !l.asleep:
		l.asleep = true
		most := min(bus.Property[uint64](manager, "InhibitDelayMaxUSec"), uint64(time.Hour/time.Microsecond))
		l.watch.lie(time.Duration(most)*time.Microsecond, l.lock.release)
	case !preparing:
		l.woken()
		l.hold(ctx, conn)
	}
	return err
}

// lose is called when the connection is gone, and nobody tells any more.
func (l *logind) lose(conn *dbus.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == conn {
		l.conn = nil
		l.woken()
		l.lock.release()
		l.lock = nil
	}
}

// woken ends the sleep under way, and lets go of what was held until then.
func (l *logind) woken() {
	if l.asleep {
		l.lock.release()
		l.asleep, l.lock = false, nil
		l.watch.rise()
	}
}

// hold takes the inhibitor, if it is not held. It outlives a restart of logind.
func (l *logind) hold(ctx context.Context, conn *dbus.Conn) {
	if l.lock != nil {
		return
	}
	lock := &inhibitor{}
	call := conn.Object(login1, login1Path).CallWithContext(ctx, login1Face+".Inhibit", dbus.FlagNoAutoStart,
		"sleep", "mailcrane", "lets the message on the wire end, or breaks it off", "delay")
	if err := call.Store(&lock.fd); err != nil {
		l.watch.log.Info("the machine will not wait for a message on the wire before it sleeps", "why", err)
		return
	}
	// A program that we start must not keep the machine awake.
	unix.CloseOnExec(int(lock.fd))
	l.lock = lock
}
