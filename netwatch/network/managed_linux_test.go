package network

import (
	"slices"
	"testing"
	"time"

	"mailcrane/internal/lab"
	"mailcrane/netwatch/bus"
)

// watchAlso watches the laptop, and what a service of its bus says.
func (l *laptop) watchAlso(s bus.Service[picture], address string) *watch {
	l.t.Helper()
	l.t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
	return l.watch(func(poke func()) source { return onBus{bus.Follow(s, bus.System, poke)} })
}

// Coverage: networkmanager.
func TestWhatNetworkManagerKnowsIsNoticed(t *testing.T) {
	l := newLaptop(t)
	m := lab.NewNetworkManager(t, l.Network)
	w := l.watchAlso(networkManager(), m.Bus())
	const home = "eth0 is up, default route via " + lab.GatewayIP
	if s := w.State(); s.Reason != home || s.Connection != lab.LAN || s.Metered || s.Portal || s.VPN != nil {
		t.Errorf("at first it is %+v", s)
	}
	var took []time.Duration
	step := func(what string, do func(), is func(State) bool) {
		t.Helper()
		began := time.Now()
		do()
		done := time.Now()
		w.notices(what, is)
		t.Logf("%-36s took %8v, noticed %8v later", what,
			done.Sub(began).Round(10*time.Microsecond), time.Since(done).Round(10*time.Microsecond))
		took = append(took, time.Since(done))
	}
	step("a portal", m.Capture, func(s State) bool {
		return s.Portal && s.Reason == home+", a captive portal in the way, says NetworkManager"
	})
	step("the portal opens", m.Release, func(s State) bool { return !s.Portal })
	step("it costs", func() { m.Meter("yes") }, func(s State) bool { return s.Metered && s.Reason == home+", metered" })
	step("it does not", func() { m.Meter("no") }, func(s State) bool { return !s.Metered })
	step("a tunnel", func() { m.Tunnel("office") }, func(s State) bool { return slices.Equal(s.VPN, []string{"office"}) })
	step("no tunnel", func() { m.Nmcli("connection", "down", "office") }, func(s State) bool { return s.VPN == nil })
	step("a VPN of a plugin's", func() { m.VPN("client") }, func(s State) bool {
		return slices.Contains(s.VPN, "client") && s.Connection == lab.LAN
	})
	step("no VPN", func() { m.Nmcli("connection", "down", "client") }, func(s State) bool { return !slices.Contains(s.VPN, "client") })
	step("another connection", m.Rename, func(s State) bool { return s.Connection == lab.LAN+" 2" })
	step("the old one", func() { m.Nmcli("connection", "up", lab.LAN) }, func(s State) bool { return s.Connection == lab.LAN })
	step("NetworkManager ends", m.Stop, func(s State) bool { return s.Connection == "" && s.Reason == home })
	step("NetworkManager is back", m.Start, func(s State) bool { return s.Connection == lab.LAN })
	step("the far end is gone", l.PlugOut, func(s State) bool { return s.Level != Way && s.Connection == "" })
	step("the far end is back", l.PlugIn, func(s State) bool { return s.Level == Way && s.Connection == lab.LAN })
	step("the connection is ended", func() { m.Nmcli("connection", "down", lab.LAN) }, func(s State) bool { return s.Level != Way })
	step("the connection is made", func() { m.Nmcli("connection", "up", lab.LAN) }, func(s State) bool { return s.Level == Way && s.Connection == lab.LAN })
	slices.Sort(took)
	t.Logf("median %v, most %v", took[len(took)/2], took[len(took)-1])
}

// Coverage: networkmanager.
func TestANetworkManagerThatHangsHoldsNothingUp(t *testing.T) {
	l := newLaptop(t)
	m := lab.NewNetworkManager(t, l.Network)
	w := l.watchAlso(networkManager(), m.Bus())
	w.notices("NetworkManager", func(s State) bool { return s.Connection == lab.LAN })
	m.Hang()
	for range 5 {
		began := time.Now()
		l.ip("route del default")
		w.notices("no route", func(s State) bool { return s.Level == LinkOnly })
		l.ip("route add default via " + lab.GatewayIP)
		w.notices("the route", func(s State) bool { return s.Level == Way && s.Connection == lab.LAN })
		t.Logf("down and up: %v", time.Since(began))
	}
	late := l.watchAlso(networkManager(), m.Bus())
	if s := late.State(); s.Level != Way || s.Connection != "" {
		t.Errorf("one that comes while it hangs knows %+v", s)
	}
	m.Wake()
	late.notices("NetworkManager wakes", func(s State) bool { return s.Connection == lab.LAN })
}
