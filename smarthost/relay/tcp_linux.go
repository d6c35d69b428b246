package relay

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// prepare sets the options of tcp(7). TCP_NODELAY is Go's own default.
func prepare(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSentMost)
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unackedTime/time.Millisecond))
}

// acknowledge sends the acknowledgement that the system would put off by up to
// 40 ms. It holds for once.
func acknowledge(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
}

// ask reads TCP_INFO, which the kernel keeps after a connection has broken.
func ask(fd uintptr) (status, bool) {
	i, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return status{}, false
	}
	acked := int64(min(i.Bytes_acked, math.MaxInt64))
	if acked == 0 {
		acked = -1 // the SYN counts, so that this kernel does not (before Linux 4.1)
	}
	return status{
		acked:     acked,
		unsent:    int64(i.Notsent_bytes),
		refused:   i.Rwnd_limited > i.Busy_time/2,
		open:      i.Unacked > 0 || i.Notsent_bytes > 0,
		late:      i.Retransmits > 0,
		silent:    time.Duration(i.Last_ack_recv) * time.Millisecond,
		sent:      time.Duration(i.Last_data_sent) * time.Millisecond,
		smoothed:  time.Duration(i.Rtt) * time.Microsecond,
		variation: time.Duration(i.Rttvar) * time.Microsecond,
		shortest:  shortest(i.Min_rtt),
		rate:      int64(min(i.Delivery_rate, math.MaxInt64)),
		clocks:    true,
	}, true
}

// shortest is tcpi_min_rtt, which is all ones as long as there is none.
func shortest(micros uint32) time.Duration {
	if micros == math.MaxUint32 {
		return 0
	}
	return time.Duration(micros) * time.Microsecond
}

// nowhere is the index of no interface.
const nowhere = math.MaxInt32

// halt binds the socket to an interface that does not exist: the kernel finds no
// way for its segments any more, counts none as sent, and says what is left.
// Closing alone would not do: it leaves what waits to be sent to the kernel, and
// with a zero linger time some may still leave before it. The binding needs no
// privilege (Linux 5.7); where it fails, nothing is certain.
func halt(fd uintptr) int64 {
	now, known := ask(fd)
	if !known || now.unsent == 0 {
		return 0
	}
	if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, nowhere) != nil && !ended(fd) {
		return 0
	}
	// The kernel need not keep it for minutes after the close.
	_ = unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	now, _ = ask(fd)
	return now.unsent
}

// ended says that the connection is over for the kernel.
func ended(fd uintptr) bool {
	i, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	return err == nil && i.State == tcpClose
}

// tcpClose is TCP_CLOSE of linux/tcp_states.h.
const tcpClose = 7

// probe has the kernel ask the other end's whether it is there: at once if that
// has said nothing for a second, else when it will have. It does so only while
// nothing is unacknowledged. calm undoes it.
func probe(fd uintptr) bool { return keepIdle(fd, time.Second) }

func calm(fd uintptr) { keepIdle(fd, probeAfter) }

func keepIdle(fd uintptr, after time.Duration) bool {
	return unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(after/time.Second)) == nil
}
