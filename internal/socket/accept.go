package socket

import (
	"errors"
	"io/fs"
)

// Scarce says that Accept may work again later: descriptors or memory have run
// out just now.
func Scarce(err error) bool {
	var temporary interface{ Temporary() bool }
	return errors.As(err, &temporary) && temporary.Temporary()
}

// Forbidden says that who runs this may not listen there.
func Forbidden(err error) bool { return errors.Is(err, fs.ErrPermission) }
