//go:build !linux && !darwin && !freebsd && !windows

package queue

import "errors"

func freeOctets(string) (int64, error) { return 0, errors.ErrUnsupported }
