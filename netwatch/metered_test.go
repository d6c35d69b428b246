package netwatch

import (
	"testing"

	"mailcrane/queue"
)

func wwan0() link { return link{index: 6, name: "wwan0", up: true, carrier: true} }

func metered(l link) link { l.metered = true; return l }

// onTheRoad is a laptop with a modem, and a network of its own by cable.
func onTheRoad() *facts {
	return &facts{
		links: []link{lo(), eth0(), metered(wwan0())},
		addrs: []address{addr(6, "10.64.0.9/30"), addr(2, "192.0.2.9/24")},
		routes: []route{
			via(6, "0.0.0.0/0", "10.64.0.10", 700),
			onto(2, "192.0.2.0/24"),
		},
	}
}

func TestAMeteredWayOutIsKnownByServer(t *testing.T) {
	road := judge(onTheRoad())
	if want := "wwan0 is up, default route via 10.64.0.10, metered"; !road.Metered || road.Reason != want {
		t.Errorf("metered %v, %q, want %q", road.Metered, road.Reason, want)
	}
	both := judge(with(onTheRoad(), func(f *facts) {
		f.routes = append(f.routes, via(2, "0.0.0.0/0", "192.0.2.1", 100))
	}))
	for _, c := range []struct {
		reason string
		state  State
		server string
		want   bool
	}{
		{"anywhere by the modem", road, "smtp.example.org", true},
		{"an address by the modem", road, "203.0.113.25", true},
		{"a neighbour on the cable", road, "192.0.2.25", false},
		{"this machine", road, "localhost", false},
		{"a name on the link", road, "printer.local", false},
		{"the cable is cheaper, and used", both, "smtp.example.org", false},
		{"an address by the cable", both, "203.0.113.25", false},
		{"where no route leads", road, "2001:db8::25", false},
	} {
		if _, got := c.state.verdict(Server{Host: c.server}); got != c.want {
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
		s.happen(with(onTheRoad(), func(f *facts) { f.links[2].metered = false }), nil)
		pass(debounce)
		if !changed(w) {
			t.Error("that it is not metered any more is no change")
		}
		if v := w.Verdict("work"); v.MaxSize != 0 {
			t.Errorf("not metered any more: %+v", v)
		}
	})
}
