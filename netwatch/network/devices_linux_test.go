package network

import (
	"testing"
	"testing/fstest"
)

func TestDevicesThatCostAreKnownByTheirType(t *testing.T) {
	class := fstest.MapFS{}
	for name, text := range map[string]string{
		"eth0": "INTERFACE=eth0\nIFINDEX=2\n", "wlan0": "DEVTYPE=wlan\nINTERFACE=wlan0\n",
		"wwan0": "DEVTYPE=wwan\nINTERFACE=wwan0\n", "bnep0": "INTERFACE=bnep0\nDEVTYPE=bluetooth\n",
		"wwan1": "DEVTYPE=wwan\n", "veth7": "DEVTYPE=wwan\n",
	} {
		class[name+"/uevent"] = &fstest.MapFile{Data: []byte(text)}
	}
	for _, c := range []struct {
		reason string
		link   link
		want   bool // metered
	}{
		{"a cable", eth0(), false},
		{"Wi-Fi: nothing is known", wlan0(), false},
		{"a modem", wwan0(), true},
		{"a telephone by Bluetooth", link{name: "bnep0", up: true, carrier: true}, true},
		{"a modem that the kernel drives by itself", link{name: "mbim0", kind: "wwan", up: true, carrier: true}, true},
		{"a modem that is off is not looked at", switchedOff(link{name: "wwan1"}), false},
		{"nor is a container's cable, whatever is said of it", link{name: "veth7", kind: "veth", up: true, carrier: true}, false},
		{"one that has gone meanwhile", link{name: "gone0", up: true, carrier: true}, false},
		{"a name that leads elsewhere", link{name: "../x", up: true, carrier: true}, false},
	} {
		f := &facts{links: []link{c.link}}
		if err := (devices{class}).Read(f); err != nil {
			t.Fatal(err)
		}
		if got := f.links[0].metered; got != c.want {
			t.Errorf("%s: metered %v", c.reason, got)
		}
		if got, want := f.links[0].wireless, c.link.name == "wlan0"; got != want {
			t.Errorf("%s: wireless %v", c.reason, got)
		}
	}
}
