package network

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheWayOutIsSeenToGoAndToComeBack(t *testing.T) {
	l := newLaptop(t)
	w := l.watch()
	steps := []struct {
		what  string
		run   func(lines ...string)
		lines []string
		want  string // the reason
	}{
		{"no address", l.ip, nil, "eth0 is up, but has no address"},
		{"address comes", l.ip, []string{"addr add 198.51.100.9/24 dev eth0"}, "eth0 is up, but there is no default route"},
		{"route comes", l.ip, []string{"route add default via 198.51.100.1"}, "eth0 is up, default route via 198.51.100.1"},
		{"route goes", l.ip, []string{"route del default"}, "eth0 is up, but there is no default route"},
		{"route comes back", l.ip, []string{"route add default via 198.51.100.1"}, "eth0 is up, default route via 198.51.100.1"},
		{"gateway changes", l.ip, []string{"route replace default via 198.51.100.254"}, "eth0 is up, default route via 198.51.100.254"},
		{"address goes", l.ip, []string{"addr del 198.51.100.9/24 dev eth0"}, "eth0 is up, but has no address"},
		{
			"address and route come back", l.ip,
			[]string{"addr add 198.51.100.9/24 dev eth0", "route add default via 198.51.100.1"},
			"eth0 is up, default route via 198.51.100.1",
		},
		{"far end goes", l.far, []string{"link set up0 down"}, "no network: no interface is up (eth0 is not connected)"},
		{"far end comes back", l.far, []string{"link set up0 up"}, "eth0 is up, default route via 198.51.100.1"},
		{"near end goes", l.ip, []string{"link set eth0 down"}, "no network: no interface is up (eth0 is switched off)"},
		{
			"near end comes back", l.ip,
			[]string{"link set eth0 up", "route add default via 198.51.100.1"},
			"eth0 is up, default route via 198.51.100.1",
		},
		{
			"IPv6 alone", l.ip,
			[]string{"addr flush dev eth0", "addr add 2001:db8:1::9/64 dev eth0 nodad", "route add default via 2001:db8:1::1"},
			"eth0 is up, default route via 2001:db8:1::1",
		},
		{"IPv6 is forbidden", l.ip6, []string{"rule add prohibit priority 10"}, "eth0 is up, but there is no default route"},
		{"IPv6 is allowed again", l.ip6, []string{"rule del prohibit priority 10"}, "eth0 is up, default route via 2001:db8:1::1"},
		{
			"one network, not the world", l.ip,
			[]string{"route del default via 2001:db8:1::1", "route add 2001:db8:ff::/48 via 2001:db8:1::1"},
			"eth0 is up, no default route, but one to 2001:db8:ff::/48 via 2001:db8:1::1",
		},
		{"the link is taken away", l.ip, []string{"link del eth0"}, "no network: there is no interface but loopback"},
	}
	for _, s := range steps {
		began := time.Now()
		s.run(s.lines...)
		ran := time.Since(began)
		w.notices(s.what, func(st State) bool { return st.Reason == s.want })
		t.Logf("%-28s ip ran %8v, noticed %8v after it began", s.what,
			ran.Round(10*time.Microsecond), time.Since(began).Round(10*time.Microsecond))
	}
}

func TestARoamingMachineIsAChangeThoughTheWordsStay(t *testing.T) {
	l := newLaptop(t)
	l.ip("addr add 198.51.100.9/24 dev eth0", "route add default via 198.51.100.1")
	w := l.watch()
	before := w.State()
	l.ip("addr del 198.51.100.9/24 dev eth0", "addr add 198.51.100.11/24 dev eth0", "route add default via 198.51.100.1")
	w.notices("the new address", func(s State) bool {
		return s.Source.String() == "198.51.100.11" && s.Reason == before.Reason
	})
	if after := w.State(); after.Same(before) {
		t.Errorf("another address is no change: %+v, %+v", before, after)
	}
}

func TestALinkThatWentAndCameBackUnseenIsAChange(t *testing.T) {
	l := newLaptop(t)
	l.ip("addr add 198.51.100.9/24 dev eth0", "route add default via 198.51.100.1")
	k := l.kernel(func() {})
	defer k.Close()
	look := func() State {
		var f facts
		if err := k.Read(&f); err != nil {
			t.Fatal(err)
		}
		return judge(&f)
	}
	before := look()
	l.far("link set up0 down", "link set up0 up")
	if after := look(); after.Reason != before.Reason || after.Same(before) {
		t.Errorf("a link that was gone looks as before: %+v, %+v", before, after)
	}
}

func TestAWholeTunnelIsTheWayOutAsItsRulesSay(t *testing.T) {
	l := newLaptop(t)
	l.ip("addr add 198.51.100.9/24 dev eth0", "route add default via 198.51.100.1")
	w := l.watch()
	// What wg-quick(8) does, with a cable for the tunnel.
	l.ip(
		"link add wg0 type veth peer name wg1",
		"link set wg0 up",
		"link set wg1 up",
		"addr add 10.9.0.2/32 dev wg0",
		"route add default dev wg0 table 51820",
		"rule add not fwmark 51820 table 51820",
		"rule add table main suppress_prefixlength 0",
	)
	w.notices("the tunnel", func(s State) bool {
		return s.Reason == "wg0 is up, default route" && s.Source.String() == "10.9.0.2"
	})
	l.ip("rule del table main suppress_prefixlength 0", "rule del not fwmark 51820 table 51820")
	w.notices("no tunnel", func(s State) bool { return s.Interface == "eth0" })
}

func TestAnOverrunSocketPokesAndGoesOn(t *testing.T) {
	l := newLaptop(t)
	poked, release := make(chan struct{}), make(chan struct{})
	k := l.kernel(func() { poked <- struct{}{}; <-release })
	drained := make(chan struct{})
	defer func() {
		go func() {
			defer close(drained)
			for range poked { // so that Close does not wait for a poke nobody takes
			}
		}()
		k.Close()
		close(poked)
		<-drained
	}()
	if err := k.events.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	l.ip("link set eth0 down")
	<-poked // the listener stands still now, and the socket runs over
	l.ip(slices.Repeat([]string{"link set eth0 up", "link set eth0 down"}, 100)...)
	if !overrun(t, l) {
		t.Fatal("the kernel dropped nothing: this test shows nothing")
	}
	close(release)
	quiet := time.After(200 * time.Millisecond)
	for calm := false; !calm; {
		select {
		case <-poked:
		case <-quiet:
			calm = true
		}
	}
	l.ip("link set eth0 up")
	select {
	case <-poked:
	case <-time.After(10 * time.Second):
		t.Fatal("no poke after the overrun")
	}
}

// overrun says that a socket on the laptop has lost events.
func overrun(t *testing.T, l *laptop) bool {
	t.Helper()
	out, err := l.Laptop.Command("cat", "/proc/net/netlink").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	drops := slices.Index(strings.Fields(lines[0]), "Drops")
	return slices.ContainsFunc(lines[1:], func(l string) bool { return strings.Fields(l)[drops] != "0" })
}
