package network

import (
	"slices"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// wireless is the source that knows from the kernel's nl80211 which wireless network
// a link is in, whoever has joined it: NetworkManager, iwd, wpa_supplicant alone. It
// has no events of its own: a link that joins a network loses its carrier and gets it
// back, and what nl80211 says of scans and roaming would wake us for nothing.
type wireless struct {
	ask func() ([]genetlink.Message, error)
}

// Read asks only where a wireless link is up. What cannot be asked is not known.
func (w wireless) Read(f *facts) error {
	if !slices.ContainsFunc(f.links, func(l link) bool { return l.wireless && l.usable() }) {
		return nil
	}
	messages, err := w.ask()
	if err != nil {
		return nil
	}
	for _, m := range messages {
		readStation(m.Data, f)
	}
	return nil
}

// Close has nothing to end.
func (wireless) Close() error { return nil }

// readStation takes the network of one interface.
func readStation(data []byte, f *facts) {
	d, err := netlink.NewAttributeDecoder(data)
	if err != nil {
		return
	}
	var index int
	var ssid []byte
	for d.Next() {
		switch d.Type() {
		case unix.NL80211_ATTR_IFINDEX:
			index = int(d.Uint32())
		case unix.NL80211_ATTR_SSID:
			ssid = d.Bytes()
		}
	}
	if d.Err() != nil {
		return
	}
	if i := slices.IndexFunc(f.links, func(l link) bool { return l.index == index }); i >= 0 {
		f.links[i].ssid = printable(bounded(string(ssid)))
	}
}

// stations asks the kernel for its wireless interfaces.
func stations() ([]genetlink.Message, error) {
	c, err := genetlink.Dial(nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	family, err := c.GetFamily(unix.NL80211_GENL_NAME)
	if err != nil {
		return nil, err
	}
	return c.Execute(genetlink.Message{
		Header: genetlink.Header{Command: unix.NL80211_CMD_GET_INTERFACE, Version: family.Version},
	}, family.ID, netlink.Request|netlink.Dump)
}
