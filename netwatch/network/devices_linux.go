package network

import (
	"io/fs"
	"strings"
)

// devices is the source that knows from sysfs(5) which links are a telephone's
// or a mobile network's, and which are wireless. It has no events of its own: a device comes with its
// link.
type devices struct {
	class fs.FS // /sys/class/net
}

// Read finds the links whose octets most likely cost: it is what NetworkManager
// guesses too where nobody has said anything. Such devices have no kind of their
// own but wwan, so that nothing is read for each container's cable.
func (d devices) Read(f *facts) error {
	for i := range f.links {
		l := &f.links[i]
		if l.usable() && (l.kind == "" || l.kind == "wwan") {
			devtype := d.typeOf(l.name)
			l.metered = l.kind == "wwan" || mobile(devtype)
			l.wireless = devtype == "wlan"
		}
	}
	return nil
}

// Close has nothing to end.
func (devices) Close() error { return nil }

// mobile says that links of the type lead through a mobile network's modem, or
// through a telephone by Bluetooth.
func mobile(devtype string) bool { return devtype == "wwan" || devtype == "bluetooth" }

// typeOf is the DEVTYPE of a link, or "" where there is none: a name that cannot
// be read is no reason to keep mail here.
func (d devices) typeOf(name string) string {
	text, err := fs.ReadFile(d.class, name+"/uevent")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if devtype, ok := strings.CutPrefix(line, "DEVTYPE="); ok {
			return strings.TrimSpace(devtype)
		}
	}
	return ""
}
