package network

import (
	"testing"
	"time"

	"mailcrane/netwatch/bus"
)

// A listener is a source on a bus, with its pokes.
type listener struct {
	onBus
	t     *testing.T
	pokes chan struct{}
}

func listen(t *testing.T, s bus.Service[picture], address string) *listener {
	l := &listener{t: t, pokes: make(chan struct{}, 1)}
	poke := func() {
		select {
		case l.pokes <- struct{}{}:
		default:
		}
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
	l.onBus = onBus{bus.Follow(s, bus.System, poke)}
	t.Cleanup(func() { l.Close() })
	return l
}

// sees waits until what is said is as wanted. Its deadline is no measure, only an
// end.
func (l *listener) sees(want string, is func(*facts) bool) {
	l.t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		f := atHome()
		if err := l.Read(f); err != nil {
			l.t.Fatal(err)
		}
		if is(f) {
			return
		}
		select {
		case <-l.pokes:
		case <-deadline:
			l.t.Fatalf("not seen within 10 s: %s; facts are %+v", want, f)
		}
	}
}
