package lab

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// tun makes a network device in the namespace whose cable is a file: each read
// is a packet that was sent into it, each write one that comes out of it.
func (s *Namespace) tun(name string) (*os.File, error) {
	var f *os.File
	err := s.Do(func() error {
		const path = "/dev/net/tun"
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		request, err := unix.NewIfreq(name)
		if err == nil {
			request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
		}
		if err != nil {
			_ = unix.Close(fd)
			return fmt.Errorf("cannot make the device %s: %w", name, err)
		}
		f = os.NewFile(uintptr(fd), path)
		return nil
	})
	return f, err
}
