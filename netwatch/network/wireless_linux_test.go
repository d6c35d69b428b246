package network

import (
	"errors"
	"strings"
	"testing"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// station is what nl80211 says of an interface (nl80211_send_iface of the kernel).
func station(t testing.TB, index uint32, ssid string) []byte {
	t.Helper()
	e := netlink.NewAttributeEncoder()
	e.Uint32(unix.NL80211_ATTR_WIPHY, 0)
	e.Uint32(unix.NL80211_ATTR_IFINDEX, index)
	e.String(unix.NL80211_ATTR_IFNAME, "wlan0")
	e.Uint32(unix.NL80211_ATTR_IFTYPE, unix.NL80211_IFTYPE_STATION)
	if ssid != "" {
		e.Bytes(unix.NL80211_ATTR_SSID, []byte(ssid))
	}
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTheWirelessNetworkIsKnownFromTheKernel(t *testing.T) {
	radio := wlan0()
	radio.wireless = true
	for _, c := range []struct {
		reason string
		links  []link
		said   [][]byte
		err    error
		asked  bool
		want   string // of the last link
	}{
		{"it is in one", []link{eth0(), radio}, [][]byte{station(t, 7, "other"), station(t, 3, "Café")}, nil, true, "Café"},
		{"it is in none", []link{radio}, [][]byte{station(t, 3, "")}, nil, true, ""},
		{"a name that is no text", []link{radio}, [][]byte{station(t, 3, "\x00\x1b")}, nil, true, `"\x00\x1b"`},
		{"half a message", []link{radio}, [][]byte{station(t, 3, "Café")[:29]}, nil, true, ""},
		{"a kernel that has no such thing", []link{radio}, nil, errors.New("no such file"), true, ""},
		{"no wireless link: nobody is asked", []link{eth0()}, [][]byte{station(t, 2, "x")}, nil, false, ""},
		{"it is switched off: nobody is asked", []link{switchedOff(radio)}, [][]byte{station(t, 3, "x")}, nil, false, ""},
	} {
		asked := false
		w := wireless{func() (all []genetlink.Message, err error) {
			asked = true
			for _, data := range c.said {
				all = append(all, genetlink.Message{Data: data})
			}
			return all, c.err
		}}
		f := &facts{links: c.links}
		if err := w.Read(f); err != nil {
			t.Errorf("%s: %v", c.reason, err)
		}
		if got := f.links[len(f.links)-1].ssid; got != c.want || asked != c.asked {
			t.Errorf("%s: %q, want %q; asked %v", c.reason, got, c.want, asked)
		}
	}
}

// FuzzStation: whatever the kernel says, it is read or passed over, and safe to show.
func FuzzStation(f *testing.F) {
	f.Add(station(f, 3, "Café"))
	f.Add(station(f, 3, "\x1b[2J"))
	f.Add([]byte{1, 0, 3, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		found := atHome()
		readStation(data, found)
		for _, l := range found.links {
			if strings.ContainsFunc(l.ssid, func(r rune) bool { return r < ' ' }) {
				t.Errorf("%q", l.ssid)
			}
		}
	})
}
