package network

import (
	"os"

	"mailcrane/netwatch/bus"
)

// system is the kernel's view first, which knows at once, and what others add.
func system(poke func()) ([]source, error) {
	s, err := openKernel(poke, 0)
	if err != nil {
		return nil, err
	}
	return []source{
		s,
		devices{os.DirFS("/sys/class/net")},
		wireless{stations},
		onBus{bus.Follow(networkManager(), bus.System, poke)},
		onBus{bus.Follow(networkd(), bus.System, poke)},
	}, nil
}
