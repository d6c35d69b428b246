//go:build linux || freebsd || netbsd || openbsd || dragonfly

package desktop

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/godbus/dbus/v5"

	"mailcrane/internal/sessionbus"
	"mailcrane/internal/visible"
)

// Names of the Desktop Notifications Specification 1.2.
const (
	serverName = "org.freedesktop.Notifications"
	serverPath = dbus.ObjectPath("/org/freedesktop/Notifications")
)

// mostText bounds a title and a body, in octets.
const mostText = 512

// A server is the desktop's, on the session bus. The connection is there from
// the first notice on, for as long as one is shown.
type server struct {
	getenv func(string) string

	mu    sync.Mutex
	conn  *dbus.Conn
	owner string // the unique name behind serverName; its ids are its own
	can   []string
	shown map[uint32]Notice
}

// New is the desktop of the session that this process is in, or belongs to.
func New(getenv func(string) string) Desktop {
	return &server{getenv: getenv, shown: make(map[uint32]Notice)}
}

// Show shows n.
func (s *server) Show(ctx context.Context, n Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.connect(ctx); err != nil {
		return err
	}
	body := visible.Line(n.Body, mostText)
	if slices.Contains(s.can, "body-markup") {
		body = escaped(body)
	}
	var actions []string
	if slices.Contains(s.can, "actions") {
		for _, a := range n.Actions {
			actions = append(actions, a.Key, a.Label)
		}
	}
	if actions == nil {
		actions = []string{}
	}
	hints := map[string]dbus.Variant{
		"urgency": dbus.MakeVariant(byte(n.Urgency)), "category": dbus.MakeVariant("email"),
		"desktop-entry": dbus.MakeVariant("mailcrane"),
	}
	before := s.shownFor(n.Cause)
	var id uint32
	err := s.conn.Object(serverName, serverPath).CallWithContext(ctx, serverName+".Notify", 0,
		"mailcrane", before, "mail-send", visible.Line(n.Title, mostText), body, actions, hints, int32(-1)).Store(&id)
	if err != nil {
		s.hangUp()
		return fmt.Errorf("%w: %w", ErrNone, err)
	}
	delete(s.shown, before)
	s.shown[id] = n
	return nil
}

// shownFor is the id of what is shown for the cause, 0 for nothing.
func (s *server) shownFor(cause string) uint32 {
	for id, n := range s.shown {
		if n.Cause == cause {
			return id
		}
	}
	return 0
}

// connect sees that there is a connection to a server, and knows what it can.
func (s *server) connect(ctx context.Context) error {
	if s.conn != nil && s.conn.Connected() && s.ask(ctx) == nil {
		return nil
	}
	s.hangUp()
	address, ok := sessionbus.Address(s.getenv)
	if !ok {
		return ErrNone
	}
	none := func(err error) error {
		s.hangUp()
		return fmt.Errorf("%w: %w", ErrNone, err)
	}
	conn, err := dbus.Dial(address, dbus.WithSignalHandler(signals(s.signal)))
	if err != nil {
		return none(err)
	}
	s.conn = conn
	// Auth and Hello take no context, but end when the connection does.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err = conn.Auth(nil); err == nil {
		err = conn.Hello()
	}
	for _, member := range []string{"ActionInvoked", "NotificationClosed"} {
		if err == nil {
			err = conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(serverName), dbus.WithMatchObjectPath(serverPath), dbus.WithMatchMember(member))
		}
	}
	if err == nil {
		err = s.ask(ctx)
	}
	if err != nil {
		return none(err)
	}
	return nil
}

// ask asks the server what it can. Another one than before knows nothing of
// what that one has shown.
func (s *server) ask(ctx context.Context) error {
	if err := s.conn.Object(serverName, serverPath).CallWithContext(ctx, serverName+".GetCapabilities", 0).Store(&s.can); err != nil {
		return err
	}
	var owner string
	if err := s.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, serverName).Store(&owner); err != nil {
		return err
	}
	if owner != s.owner {
		clear(s.shown)
		s.owner = owner
	}
	return nil
}

// hangUp closes the connection, if there is one. The caller holds mu.
func (s *server) hangUp() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
	clear(s.shown)
}

// signals has each signal handed on by the goroutine that reads the connection.
type signals func(*dbus.Signal)

// DeliverSignal satisfies dbus.SignalHandler.
func (s signals) DeliverSignal(_, _ string, signal *dbus.Signal) { go s(signal) }

// signal takes in that an action was chosen, or a notification has gone.
func (s *server) signal(signal *dbus.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if signal.Sender != s.owner || len(signal.Body) < 2 {
		return
	}
	id, ok := signal.Body[0].(uint32)
	n, ours := s.shown[id]
	if !ok || !ours {
		return
	}
	switch signal.Name {
	case serverName + ".ActionInvoked":
		for _, a := range n.Actions {
			if a.Key == signal.Body[1] && a.Do != nil {
				go a.Do()
			}
		}
	case serverName + ".NotificationClosed":
		if delete(s.shown, id); len(s.shown) == 0 {
			s.hangUp() // nothing is to be heard any more
		}
	}
}

// Withdraw takes away what is shown for the cause.
func (s *server) Withdraw(cause string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.shownFor(cause)
	if id == 0 || s.conn == nil {
		return
	}
	s.conn.Object(serverName, serverPath).Go(serverName+".CloseNotification", dbus.FlagNoReplyExpected, nil, id)
	delete(s.shown, id)
}

// Close lets go of the bus.
func (s *server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangUp()
}
