package network

import "golang.org/x/sys/unix"

// tellsUnique: an RTM_CHGADDRATTR comes when an IPv6 address was found to be
// unique.
const tellsUnique = true

// systemRouting is route(4) of OpenBSD. RTM_DESYNC says that messages were lost.
func systemRouting() routing {
	return routing{
		tells: []byte{
			unix.RTM_ADD, unix.RTM_DELETE, unix.RTM_CHANGE, unix.RTM_DESYNC,
			unix.RTM_NEWADDR, unix.RTM_DELADDR, unix.RTM_CHGADDRATTR,
			unix.RTM_IFINFO, unix.RTM_IFANNOUNCE, unix.RTM_80211INFO,
		},
		about:   []byte{unix.RTM_ADD, unix.RTM_DELETE, unix.RTM_CHANGE},
		flagsAt: 16,
		passing: unix.RTF_LLINFO | unix.RTF_CLONED | unix.RTF_CACHED | unix.RTF_DYNAMIC | unix.RTF_LOCAL |
			unix.RTF_BROADCAST | unix.RTF_MULTICAST,
		static:     unix.RTF_STATIC,
		stateAt:    27,              // ifm_data.ifi_link_state
		down:       []byte{1, 2, 3}, // invalid, down, kept alive by nobody
		priorityAt: 10,              // rtm_priority
		tunnels:    []string{"wg", "tun", "sec"},
		inners:     []string{"bridge", "veb", "vether", "vport", "pair", "tap"},
		idle:       []string{"enc", "pflog", "pfsync", "gif", "gre", "etherip"},
	}
}

// severed: the dump has the link state itself.
func severed(int, ifRow) bool { return false }
