package network

import "golang.org/x/sys/unix"

// tellsUnique: an RTM_NEWADDR comes when an IPv6 address was found to be unique.
const tellsUnique = true

// systemRouting is route(4) of NetBSD. Of neighbours it tells by types of
// message of their own.
func systemRouting() routing {
	const rtfLocal, rtfBroadcast = 0x40000, 0x80000 // net/route.h since NetBSD 8
	return routing{
		tells: []byte{
			unix.RTM_ADD, unix.RTM_DELETE, unix.RTM_CHANGE,
			unix.RTM_NEWADDR, unix.RTM_DELADDR, unix.RTM_CHGADDR, unix.RTM_IFINFO, unix.RTM_IFANNOUNCE,
		},
		about:   []byte{unix.RTM_ADD, unix.RTM_DELETE, unix.RTM_CHANGE},
		flagsAt: 8,
		passing: unix.RTF_LLINFO | unix.RTF_CLONED | unix.RTF_DYNAMIC | rtfLocal | rtfBroadcast,
		static:  unix.RTF_STATIC,
		stateAt: 20, // ifm_data.ifi_link_state
		down:    []byte{1},
		tunnels: []string{"wg", "tun", "ipsec"},
		inners:  []string{"bridge", "vether", "shmif", "tap"},
		idle:    []string{"gif", "stf", "gre", "npflog"},
	}
}

// severed: the dump has the link state itself.
func severed(int, ifRow) bool { return false }
