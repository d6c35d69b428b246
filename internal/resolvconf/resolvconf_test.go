package resolvconf

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAFileSaysWhoIsAskedAndHowPatiently(t *testing.T) {
	one := []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	for _, test := range []struct {
		why, text string
		want      Conf
	}{
		{"a server", "nameserver 192.0.2.1\n", Conf{Servers: one}},
		{"patience", "nameserver 192.0.2.1\noptions edns0 timeout:3 attempts:4 rotate\n", Conf{one, 3 * time.Second, 4, nil}},
		{"glibc's bounds", "nameserver 192.0.2.1\noptions timeout:300 attempts:99\n", Conf{one, 30 * time.Second, 5, nil}},
		{"nonsense says nothing", "nameserver 192.0.2.1\noptions timeout:soon attempts:0 timeout:-1\noptions\n", Conf{Servers: one}},
		{"comments and search lists", "# nameserver 192.0.2.9\n; no\nsearch lan\n nameserver\t192.0.2.1 # it\n", Conf{Servers: one, Search: []string{"lan"}}},
		{"an endless list ends", strings.Repeat("nameserver 192.0.2.1\n", 10_000), Conf{Servers: []netip.Addr{
			one[0], one[0], one[0], one[0], one[0], one[0], one[0], one[0], one[0], one[0], one[0], one[0], one[0], one[0], one[0], one[0],
		}}},
	} {
		path := filepath.Join(t.TempDir(), "resolv.conf")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, Read(path), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s: %s", test.why, diff)
		}
	}
	if got := Read(filepath.Join(t.TempDir(), "none")); len(got.Servers) != 0 {
		t.Errorf("a file that is not there says %v", got)
	}
}
