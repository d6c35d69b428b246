package netwatch

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// noticed waits until w's state is as wanted. Its deadline is no measure, only
// an end.
func noticed(t *testing.T, w *Watcher, want string, is func(State) bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for !is(w.State()) {
		select {
		case <-w.Changes():
		case <-deadline.C:
			t.Fatalf("not noticed within 10 s: %s; state is %+v", want, w.State())
		}
	}
}

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
		noticed(t, w, s.what, func(st State) bool { return st.Reason == s.want })
		t.Logf("%-28s ip ran %8v, noticed %8v after it began", s.what,
			ran.Round(10*time.Microsecond), time.Since(began).Round(10*time.Microsecond))
	}
}

func TestAWayOutIsNoticedWithinMilliseconds(t *testing.T) {
	for _, c := range []struct {
		name string
		calm time.Duration
	}{
		{"in calm", 2 * debounce},
		{"at once after each change", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLaptop(t)
			l.ip("addr add 198.51.100.9/24 dev eth0")
			w := l.watch()
			var took []time.Duration
			for range 20 {
				<-time.After(c.calm)
				began := time.Now()
				l.ip("route add default via 198.51.100.1")
				noticed(t, w, "the route", func(s State) bool { return s.Level == Way })
				took = append(took, time.Since(began))
				l.ip("route del default")
				noticed(t, w, "no route", func(s State) bool { return s.Level == LinkOnly })
			}
			slices.Sort(took)
			t.Logf("ip(8) started to state changed: median %v, most %v", took[len(took)/2], took[len(took)-1])
		})
	}
}

func TestARoamingMachineIsAChangeThoughTheWordsStay(t *testing.T) {
	l := newLaptop(t)
	l.ip("addr add 198.51.100.9/24 dev eth0", "route add default via 198.51.100.1")
	w := l.watch()
	before := w.State()
	l.ip("addr del 198.51.100.9/24 dev eth0", "addr add 198.51.100.11/24 dev eth0", "route add default via 198.51.100.1")
	noticed(t, w, "the new address", func(s State) bool {
		return s.Source.String() == "198.51.100.11" && s.Reason == before.Reason
	})
	if after := w.State(); after.same(before) || !after.Since.After(before.Since) {
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
	if after := look(); after.Reason != before.Reason || after.same(before) {
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
	noticed(t, w, "the tunnel", func(s State) bool {
		return s.Reason == "wg0 is up, default route" && s.Source.String() == "10.9.0.2"
	})
	l.ip("rule del table main suppress_prefixlength 0", "rule del not fwmark 51820 table 51820")
	noticed(t, w, "no tunnel", func(s State) bool { return s.Interface == "eth0" })
}

func TestFlapsCostABoundedNumberOfChangesAndLeaveNothingBehind(t *testing.T) {
	l := newLaptop(t)
	l.ip("addr add 198.51.100.9/24 dev eth0")
	w := l.watch()
	check := lab.NothingGrows(t)
	counted, settled := make(chan int), make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-w.Changes():
			case <-settled:
				counted <- n
				return
			}
		}
	}()
	began := time.Now()
	for range 300 {
		l.ip("route add default via 198.51.100.1", "link set eth0 down", "link set eth0 up")
	}
	storm := time.Since(began)
	l.ip("route add default via 198.51.100.1")
	for w.State().Level != Way {
		if time.Since(began) > storm+10*time.Second {
			t.Fatalf("not noticed within 10 s of the storm: %+v", w.State())
		}
		runtime.Gosched()
	}
	whole := time.Since(began)
	close(settled)
	changes := <-counted
	// Pauses of 5, 10, 20, 40 ms, then 50 ms each; and one look at either end.
	if most := 6 + int(whole/debounce); changes > most {
		t.Errorf("%d changes in %v, at most %d wanted", changes, whole, most)
	}
	t.Logf("300 flaps in %v: %d changes", storm.Round(time.Millisecond), changes)
	check()
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

func TestTheEndOfTheContextLeavesNothingBehind(t *testing.T) {
	watchAndEnd(t) // the runtime's own poller stays open from the first on
	check := lab.NothingGrows(t)
	for range 20 {
		watchAndEnd(t)
	}
	check()
}

// watchAndEnd watches the network that this process is in, for a moment.
func watchAndEnd(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := New(ctx, Options{})
	if s := w.State(); s.Reason == "" || s.Level == Unknown {
		t.Errorf("the kernel was not read: %+v", s)
	}
	cancel()
	<-w.Done()
}
