//go:build !linux && !windows && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd

package network

import (
	"fmt"
	"runtime"
)

// system has no source of events on this system. Without one the state is
// Unknown, and every route is worth a try.
func system(func()) ([]source, error) {
	return nil, fmt.Errorf("network events are not read on %s", runtime.GOOS)
}
