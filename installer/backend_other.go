//go:build !linux

package installer

import (
	"runtime"

	"mailcrane/internal/sysexits"
)

func newBackend(o Options) (backend, error) {
	// Of the other systems only launchd has services of a user.
	if o.User && runtime.GOOS != "darwin" {
		return nil, sysexits.Errorf(sysexits.Unavailable, "as administrator, type: mailcrane service install --system",
			"this system has no services of a single user")
	}
	return newGeneric(o)
}
