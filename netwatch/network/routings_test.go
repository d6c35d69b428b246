package network

// The numbers of the systems, as their headers net/route.h have them, so that
// what was recorded there is read here. routesocket_SYSTEM_test.go holds each
// against the numbers that the build for its system uses.

func macOS() routing {
	return routing{
		tells:   []byte{1, 2, 3, 0xc, 0xd, 0xe},
		about:   []byte{1, 2, 3},
		flagsAt: 8,
		// LLINFO, WASCLONED, DYNAMIC, LOCAL, BROADCAST, MULTICAST, DEAD, CONDEMNED
		passing: 0x400 | 0x20000 | 0x10 | 0x200000 | 0x400000 | 0x800000 | 0x20000000 | 0x2000000,
		scoped:  0x1000000,
		static:  0x800,
		tunnels: []string{"utun", "ipsec", "tun"},
		inners:  []string{"bridge", "vmenet", "vmnet", "vboxnet", "feth", "tap"},
		idle:    []string{"awdl", "llw", "anpi", "ap", "gif", "stf", "XHC", "pktap", "iptap"},
	}
}

func freeBSD() routing {
	return routing{
		tells:   []byte{1, 2, 3, 0xc, 0xd, 0xe, 0x11},
		about:   []byte{1, 2, 3},
		flagsAt: 8,
		passing: 0x400 | 0x10 | 0x200000 | 0x400000 | 0x800000,
		static:  0x800,
		stateAt: 20,
		down:    []byte{1},
		tunnels: []string{"wg", "tun", "ipsec", "ovpn"},
		inners:  []string{"bridge", "epair", "vm-", "vboxnet", "tap"},
		idle:    []string{"gif", "stf", "gre", "enc", "pflog", "pfsync", "usbus"},
	}
}

func openBSD() routing {
	return routing{
		tells:      []byte{1, 2, 3, 0x10, 0xc, 0xd, 0x14, 0xe, 0xf, 0x15},
		about:      []byte{1, 2, 3},
		flagsAt:    16,
		passing:    0x400 | 0x10000 | 0x20000 | 0x10 | 0x200000 | 0x400000 | 0x200,
		static:     0x800,
		stateAt:    27,
		down:       []byte{1, 2, 3},
		priorityAt: 10,
		tunnels:    []string{"wg", "tun", "sec"},
		inners:     []string{"bridge", "veb", "vether", "vport", "pair", "tap"},
		idle:       []string{"enc", "pflog", "pfsync", "gif", "gre", "etherip"},
	}
}

func netBSD() routing {
	return routing{
		tells:   []byte{1, 2, 3, 0xc, 0xd, 0x15, 0x14, 0x10},
		about:   []byte{1, 2, 3},
		flagsAt: 8,
		passing: 0x400 | 0x2000 | 0x10 | 0x40000 | 0x80000,
		static:  0x800,
		stateAt: 20,
		down:    []byte{1},
		tunnels: []string{"wg", "tun", "ipsec"},
		inners:  []string{"bridge", "vether", "shmif", "tap"},
		idle:    []string{"gif", "stf", "gre", "npflog"},
	}
}

func dragonFly() routing {
	return routing{
		tells:   []byte{1, 2, 3, 0xc, 0xd, 0xe, 0x11},
		about:   []byte{1, 2, 3},
		flagsAt: 8,
		passing: 0x400 | 0x20000 | 0x10 | 0x200000 | 0x400000 | 0x800000,
		static:  0x800,
		stateAt: 40,
		down:    []byte{1},
		tunnels: []string{"wg", "tun"},
		inners:  []string{"bridge", "tap"},
		idle:    []string{"gif", "stf", "gre", "enc", "pflog", "pfsync"},
	}
}
