package relay

import (
	"time"

	"golang.org/x/sys/unix"
)

// prepare sets the options of tcp(4). TCP_NODELAY is Go's own default.
func prepare(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSentMost)
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_RXT_CONNDROPTIME, int(unackedTime/time.Second))
}

// ask knows the round trip. What the system holds it does not tell apart from
// what is on its way.
func ask(fd uintptr) (status, bool) {
	i, err := unix.GetsockoptTCPConnectionInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_CONNECTION_INFO)
	if err != nil {
		return status{}, false
	}
	return status{
		acked:     -1,
		open:      i.Snd_sbbytes > 0,
		smoothed:  time.Duration(i.Srtt) * time.Millisecond,
		variation: time.Duration(i.Rttvar) * time.Millisecond,
	}, true
}

func halt(uintptr) int64 { return 0 }

func probe(uintptr) bool { return false }

func calm(uintptr) {}

func acknowledge(uintptr) {}
