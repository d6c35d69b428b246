package bus

import (
	"context"

	"github.com/godbus/dbus/v5"
)

// Properties are an object's, by name.
type Properties map[string]dbus.Variant

// PropertiesOf asks an object of a service for all the properties of one of its
// interfaces. Nobody is started for it.
func PropertiesOf(ctx context.Context, conn *dbus.Conn, service string, path dbus.ObjectPath, iface string) (Properties, error) {
	var all Properties
	err := conn.Object(service, path).
		CallWithContext(ctx, "org.freedesktop.DBus.Properties.GetAll", dbus.FlagNoAutoStart, iface).Store(&all)
	return all, err
}

// Property is one of them, or the zero value where it is of another type or not
// there.
func Property[T any](p Properties, name string) T {
	value, _ := p[name].Value().(T)
	return value
}
