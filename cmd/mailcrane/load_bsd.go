//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package main

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// loadAverage is the machine's load over the last minute, 0 where it cannot be
// told. The kernel's struct loadavg has three averages in fixed point, and the
// scale as a long.
func loadAverage() float64 {
	raw, err := unix.SysctlRaw("vm.loadavg")
	if err != nil || len(raw) < 16 {
		return 0
	}
	scale := uint64(binary.NativeEndian.Uint32(raw[12:]))
	if len(raw) >= 24 {
		scale = binary.NativeEndian.Uint64(raw[16:]) // behind four octets of padding
	}
	if scale == 0 {
		return 0
	}
	return float64(binary.NativeEndian.Uint32(raw)) / float64(scale)
}
