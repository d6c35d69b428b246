package network

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// tellsUnique: nothing comes by the routing socket when an IPv6 address was
// found to be unique.
const tellsUnique = false

// systemRouting is route(4) of macOS. A carrier that goes is not told of either,
// but takes the interface's address and routes with it, by configd.
func systemRouting() routing {
	return routing{
		tells: []byte{
			unix.RTM_ADD, unix.RTM_DELETE, unix.RTM_CHANGE,
			unix.RTM_NEWADDR, unix.RTM_DELADDR, unix.RTM_IFINFO,
		},
		about:   []byte{unix.RTM_ADD, unix.RTM_DELETE, unix.RTM_CHANGE},
		flagsAt: 8,
		passing: unix.RTF_LLINFO | unix.RTF_WASCLONED | unix.RTF_DYNAMIC | unix.RTF_LOCAL |
			unix.RTF_BROADCAST | unix.RTF_MULTICAST | unix.RTF_DEAD | unix.RTF_CONDEMNED,
		scoped: unix.RTF_IFSCOPE,
		static: unix.RTF_STATIC,
		// Every Mac has some utun of its own, with no address but a link's.
		tunnels: []string{"utun", "ipsec", "tun"},
		inners:  []string{"bridge", "vmenet", "vmnet", "vboxnet", "feth", "tap"},
		idle:    []string{"awdl", "llw", "anpi", "ap", "gif", "stf", "XHC", "pktap", "iptap"},
	}
}

// ifmediareq is struct ifmediareq of net/if_media.h, which is packed.
type ifmediareq struct {
	name                                 [unix.IFNAMSIZ]byte
	current, mask, status, active, count int32
	list                                 [8]byte
}

// severed asks what ifconfig(8) calls "status: inactive": interfaces with a
// cable or a radio stay RUNNING without a carrier.
func severed(fd int, l ifRow) bool {
	const known, linked = 1, 2 // IFM_AVALID, IFM_ACTIVE
	var req ifmediareq
	if l.flags&iffUp == 0 || len(l.name) >= len(req.name) {
		return false
	}
	copy(req.name[:], l.name)
	return control(fd, unix.SIOCGIFMEDIA, unsafe.Pointer(&req)) && req.status&(known|linked) == known
}
