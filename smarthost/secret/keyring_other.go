//go:build !(linux || freebsd || netbsd || openbsd || dragonfly)

package secret

import (
	"context"
	"errors"

	system "github.com/zalando/go-keyring"
)

func (k keyring) lookUp(context.Context) ([]byte, error) {
	text, err := system.Get(Service, k.user)
	switch {
	case errors.Is(err, system.ErrNotFound):
		return nil, ErrNotFound
	case errors.Is(err, system.ErrUnsupportedPlatform):
		return nil, ErrNoService
	}
	return []byte(text), err
}
