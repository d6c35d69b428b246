package network

import "golang.org/x/sys/unix"

// tellsUnique: nothing comes by the routing socket when an IPv6 address was
// found to be unique.
const tellsUnique = false

// systemRouting is route(4) of DragonFly BSD.
func systemRouting() routing {
	return routing{
		tells: []byte{
			unix.RTM_ADD, unix.RTM_DELETE, unix.RTM_CHANGE,
			unix.RTM_NEWADDR, unix.RTM_DELADDR, unix.RTM_IFINFO, unix.RTM_IFANNOUNCE,
		},
		about:   []byte{unix.RTM_ADD, unix.RTM_DELETE, unix.RTM_CHANGE},
		flagsAt: 8,
		passing: unix.RTF_LLINFO | unix.RTF_WASCLONED | unix.RTF_DYNAMIC | unix.RTF_LOCAL |
			unix.RTF_BROADCAST | unix.RTF_MULTICAST,
		static:  unix.RTF_STATIC,
		stateAt: 40, // ifm_data.ifi_link_state, the low byte of its word
		down:    []byte{1},
		tunnels: []string{"wg", "tun"},
		inners:  []string{"bridge", "tap"},
		idle:    []string{"gif", "stf", "gre", "enc", "pflog", "pfsync"},
	}
}

// severed: the dump has the link state itself.
func severed(int, ifRow) bool { return false }
