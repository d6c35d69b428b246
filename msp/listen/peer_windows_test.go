package listen

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

// An agent on Windows could not tell its own user from others on a loopback
// port, and let everybody in.
//
// Coverage: windows.
func TestTheUserOfALoopbackConnectionIsLookedUpOnWindows(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // for IPv6, Wine 8 has no processes in its table
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	who, err := Access{}.admit(far)
	if err != nil || who.known || !strings.Contains(who.words, ", process ") {
		t.Errorf("%+v, %v", who, err)
	}
	us := far.LocalAddr().(*net.TCPAddr).AddrPort()
	if who, err := tcpUser(netip.AddrPortFrom(us.Addr(), 1), us); err == nil {
		t.Errorf("%+v for a connection that there is not", who)
	}
}

func TestAnotherUsersConnectionIsRefusedOnWindows(t *testing.T) {
	if (Access{}).allows(user{words: "process 12 of another user"}) {
		t.Error("another user is let in")
	}
	if !(Access{Everyone: true}).allows(user{words: "process 12 of another user"}) {
		t.Error("where everyone may submit, another user may not")
	}
}

func TestATableOfConnectionsThatIsCutShortIsReadToItsEnd(t *testing.T) {
	v4 := []byte{5, 0, 0, 0, 127, 0, 0, 1, 0xc0, 1, 0, 0, 127, 0, 0, 1, 9, 0xdd, 0, 0, 7, 0, 0, 0}
	v6 := make([]byte, 56)
	v6[15], v6[20], v6[21], v6[39], v6[44], v6[45], v6[52] = 1, 0xc0, 1, 1, 9, 0xdd, 7
	for host, row := range map[string][]byte{"127.0.0.1": v4, "[::1]": v6} {
		peer, us := netip.MustParseAddrPort(host+":49153"), netip.MustParseAddrPort(host+":2525")
		columns, table := columnsFor(peer), append([]byte{200, 0, 0, 0}, row...)
		if process, found := columns.find(table, peer, us); !found || process != 7 {
			t.Errorf("%s: process %d, %v", host, process, found)
		}
		for n := range table {
			if process, found := columns.find(table[:n], peer, us); found {
				t.Errorf("%s, cut to %d octets: process %d", host, n, process)
			}
		}
		if process, found := columns.find(table, us, peer); found {
			t.Errorf("%s: our own end is taken for the peer's: process %d", host, process)
		}
	}
}

func TestAUnixSocketIsRefusedInWordsOnWindows(t *testing.T) {
	_, err := Listen(t.Context(), `unix:C:\sock`, Access{})
	if err == nil || !strings.Contains(err.Error(), "does not say who is at the other end") {
		t.Errorf("got %v", err)
	}
}
