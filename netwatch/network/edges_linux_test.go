package network

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// wlan puts a second link into the laptop, whose far end is the gateway's too.
func (l *laptop) wlan() {
	l.t.Helper()
	l.ip(
		"link add wlan0 type veth peer name up1 netns "+l.Gateway.Name,
		"link set wlan0 addrgenmode none",
		"link set wlan0 up",
		"addr add 192.0.2.9/24 dev wlan0",
	)
	l.far("addr add 192.0.2.1/24 dev up1", "link set up1 up")
}

func TestTheWayOutIsTheOneThatTheKernelTakes(t *testing.T) {
	l := newLaptop(t)
	l.ip("addr add 198.51.100.9/24 dev eth0", "route add default via 198.51.100.1 metric 100")
	l.wlan()
	w := l.watch()
	for _, s := range []struct {
		what, line string
		want       string // interface, gateway and source
	}{
		{"a dearer way beside it", "route add default via 192.0.2.1 metric 600", "eth0 198.51.100.1 198.51.100.9"},
		{"the cable is out", "link set eth0 down", "wlan0 192.0.2.1 192.0.2.9"},
		{"and in again", "link set eth0 up", "wlan0 192.0.2.1 192.0.2.9"},
		{"with its route", "route add default via 198.51.100.1 metric 100", "eth0 198.51.100.1 198.51.100.9"},
		{"the other one gets cheaper", "route add default via 192.0.2.1 metric 50", "wlan0 192.0.2.1 192.0.2.9"},
		{"replaced in place", "route replace default via 192.0.2.254 metric 50", "wlan0 192.0.2.254 192.0.2.9"},
		{"a host's route is no way out", "route add 203.0.113.25 via 198.51.100.1", "wlan0 192.0.2.254 192.0.2.9"},
		{"it is removed while it is up", "link del wlan0", "eth0 198.51.100.1 198.51.100.9"},
	} {
		l.ip(s.line)
		w.notices(s.what, func(st State) bool {
			return fmt.Sprint(st.Interface, " ", st.Gateway, " ", st.Source) == s.want
		})
	}
}

func TestAnAddressThatFadesIsLeftForAnother(t *testing.T) {
	l := newLaptop(t)
	l.ip6("route flush default")
	l.ip(
		"addr add 2001:db8:1::9/64 dev eth0 nodad",
		"route add default via 2001:db8:1::1",
	)
	w := l.watch()
	l.ip("addr change 2001:db8:1::9/64 dev eth0 preferred_lft 0")
	l.ip("addr add 2001:db8:1::10/64 dev eth0 nodad")
	w.notices("the address that is preferred", func(s State) bool { return s.Source.String() == "2001:db8:1::10" })
	l.ip("addr del 2001:db8:1::10/64 dev eth0")
	w.notices("the one that is left, faded as it is", func(s State) bool {
		return s.Level == Way && s.Source.String() == "2001:db8:1::9"
	})
}

func TestALinkThatGetsAnotherNameIsCalledByIt(t *testing.T) {
	l := newLaptop(t)
	l.ip("addr add 198.51.100.9/24 dev eth0", "route add default via 198.51.100.1")
	w := l.watch()
	// Older kernels rename a link only while it is down.
	l.ip("link set eth0 down", "link set eth0 name lan7", "link set lan7 up", "route add default via 198.51.100.1")
	w.notices("the new name", func(s State) bool {
		return s.Interface == "lan7" && s.Reason == "lan7 is up, default route via 198.51.100.1"
	})
}

// A router that also sends mail has a whole table.
func TestTenThousandRoutesAreReadInAMoment(t *testing.T) {
	l := newLaptop(t)
	l.ip("addr add 198.51.100.9/24 dev eth0", "route add default via 198.51.100.1")
	const many = 10_000
	lines := make([]string, 0, many)
	for n := range many {
		lines = append(lines, fmt.Sprintf("route add 10.%d.%d.0/24 via 198.51.100.1", n>>8, n&0xff))
	}
	l.ip(lines...)
	k := l.kernel(func() {})
	defer k.Close()
	const looks = 5
	var f facts
	began := time.Now()
	for range looks {
		f = facts{}
		if err := k.Read(&f); err != nil {
			t.Fatal(err)
		}
		if s := judge(&f); s.Level != Way || !strings.HasPrefix(s.Reason, "eth0 is up, default route") {
			t.Fatalf("%+v", s)
		}
	}
	took := time.Since(began) / looks
	t.Logf("%d routes are read and judged in %v", len(f.routes), took.Round(100*time.Microsecond))
	if len(f.routes) < many {
		t.Errorf("%d routes were read", len(f.routes))
	}
	// Generous, for the race detector on a machine with other work: what must not
	// be is a look whose time grows with the square.
	if took > 10*time.Second {
		t.Errorf("a look takes %v", took)
	}
}
