package lab

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A NameService is a real one: unbound over nsd, with the zones of the folder
// dns. They are the same for all tests, and nobody may change them.
type NameService struct {
	// Server is unbound, which asks nsd each time. It answers names.test (clients,
	// domains of senders), dnsbl.test and second.test (block lists), big.test
	// (answers that need TCP, a chain of 40 aliases), 192.0.2.0/24 and
	// 2001:db8::/32; SERVFAIL for ailing.test, REFUSED for refused.test, and
	// nothing at all for mute.test and 192.0.2.19.
	Server netip.AddrPort
	// Authority is nsd, which follows nothing.
	Authority netip.AddrPort
	// Ident is where oidentd answers instead of at port 113.
	Ident netip.AddrPort
}

// DNS is the running name service.
func DNS(t testing.TB) NameService {
	t.Helper()
	if _, err := os.Stat(filepath.Join(Root(), "dns/installed")); err != nil {
		Missing(t, "unbound, nsd and oidentd", "internal/lab/lab.sh install dns")
	}
	s := NameService{
		Server:    netip.MustParseAddrPort("127.0.0.1:15300"),
		Authority: netip.MustParseAddrPort("127.0.0.1:15301"),
		Ident:     netip.MustParseAddrPort("127.0.0.1:15113"),
	}
	if !answers(s.Server.String()) || !answers(s.Ident.String()) {
		needRoot(t, "the name service")
		if out, err := exec.Command(script("lab.sh"), "up", "dns").CombinedOutput(); err != nil {
			t.Fatalf("cannot start the name service: %v\n%s", err, out)
		}
	}
	return s
}

// Silence is an address of loopback where packets are taken and never answered,
// until the test ends.
func Silence(t testing.TB) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() }) //nolint:errcheck // it ends with the test
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}
