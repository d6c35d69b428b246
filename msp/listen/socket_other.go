//go:build !unix

package listen

import (
	"errors"
	"io/fs"
	"syscall"
)

func narrow(fs.FileMode) func(network, address string, c syscall.RawConn) error { return nil }

func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

func writers(fs.FileInfo) string {
	return "is on a system that does not say who is at the other end of a socket"
}
