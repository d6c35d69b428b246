//go:build linux || freebsd || netbsd || openbsd || dragonfly

package secret

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/godbus/dbus/v5"
	format "github.com/zalando/go-keyring/secret_service"

	"mailcrane/internal/sessionbus"
)

// Names of the Secret Service API (specifications.freedesktop.org/secret-service).
const (
	serviceName = "org.freedesktop.secrets"
	servicePath = dbus.ObjectPath("/org/freedesktop/secrets")
	service     = "org.freedesktop.Secret.Service"
	collection  = "org.freedesktop.Secret.Collection"
	item        = "org.freedesktop.Secret.Item"
	isLocked    = "org.freedesktop.Secret.Error.IsLocked"
	busError    = "org.freedesktop.DBus.Error."
)

// lookUp finds what go-keyring's Set has stored. It does not call go-keyring's
// Get, which unlocks first, and so opens a prompt, and cannot be called off.
// A connection of its own is closed when ctx ends, and every call with it.
func (k keyring) lookUp(ctx context.Context) ([]byte, error) {
	address, ok := sessionbus.Address(k.getenv)
	if !ok {
		return nil, ErrNoBus
	}
	conn, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	defer hangUp(conn)
	text, err := find(ctx, conn, map[string]string{"service": Service, "username": k.user})
	if e, ok := errors.AsType[dbus.Error](err); ok {
		switch {
		case e.Name == isLocked:
			return nil, ErrLocked
		case e.Name == busError+"ServiceUnknown", e.Name == busError+"NameHasNoOwner", strings.HasPrefix(e.Name, busError+"Spawn."):
			return nil, fmt.Errorf("%w: %w", ErrNoService, e)
		}
	}
	return text, err
}

func dial(ctx context.Context, address string) (*dbus.Conn, error) {
	noBus := func(err error) error { return fmt.Errorf("%w: %w", ErrNoBus, err) }
	// Auth and Hello take no context, but end when the connection does.
	conn, err := dbus.Dial(address, dbus.WithContext(ctx))
	if err != nil {
		return nil, noBus(err)
	}
	if err = conn.Auth(nil); err == nil {
		err = conn.Hello()
	}
	if err != nil {
		hangUp(conn)
		return nil, noBus(err)
	}
	return conn, nil
}

// hangUp closes a connection that nothing is expected from any more.
func hangUp(conn *dbus.Conn) { _ = conn.Close() }

// find is the secret of the item with these attributes, in whichever
// collection: secret-tool and go-keyring do not agree on one.
func find(ctx context.Context, conn *dbus.Conn, attributes map[string]string) ([]byte, error) {
	secrets := conn.Object(serviceName, servicePath)
	var open, locked []dbus.ObjectPath
	if err := secrets.CallWithContext(ctx, service+".SearchItems", 0, attributes).Store(&open, &locked); err != nil {
		return nil, err
	}
	switch {
	case len(open) > 0:
		return read(ctx, conn, secrets, open[0])
	case len(locked) > 0:
		return nil, ErrLocked
	}
	return nil, notFound(ctx, conn, secrets)
}

// notFound is ErrLocked where the default collection is: not every keyring
// says what is in a locked one.
func notFound(ctx context.Context, conn *dbus.Conn, secrets dbus.BusObject) error {
	var path dbus.ObjectPath
	if err := secrets.CallWithContext(ctx, service+".ReadAlias", 0, "default").Store(&path); err != nil {
		return err
	}
	if path == "/" { // a new keyring, with nothing in it
		return ErrNotFound
	}
	var locked dbus.Variant
	if err := conn.Object(serviceName, path).
		CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, collection, "Locked").Store(&locked); err != nil {
		return err
	}
	if locked.Value() == true {
		return ErrLocked
	}
	return ErrNotFound
}

// read gets one item's secret over a session of the algorithm "plain": the
// session bus belongs to the user alone.
func read(ctx context.Context, conn *dbus.Conn, secrets dbus.BusObject, path dbus.ObjectPath) ([]byte, error) {
	var output dbus.Variant
	var session dbus.ObjectPath
	if err := secrets.CallWithContext(ctx, service+".OpenSession", 0, "plain", dbus.MakeVariant("")).Store(&output, &session); err != nil {
		return nil, err
	}
	var stored format.Secret
	if err := conn.Object(serviceName, path).CallWithContext(ctx, item+".GetSecret", 0, session).Store(&stored); err != nil {
		return nil, err
	}
	return stored.Value, nil
}
