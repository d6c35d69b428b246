package smarthost

import (
	"bufio"
	"io"
	"net/netip"
	"os"
	"strings"
)

// NameServers are those of a file as resolv.conf(5) has it, in its order; none
// where it cannot be read.
func NameServers(file string) []netip.Addr {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	const most = 64 << 10
	var all []netip.Addr
	for lines := bufio.NewScanner(io.LimitReader(f, most)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if addr, err := netip.ParseAddr(words[1]); err == nil {
			all = append(all, addr)
		}
	}
	return all
}
