package network

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"slices"
	"testing"
)

// event is a message of a routing socket, as long as its system makes it.
func event(r routing, kind byte, flags int) []byte {
	b := make([]byte, 160)
	binary.NativeEndian.PutUint16(b, uint16(len(b)))
	b[2], b[3] = 5, kind
	binary.NativeEndian.PutUint32(b[r.flagsAt:], uint32(flags))
	return b
}

// Coverage: routing-socket.
func TestWhichMessagesOfARoutingSocketPoke(t *testing.T) {
	const (
		add, remove, change, lost, redirect, miss, resolve = 1, 2, 3, 5, 6, 7, 0xb
		newAddress, noAddress                              = 0xc, 0xd
	)
	cases := []struct {
		name   string // the reason for the case
		system routing
		kind   byte
		flags  int // as netstat -rn of the system shows them
		want   bool
	}{
		{"macOS: the default route came (UGScg)", macOS(), add, 0x40010803, true},
		{"macOS: the default route went", macOS(), remove, 0x40010803, true},
		{"macOS: the second interface's own default route (UGScIg) is no way out", macOS(), add, 0x41010803, false},
		{"macOS: a neighbour answered (UHLWIi)", macOS(), add, 0x5020405, false},
		{"macOS: and was forgotten", macOS(), remove, 0x5020405, false},
		{"macOS: a connection was made through the gateway (UGHWIi)", macOS(), add, 0x5020007, false},
		{"macOS: an address came", macOS(), newAddress, 0, true},
		{"macOS: an address went", macOS(), noAddress, 0, true},
		{"macOS: an interface was switched off", macOS(), 0xe, 0x8862, true},
		{"macOS: a destination without a route was looked for", macOS(), miss, 0x5, false},
		{"macOS: a multicast group was joined (RTM_NEWMADDR)", macOS(), 0xf, 0, false},
		{"FreeBSD: the default route came (UGS)", freeBSD(), add, 0x803, true},
		{"FreeBSD: the default route moved", freeBSD(), change, 0x803, true},
		{"FreeBSD: a neighbour answered (UHL, LLDATA)", freeBSD(), add, 0x405, false},
		{"FreeBSD: a segment was lost", freeBSD(), lost, 0x803, false},
		{"FreeBSD: a redirect of one host (UGHD)", freeBSD(), redirect, 0x17, false},
		{"FreeBSD: the carrier went (RTM_IFINFO)", freeBSD(), 0xe, 0x8802, true},
		{"FreeBSD: an interface was plugged in (RTM_IFANNOUNCE)", freeBSD(), 0x11, 0, true},
		{"FreeBSD: a wireless scan ended (RTM_IEEE80211)", freeBSD(), 0x12, 0, false},
		{"OpenBSD: the default route came (UGS)", openBSD(), add, 0x803, true},
		{"OpenBSD: a neighbour answered (UHLc)", openBSD(), add, 0x10405, false},
		{"OpenBSD: a neighbour is asked for", openBSD(), resolve, 0x10405, false},
		{"OpenBSD: the buffer was full", openBSD(), 0x10, 0, true},
		{"OpenBSD: an IPv6 address is unique", openBSD(), 0x14, 0, true},
		{"OpenBSD: a name server was proposed (RTM_PROPOSAL)", openBSD(), 0x13, 0, false},
		{"NetBSD: the default route came (UGS)", netBSD(), add, 0x803, true},
		{"NetBSD: an address of its own (UHl)", netBSD(), add, 0x40005, false},
		{"NetBSD: a neighbour answered (RTM_LLINFO_UPD)", netBSD(), 0x13, 0x405, false},
		{"NetBSD: the carrier went (RTM_IFINFO)", netBSD(), 0x14, 0x8802, true},
		{"NetBSD: the same, for programs of long ago (RTM_OIFINFO)", netBSD(), 0xf, 0x8802, false},
		{"DragonFly: the default route came (UGSc)", dragonFly(), add, 0x10803, true},
		{"DragonFly: a neighbour answered (UHLW)", dragonFly(), add, 0x20405, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := c.system.matters(event(c.system, c.kind, c.flags)); got != c.want {
				t.Errorf("pokes: %v, want %v", got, c.want)
			}
		})
	}
	t.Run("what is too short to be understood pokes", func(t *testing.T) {
		r := macOS()
		for _, cut := range []int{0, 3, 4, 11} {
			if !r.matters(event(r, add, 0x5020405)[:cut]) {
				t.Errorf("%d octets do not poke", cut)
			}
		}
	})
}

// header is the beginning of a message of an interface, with its link state.
func header(r routing, state byte) []byte {
	b := make([]byte, 176)
	binary.NativeEndian.PutUint16(b, uint16(len(b)))
	b[r.stateAt] = state
	return b
}

func TestTheLinkStateOfAnInterface(t *testing.T) {
	bsd, open, fly, mac := freeBSD(), openBSD(), dragonFly(), macOS()
	cases := []struct {
		name   string // the reason for the case
		system *routing
		state  byte
		want   bool
	}{
		{"FreeBSD: the cable is out", &bsd, 1, true},
		{"FreeBSD: the cable is in", &bsd, 2, false},
		{"FreeBSD: a tunnel has no carrier to know of", &bsd, 0, false},
		{"OpenBSD: the cable is out", &open, 2, true},
		{"OpenBSD: half duplex", &open, 5, false},
		{"OpenBSD: not known", &open, 0, false},
		{"DragonFly: the cable is out", &fly, 1, true},
		{"DragonFly: the cable is in", &fly, 2, false},
		{"macOS: nothing stands there", &mac, 1, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := c.system.inactive(header(*c.system, c.state)); got != c.want {
				t.Errorf("inactive: %v, want %v", got, c.want)
			}
		})
	}
	if bsd.inactive(header(bsd, 1)[:bsd.stateAt]) {
		t.Error("a message that ends before the state has one")
	}
}

func TestTheLengthOfAMask(t *testing.T) {
	cases := []struct {
		mask string
		want int // -1: an error
	}{
		{"0.0.0.0", 0},
		{"255.255.255.255", 32},
		{"255.255.255.0", 24},
		{"255.255.240.0", 20},
		{"128.0.0.0", 1},
		{"::", 0},
		{"ffff:ffff:ffff:ffff::", 64},
		{"ffff:ffff:ffff:fff8::", 61},
		{"255.0.255.0", -1},
		{"255.255.0.1", -1},
		{"0.255.0.0", -1},
		{"255.253.0.0", -1},
	}
	for _, c := range cases {
		got, err := ones(netip.MustParseAddr(c.mask))
		if (err != nil) != (c.want < 0) || err == nil && got != c.want {
			t.Errorf("%s: %d, %v; want %d", c.mask, got, err, c.want)
		}
	}
}

// FuzzADump: whatever a dump holds, each message is given whole and once, or
// the dump is refused.
func FuzzADump(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 0})
	f.Add([]byte{0, 0, 5, 1})
	f.Add(slices.Concat(event(freeBSD(), 1, 0x803), header(freeBSD(), 1)))
	f.Add(event(openBSD(), 1, 0x803)[:100])
	f.Fuzz(func(t *testing.T, table []byte) {
		var again []byte
		all := []routing{macOS(), freeBSD(), openBSD(), netBSD(), dragonFly()}
		err := each(table, func(message []byte) {
			again = append(again, message...)
			for _, r := range all {
				r.matters(message)
				r.inactive(message)
				r.priority(message)
			}
		})
		if err == nil && !reflect.DeepEqual(append([]byte{}, again...), append([]byte{}, table...)) {
			t.Errorf("%d octets of %d were read", len(again), len(table))
		}
	})
}
