package main

import "golang.org/x/sys/unix"

// loadAverage is the machine's load over the last minute, 0 where it cannot be
// told: mail waits for no other reason than a load that is known. It is not read
// from /proc/loadavg, which ProcSubset=pid of the service's unit hides.
func loadAverage() float64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	const one = 1 << 16 // SI_LOAD_SHIFT of linux/kernel.h
	return float64(info.Loads[0]) / one
}
