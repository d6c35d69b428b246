package policy

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/greylist"
	"mailcrane/mta/names"
	"mailcrane/mta/safefile"
)

// Coverage: B51.
func TestATooHighLoadRefusesClientsAndTheLogHearsOfItNowAndThen(t *testing.T) {
	var out bytes.Buffer
	load, now := 12.9, time.Unix(1_800_000_000, 0)
	w := world{mta: "[queue]\nrefuse_load = 12\nreject_log_interval = \"1h\"", parts: Parts{
		Load: func() float64 { return load }, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(&out, nil)),
	}}
	p := w.policy(t)
	connect := func() string {
		v, verdict := p.Connect(t.Context(), from("192.0.2.1", "host.away.example"))
		v.Close()
		return verdict.heard()
	}
	for range 100 {
		if got := connect(); got != "421 4.3.2 This machine is too busy, please try again later" {
			t.Fatalf("the client hears %q", got)
		}
	}
	now = now.Add(2 * time.Hour)
	connect()
	load = 11.9 // counts as 11, as in sendmail
	if got := connect(); got != "ok" {
		t.Errorf("with less load: %q", got)
	}
	log := out.String()
	if strings.Count(log, "\n") != 3 || !strings.Contains(log, "rejecting connections on daemon : load average: 12") || !strings.Contains(log, "refused=101") {
		t.Errorf("the log is\n%s", log)
	}
}

func TestAHighLoadSlowsClientsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world{mta: "[queue]\ndelay_load = 8", parts: Parts{Load: func() float64 { return 8 }}}
		begin := time.Now()
		v, _ := w.policy(t).Connect(t.Context(), from("192.0.2.1", "host.away.example"))
		defer v.Close()
		v.Mail(t.Context(), "a@away.example", 0)
		v.Rcpt(t.Context(), "a@mail.example.org")
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("three steps took %v", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if begin = time.Now(); v.Data(ctx).Refusal != nil || time.Since(begin) != 0 {
			t.Error("who has gone was waited for")
		}
	})
}

func TestConnectionsAboveTheRateOfTheServerWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world{mta: "[mta.policy]\nconnection_rate_throttle = 3"}
		p := w.policy(t)
		begin := time.Now()
		waits := make([]time.Duration, 7)
		for i := range waits {
			v, _ := p.Connect(t.Context(), from("192.0.2.1", "host.away.example"))
			waits[i] = time.Since(begin).Truncate(time.Second)
			v.Close()
		}
		for i, want := range []int{0, 0, 0, 1, 1, 1, 2} {
			if waits[i] != time.Duration(want)*time.Second {
				t.Errorf("connection %d was served after %v, want %d s", i+1, waits[i], want)
			}
		}
	})
}

func TestAFloodIsToldToComeLaterAndNotKeptWaitingForEver(t *testing.T) {
	c := NewCounts()
	now := time.Unix(1_800_000_000, 0)
	longest := time.Duration(0)
	for range 10_000 {
		if wait := c.turn(now, 1); wait <= mostPause {
			longest = max(longest, wait)
		}
	}
	if longest != mostPause {
		t.Errorf("the longest wait is %v", longest)
	}
	if wait := c.turn(now.Add(mostPause+time.Second), 1); wait != 0 {
		t.Errorf("after the flood a client waits %v", wait)
	}
}

func TestCountsAreBoundedAndANetworkOfIPv6IsOneClient(t *testing.T) {
	c := NewCounts()
	now := time.Unix(1_800_000_000, 0)
	held := netip.MustParseAddr("2001:db8:ffff::1")
	c.arrive(held, now, time.Minute)
	bytes := netip.MustParseAddr("2001:db8::").As16()
	for i := range 3 * mostNetworks { // a /48 of strangers
		bytes[6], bytes[7], bytes[15] = byte(i>>8), byte(i), byte(i)
		addr := netip.AddrFrom16(bytes)
		c.arrive(addr, now, time.Minute)
		c.leave(addr)
	}
	if len(c.networks) > mostNetworks || c.order.Len() != len(c.networks) {
		t.Errorf("%d networks are counted, %d in order", len(c.networks), c.order.Len())
	}
	if c.open(held) != 1 {
		t.Error("a network with an open connection was forgotten")
	}
	c.arrive(netip.MustParseAddr("2001:db8:ffff::2"), now, time.Minute)
	if got := c.open(held); got != 2 {
		t.Errorf("%d connections of one /64, want 2", got)
	}
	c.arrive(netip.MustParseAddr("192.0.2.1"), now, time.Minute)
	if got := c.open(netip.MustParseAddr("192.0.2.2")); got != 0 {
		t.Errorf("%d connections of the IPv4 address beside", got)
	}
	if got := c.rate(held, now.Add(61*time.Second), time.Minute); got != 0 {
		t.Errorf("%d connections in the window after it", got)
	}
}

// Coverage: B131.
func TestMailIsPutOffWhereTheDiskIsShort(t *testing.T) {
	for _, c := range []struct {
		reason string
		free   int64 // blocks
		size   int64 // octets
		want   string
	}{
		{"just enough", 100, 0, "ok"},
		{"one block too few", 99, 0, "452 4.4.5 Insufficient disk space; try again later"},
		{"the message fits", 102, 2048, "ok"},
		{"a part of a block is a block", 102, 2049, "452 4.4.5 Insufficient disk space; try again later"},
	} {
		told := false
		w := world{mta: "[submit]\nmin_free_blocks = 100", parts: Parts{
			Free: func(string) (int64, error) { return c.free*1024 + 1023, nil },
			LowOnSpace: func(free, wanted int64) {
				told = free == c.free*1024+1023 && wanted == c.size
			},
		}}
		v, _ := w.policy(t).Connect(t.Context(), from("192.0.2.1", "host.away.example"))
		if got := v.Mail(t.Context(), "a@away.example", c.size).heard(); got != c.want {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
		if told == (c.want == "ok") {
			t.Errorf("%s: told as it is: %v", c.reason, told)
		}
		v.Close()
	}
}

func TestTheFilesOfTheClassesAreReadAgainWhenTheyHaveChanged(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	local, relay := filepath.Join(dir, "local-host-names"), filepath.Join(dir, "relay-domains")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(local, "# ours\nexample.org\n")
	write(relay, "10.1.2   # the office\nIPv6:2001:db8:1\n")
	now := time.Unix(1_800_000_000, 0)
	var out bytes.Buffer
	w := world{mta: "[mta]\nlocal_file = \"" + local + "\"\nrelay_file = \"" + relay + "\"", parts: Parts{
		Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(&out, nil)),
		Safe: safefile.Rules{Blame: config.TrustStickyBit}, // the test's directory is below /tmp
	}}
	p := w.policy(t)
	asked := func(addr string) string {
		return p.MayRelay(t.Context(), from(addr, ""), "", "a@far.example").Where
	}
	if !p.Local("Example.ORG.") || p.Local("other.example") || asked("10.1.2.9") != relay+":1" || asked("2001:db8:1::9") != relay+":2" || asked("10.1.3.9") != "" {
		t.Errorf("at first: %q, %q, %q", asked("10.1.2.9"), asked("2001:db8:1::9"), asked("10.1.3.9"))
	}
	write(relay, "10.1.3 # another office\n")
	if asked("10.1.3.9") != "" {
		t.Error("the file was looked at twice in a second")
	}
	now = now.Add(2 * time.Second)
	if asked("10.1.3.9") != relay+":1" || asked("10.1.2.9") != "" {
		t.Error("a changed file was not read again")
	}
	write(relay, "10.1.3\n10.1.4.0/24\n")
	now = now.Add(2 * time.Second)
	if asked("10.1.3.9") == "" || !strings.Contains(out.String(), relay+":2") {
		t.Errorf("after a bad line the old entries do not hold, or the log is silent: %s", out.String())
	}
}

func TestAGreylistPutsOffWhoIsNotKnown(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { return now }
	list, err := greylist.New(greylist.Options{Delay: 5 * time.Minute, Window: time.Hour, Keep: time.Hour, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	w := world{mta: "[mta]\nrelay = [\"10.1.2\"]", parts: Parts{Greylist: list, Now: clock}}
	p := w.policy(t)
	heard := func(c Client, to string) string {
		v, _ := p.Connect(t.Context(), c)
		defer v.Close()
		v.Mail(t.Context(), "a@away.example", 0)
		return v.Rcpt(t.Context(), to).heard()
	}
	stranger, user := from("192.0.2.1", "host.away.example"), from("192.0.2.1", "host.away.example")
	user.User, user.Mechanism = "joe", "PLAIN"
	for _, c := range []struct {
		reason string
		client Client
		to     string
		want   string
	}{
		{"a stranger", stranger, "a@mail.example.org", "451 4.7.1 Greylisted, please try again in 5 minutes"},
		{"relaying is refused as it was", stranger, "a@far.example", "550 5.7.1 <a@far.example>... Relaying denied"},
		{"who has logged in", user, "b@mail.example.org", "ok"},
		{"class R", from("10.1.2.3", ""), "b@mail.example.org", "ok"},
		{"this machine", Client{}, "b@mail.example.org", "ok"},
	} {
		if got := heard(c.client, c.to); got != c.want {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
	}
	now = now.Add(6 * time.Minute)
	if got := heard(stranger, "a@mail.example.org"); got != "ok" {
		t.Errorf("the second try: %q", got)
	}
}

func TestAForgedNameIsWhatTheAccessMapIsAskedForOnlyWhereThatIsWanted(t *testing.T) {
	c := from("192.0.2.1", "")
	c.Client = names.Client{Name: "[192.0.2.1]", State: names.Forged, Pointer: "gate.example.org"}
	for mta, want := range map[string]string{"": "[192.0.2.1]", "[mta.policy]\nuse_client_ptr = true": "gate.example.org"} {
		w := world{mta: mta}
		if got := w.policy(t).nameOf(&c); got != want {
			t.Errorf("%s: the name is %s, want %s", mta, got, want)
		}
	}
}
