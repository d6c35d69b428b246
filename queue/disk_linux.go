package queue

import (
	"errors"
	"io"
	"syscall"
)

// keepSize is FALLOC_FL_KEEP_SIZE of fallocate(2).
const keepSize = 1

// Reserve implements File. Where the file system knows no such thing, nothing
// is set aside.
func (f osFile) Reserve(octets int64) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var fault error
	err = raw.Control(func(fd uintptr) {
		for {
			if fault = syscall.Fallocate(int(fd), keepSize, end, octets); !errors.Is(fault, syscall.EINTR) {
				return
			}
		}
	})
	if errors.Is(fault, syscall.EOPNOTSUPP) || errors.Is(fault, syscall.ENOSYS) {
		fault = nil
	}
	return errors.Join(err, fault)
}
