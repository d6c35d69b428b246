//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package network

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What is asked of an IPv6 address (netinet6/in6_var.h). The five systems have
// it from KAME, with the same numbers.
const (
	siocgifaflagIn6 = 0xc1206949 // SIOCGIFAFLAG_IN6

	iffTentative, iffDuplicated = 0x2, 0x4   // IN6_IFF_TENTATIVE, IN6_IFF_DUPLICATED
	iffDeprecated, iffTemporary = 0x10, 0x80 // IN6_IFF_DEPRECATED, IN6_IFF_TEMPORARY
)

// in6Ifreq is struct in6_ifreq: a name, and a union that an address goes in by
// and flags come out of.
type in6Ifreq struct {
	name  [unix.IFNAMSIZ]byte
	union [272]byte
}

// ask completes d with what the dumps leave out: what an IPv6 address is good
// for, and on some systems whether anything is at the other end of a link.
// What cannot be asked is as good as it can be: an attempt too many costs a
// moment.
func ask(d *dump) error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)
	if err != nil {
		// A system without IPv6 has no such addresses.
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	}
	if err != nil {
		return fmt.Errorf("the kernel's network tables cannot be read: %w", os.NewSyscallError("socket", err))
	}
	defer func() { _ = unix.Close(fd) }()
	unix.CloseOnExec(fd)
	names := make(map[int]string)
	for i := range d.links {
		l := &d.links[i]
		names[l.index] = l.name
		l.inactive = l.inactive || severed(fd, *l)
	}
	for i := range d.addrs {
		a := &d.addrs[i]
		if !a.ip.Is6() || a.ip.IsLinkLocalUnicast() {
			continue
		}
		flags := addressFlags(fd, names[a.index], a.ip.As16())
		// Not every system tells of the end of the check for uniqueness, and
		// without that the address would stay unused: only where it does, the
		// address waits for it.
		a.pending = flags&iffDuplicated != 0 || tellsUnique && flags&iffTentative != 0
		a.fading = flags&(iffDeprecated|iffTemporary) != 0
	}
	return nil
}

func addressFlags(fd int, name string, ip [16]byte) int32 {
	var req in6Ifreq
	if len(name) >= len(req.name) {
		return 0
	}
	copy(req.name[:], name)
	sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(&req.union))
	sa.Len, sa.Family, sa.Addr = unix.SizeofSockaddrInet6, unix.AF_INET6, ip
	if !control(fd, siocgifaflagIn6, unsafe.Pointer(&req)) {
		return 0
	}
	return *(*int32)(unsafe.Pointer(&req.union))
}

// control is ioctl(2) with a structure that the kernel fills in.
func control(fd int, request uintptr, structure unsafe.Pointer) bool {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(structure))
	return errno == 0
}
