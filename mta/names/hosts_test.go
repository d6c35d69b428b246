package names

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheFileOfHostsGoesFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# mine\n127.0.0.1 localhost\n10.0.0.5\tprinter.lan printer # upstairs\nfe80::1%eth0 router.lan\n0.0.0.0 ads.test\nnonsense here\n10.0.0.6\n10.0.0.7 ev\x1bil\n")
	now := time.Unix(1_700_000_000, 0)
	s := &servers{t: t, answer: fails(2)}
	d := s.resolver(Options{Hosts: path, Now: func() time.Time { return now }})
	for _, c := range []struct{ why, host, want string }{
		{"a name", "printer.lan", "[10.0.0.5] <nil>"},
		{"its alias, any case", "PRINTER", "[10.0.0.5] <nil>"},
		{"a zone belongs to one machine", "router.lan", "[fe80::1] <nil>"},
		{"localhost", "localhost", "[127.0.0.1] <nil>"},
		{"below localhost", "a.localhost", "[127.0.0.1 ::1] <nil>"},
	} {
		all, err := d.Addresses(t.Context(), c.host)
		if got := fmt.Sprint(all, " ", err); got != c.want {
			t.Errorf("%s: %s", c.why, got)
		}
	}
	if got := OfClient(t.Context(), d, netip.MustParseAddr("10.0.0.5")); got != (Client{"printer.lan", OK, "printer.lan"}) {
		t.Errorf("%+v", got)
	}
	if n := len(s.questions()); n != 0 {
		t.Errorf("asked %d times", n)
	}
	for _, host := range []string{"ads.test", "ev\x1bil"} {
		if all, _ := d.Addresses(t.Context(), host); len(all) > 0 {
			t.Errorf("%q: %v", host, all)
		}
	}

	write("10.0.0.55 printer.lan\n" + strings.Repeat("# more\n", 10))
	if all, _ := d.Addresses(t.Context(), "printer.lan"); fmt.Sprint(all) != "[10.0.0.5]" {
		t.Errorf("looked at more than once a second: %v", all)
	}
	now = now.Add(time.Second)
	if all, _ := d.Addresses(t.Context(), "printer.lan"); fmt.Sprint(all) != "[10.0.0.55]" {
		t.Errorf("the change is not seen: %v", all)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	if all, _ := d.Addresses(t.Context(), "printer.lan"); len(all) > 0 {
		t.Errorf("the file is gone: %v", all)
	}
}
