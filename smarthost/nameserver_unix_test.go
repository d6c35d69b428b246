//go:build unix && !darwin

package smarthost

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestANameServerIsTheOneThatStandsInResolvConfNow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	for _, test := range []struct{ why, text, asked, want string }{
		{"it stands there", "nameserver 192.0.2.1\n", "192.0.2.1:53", "192.0.2.1:53"},
		{"it is the second", "nameserver 192.0.2.1\nnameserver 192.0.2.2\n", "192.0.2.2:53", "192.0.2.2:53"},
		{"it was another network's", "# new\nsearch lan\nnameserver 198.51.100.1\nnameserver 198.51.100.2\n", "192.0.2.1:53", "198.51.100.1:53"},
		{"IPv6", "nameserver 2001:db8::1\n", "192.0.2.1:53", "[2001:db8::1]:53"},
		{"a link-local one has a zone", "nameserver fe80::1%eth0\n", "127.0.0.1:53", "[fe80::1%eth0]:53"},
		{"white space, and options behind", "\tnameserver\t192.0.2.9  # the router\n", "127.0.0.1:53", "192.0.2.9:53"},
		{"none there: what the resolver says", "search lan\n", "127.0.0.1:53", "127.0.0.1:53"},
		{"nonsense is no server", "nameserver here\nnameserver\n", "127.0.0.1:53", "127.0.0.1:53"},
	} {
		t.Run(test.why, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got := ""
			_, _ = nameservers{path, dialledTo(&got)}.connect(t.Context(), "udp", test.asked)
			if got != test.want {
				t.Errorf("dialled %s", got)
			}
		})
	}
	t.Run("no file", func(t *testing.T) {
		got := ""
		_, _ = nameservers{path + "-not", dialledTo(&got)}.connect(t.Context(), "udp", "127.0.0.1:53")
		if got != "127.0.0.1:53" {
			t.Errorf("dialled %s", got)
		}
	})
}

// dialledTo dials nobody, and notes who it was.
func dialledTo(address *string) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, _, to string) (net.Conn, error) {
		*address = to
		return nil, errors.New("not dialled")
	}
}
