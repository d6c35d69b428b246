package netwatch

import (
	"testing"

	"mailcrane/netwatch/network"
	"mailcrane/queue"
)

func TestAMeteredWayOutIsKnownByServer(t *testing.T) {
	anywhere := to("0.0.0.0/0")
	both := with(onTheRoad(), func(n *network.State) {
		n.Metered, n.Nets = false, append([]network.Destination{anywhere}, n.Nets[1:]...)
	})
	for _, c := range []struct {
		reason string
		state  network.State
		server string
		want   bool
	}{
		{"anywhere by the modem", onTheRoad(), "smtp.example.org", true},
		{"an address by the modem", onTheRoad(), "203.0.113.25", true},
		{"a neighbour on the cable", onTheRoad(), "192.0.2.25", false},
		{"this machine", onTheRoad(), "localhost", false},
		{"a name on the link", onTheRoad(), "printer.local", false},
		{"the cable is cheaper, and used", both, "smtp.example.org", false},
		{"an address by the cable", both, "203.0.113.25", false},
		{"where no route leads", onTheRoad(), "2001:db8::25", false},
	} {
		if _, got := (Server{Host: c.server}).verdict(c.state); got != c.want {
			t.Errorf("%s: metered %v", c.reason, got)
		}
	}
}

func TestAVerdictHasTheBoundOfItsRoute(t *testing.T) {
	o := Options{Bound: func(r queue.Route, metered bool) int64 {
		if r == "work" && metered {
			return 1000
		}
		return 0
	}}
	scripted(t, o, func(t *testing.T, s *script, w *Watcher) {
		s.happen(onTheRoad(), nil)
		if v := w.Verdict("work"); v.MaxSize != 1000 || !v.Try {
			t.Errorf("by the modem: %+v", v)
		}
		if v := w.Verdict("home"); v.MaxSize != 0 {
			t.Errorf("another account: %+v", v)
		}
		changed(w)
		s.happen(with(onTheRoad(), func(n *network.State) { n.Metered, n.Ways = false, [32]byte{6} }), nil)
		pass(debounce)
		if !changed(w) {
			t.Error("that it is not metered any more is no change")
		}
		if v := w.Verdict("work"); v.MaxSize != 0 {
			t.Errorf("not metered any more: %+v", v)
		}
	})
}
