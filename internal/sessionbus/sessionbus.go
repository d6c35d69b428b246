// Package sessionbus finds the message bus (D-Bus) of the user's session.
package sessionbus

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"
)

// Address is where the bus listens that is there already; ok is false where
// there is none. A bus is never started: libraries and dbus-launch would start
// one that nobody else is on.
func Address(getenv func(string) string) (address string, ok bool) {
	address = getenv("DBUS_SESSION_BUS_ADDRESS")
	if address != "" && !strings.HasPrefix(address, "autolaunch:") {
		return address, true
	}
	dir := getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		// cron and at set no variable, but the user may be logged in.
		dir = "/run/user/" + strconv.Itoa(os.Getuid())
	}
	socket := filepath.Join(dir, "bus")
	if info, err := os.Stat(socket); err != nil || info.Mode()&fs.ModeSocket == 0 {
		return "", false
	}
	return "unix:path=" + dbus.EscapeBusAddressValue(socket), true
}
