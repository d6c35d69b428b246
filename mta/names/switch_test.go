package names

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"mailcrane/internal/config"
	"mailcrane/internal/resolvconf"
	"mailcrane/queue"
)

// configured are the options of a configuration, whose $DIR is a folder with these
// files.
func configured(t *testing.T, files map[string]string, text string) Options {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text = "mta.dont_blame_sendmail = \"TrustStickyBit\"\n" + strings.ReplaceAll(text, "$DIR", dir)
	c, err := config.Parse("m.toml", []byte(text), func(string) string { return "/home/x" })
	if err != nil {
		t.Fatal(err)
	}
	o, err := Configured(c)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// zone answers for hosts.test, by DNS.
func zone(_ string, ask *dns.Msg) []byte {
	switch q := ask.Question[0]; {
	case q.Name == "hosts.test." && q.Qtype == dns.TypeA:
		return reply(ask, 0, "hosts.test. 60 A 203.0.113.1")
	case q.Name == "hosts.test." && q.Qtype == dns.TypeMX:
		return reply(ask, 0, "hosts.test. 60 MX 10 mx.hosts.test.")
	case q.Qtype == dns.TypePTR:
		return reply(ask, 0, q.Name+" 60 PTR dns.test.")
	}
	return reply(ask, dns.RcodeNameError, "test. 60 SOA ns.test. root.test. 1 1 1 1 60")
}

// TestTheServiceSwitchSaysWhoIsAsked has a file of hosts and a name service that do
// not agree.
//
// Coverage: B116, B118, B119, B126.
func TestTheServiceSwitchSaysWhoIsAsked(t *testing.T) {
	const files, byDNS = "192.0.2.1", "203.0.113.1"
	for _, c := range []struct {
		why, text     string
		address, only string // of hosts.test, and of only.test, which is in the file alone
		pointer       string
		mx, asks      bool
	}{
		{"sendmail's way to write", "hosts\tfiles dns\n", files, files, "hosts.test", true, true},
		{"nsswitch.conf's", "passwd: files\nhosts:files [!UNAVAIL=return] dns # no\n", files, files, "hosts.test", true, true},
		{"brackets with blanks", "hosts: files [NOTFOUND=return SUCCESS=continue] resolve\n", files, files, "hosts.test", true, true},
		{"DNS first", "hosts dns files\n", byDNS, files, "dns.test", true, true},
		{"DNS alone", "hosts dns\n", byDNS, "", "dns.test", true, true},
		{"a system without DNS", "hosts files\n", files, files, "hosts.test", false, false},
		{"NIS is not asked", "hosts nis files\n", files, files, "hosts.test", false, false},
		{"nothing at all", "hosts\n", "", "", "", false, false},
		{"sendmail's default", "aliases files\n", byDNS, files, "dns.test", true, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			o := configured(t, map[string]string{
				"switch": c.text, "hosts": "192.0.2.1 hosts.test\n192.0.2.1 only.test\n",
			}, "mta.service_switch_file = \"$DIR/switch\"\nmta.hosts_file = \"$DIR/hosts\"\n")
			s := &servers{t: t, answer: zone}
			d := s.resolver(o)
			for host, want := range map[string]string{"hosts.test": c.address, "only.test": c.only, "localhost": "127.0.0.1"} {
				all, err := d.Addresses(t.Context(), host)
				if want == "" && !errors.Is(err, ErrNone) || want != "" && (err != nil || all[0] != netip.MustParseAddr(want)) {
					t.Errorf("%s is %v, %v; want %q", host, all, err, want)
				}
			}
			if all, err := d.Pointers(t.Context(), netip.MustParseAddr("192.0.2.1")); c.pointer == "" && !errors.Is(err, ErrNone) || c.pointer != "" && !slices.Contains(all, c.pointer) {
				t.Errorf("the pointers are %v, %v", all, err)
			}
			if all, err := d.Exchangers(t.Context(), "hosts.test"); (len(all) == 1) != c.mx || !c.mx && !errors.Is(err, ErrNone) {
				t.Errorf("the MX are %v, %v", all, err)
			}
			if n := len(s.questions()); (n > 0) != c.asks {
				t.Errorf("%d questions", n)
			}
		})
	}
}

// Coverage: B117.
func TestDNSInTheSwitchAndNoNameServerIsTemporary(t *testing.T) {
	o := configured(t, map[string]string{"switch": "hosts files dns\n"}, "mta.service_switch_file = \"$DIR/switch\"\n")
	d := New(o)
	d.conf = func() resolvconf.Conf { return resolvconf.Conf{} }
	d.options.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") }
	if _, err := d.Addresses(t.Context(), "a.test"); isKnown(err) != "temporary" {
		t.Errorf("an address: %v", err)
	}
	if _, err := d.Exchangers(t.Context(), "a.test"); isKnown(err) != "temporary" {
		t.Errorf("an MX: %v", err)
	}
	if all, err := d.Addresses(t.Context(), "localhost"); err != nil || len(all) == 0 {
		t.Errorf("this machine: %v, %v", all, err)
	}
}

// TestTheServiceSwitchIsReadAgain also names the methods for aliases.
//
// Coverage: B98, B116.
func TestTheServiceSwitchIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := configured(t, map[string]string{"switch": "hosts files\naliases: nis\n"}, "mta.service_switch_file = \"$DIR/switch\"\n")
		s := o.Switch
		if diff := cmp.Diff([]string{"files"}, s.Hosts()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"nis"}, s.Aliases()); diff != "" {
			t.Error(diff)
		}
		if err := os.WriteFile(s.Path, []byte("hosts dns\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(switchHold)
		if diff := cmp.Diff([]string{"dns"}, s.Hosts()); diff != "" {
			t.Error(diff)
		}
		if err := os.Chmod(s.Path, 0o666); err != nil { //nolint:gosec // that is what it is about
			t.Fatal(err)
		}
		time.Sleep(switchHold)
		if diff := cmp.Diff([]string{"dns", "files"}, s.Hosts()); diff != "" {
			t.Errorf("one that others can write: %s", diff)
		}
	})
}

// TestEachResolverOptionChangesTheQuestion has a name server that fails for AAAA.
//
// Coverage: B120, B122, B123.
func TestEachResolverOptionChangesTheQuestion(t *testing.T) {
	for _, c := range []struct {
		options, want string
		err           string
	}{
		{"", "udp A rd; udp AAAA rd", "temporary"},
		{"DEBUG STAYOPEN", "udp A rd; udp AAAA rd", "temporary"},
		{"USEVC", "tcp A rd; tcp AAAA rd", "temporary"},
		{"+AAONLY", "udp A rd aa; udp AAAA rd aa", "temporary"},
		{"-RECURSE", "udp A; udp AAAA", "temporary"},
		{"-use_inet6", "udp A rd", "known"},
		{"WorkAroundBrokenAAAA", "udp A rd; udp AAAA rd", "known"},
		{"RES_USEVC -USEVC PRIMARY IGNTC", "udp A rd; udp AAAA rd", "temporary"},
	} {
		t.Run(c.options, func(t *testing.T) {
			o := configured(t, map[string]string{"switch": "hosts dns\n"},
				"mta.service_switch_file = \"$DIR/switch\"\nmta.resolver_options = \""+c.options+"\"\nmta.name_servers = [\"192.0.2.1\", \"192.0.2.2\"]\n")
			o.Flags.First = true // so that a failure is asked of nobody else
			var mu sync.Mutex
			var questions []string
			answer := func(network string) func(string, *dns.Msg) []byte {
				return func(_ string, ask *dns.Msg) []byte {
					kind := ask.Question[0].Qtype
					text := network + " " + dns.TypeToString[kind]
					if ask.RecursionDesired {
						text += " rd"
					}
					if ask.Authoritative {
						text += " aa"
					}
					mu.Lock()
					questions = append(questions, text)
					mu.Unlock()
					if kind == dns.TypeAAAA {
						return reply(ask, dns.RcodeServerFailure)
					}
					return reply(ask, 0, "a.test. 60 A 192.0.2.7")
				}
			}
			s := &servers{t: t, answer: answer("udp"), stream: answer("tcp")}
			_, err := s.resolver(o).Addresses(t.Context(), "a.test")
			if isKnown(err) != c.err {
				t.Errorf("it ends with %v", err)
			}
			slices.Sort(questions)
			if got := strings.Join(questions, "; "); got != c.want {
				t.Errorf("asked is %s; want %s", got, c.want)
			}
		})
	}
}

func TestTheFirstNameServerAloneAndNoTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{Flags: config.ResolverFlags{First: true, IgnoreTruncated: true}, Servers: []netip.AddrPort{here, netip.MustParseAddrPort("192.0.2.54:53")}}
		s := &servers{t: t, answer: func(_ string, ask *dns.Msg) []byte {
			if ask.Question[0].Name == "mute.test." {
				return nil
			}
			m := new(dns.Msg)
			if err := m.Unpack(reply(ask, 0, "a.test. 60 A 192.0.2.7")); err != nil {
				t.Error(err)
			}
			m.Truncated = true
			packet, err := m.Pack()
			if err != nil {
				t.Error(err)
			}
			return packet
		}}
		d := s.resolver(o)
		if all, err := d.IPv4(t.Context(), "a.test"); err != nil || len(all) != 1 {
			t.Errorf("what was cut off is %v, %v", all, err)
		}
		if _, err := d.IPv4(t.Context(), "mute.test"); isKnown(err) != "temporary" {
			t.Errorf("it ends with %v", err)
		}
		for _, q := range s.questions() {
			if q.server != here.String() || q.network != "udp" {
				t.Errorf("%s %s is asked", q.network, q.server)
			}
		}
		synctest.Wait()
	})
}

// Coverage: B30, B31.
func TestTheFirstTryOfAMessageHasItsOwnPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := configured(t, map[string]string{"switch": "hosts dns\n"}, "mta.service_switch_file = \"$DIR/switch\"\nmta.name_servers = [\"192.0.2.1\"]\n"+
			"timeout.resolver_retrans = 4\ntimeout.resolver_retry = 2\ntimeout.resolver_retrans_first = 1\ntimeout.resolver_retry_first = 3\n")
		s := &servers{t: t, answer: silent}
		d := s.resolver(o)
		for _, c := range []struct {
			why  string
			ctx  context.Context
			want time.Duration
		}{
			{"a first try", queue.FirstTry(t.Context()), 3 * time.Second},
			{"another", t.Context(), 8 * time.Second},
		} {
			began := time.Now()
			if _, err := d.Exchangers(c.ctx, "a.test"); isKnown(err) != "temporary" || time.Since(began) != c.want {
				t.Errorf("%s ends after %s with %v", c.why, time.Since(began), err)
			}
			time.Sleep(2 * failureHold)
		}
		if n := len(s.questions()); n != 3+2 {
			t.Errorf("%d questions", n)
		}
		synctest.Wait()
	})
}

// Coverage: B121, B124.
func TestANameIsCompletedAsSendmailDoes(t *testing.T) {
	records := map[string]string{
		"www.lan.test. A":       "www.lan.test. 60 A 192.0.2.1",
		"dotted.test. A":        "dotted.test. 60 A 192.0.2.2",
		"www.example.org. A":    "www.example.org. 60 CNAME host.example.org.\nhost.example.org. 60 A 192.0.2.3",
		"wild.lan.test. MX":     "wild.lan.test. 60 MX 10 mx.lan.test.",
		"wild.far.test. A":      "wild.far.test. 60 A 192.0.2.4",
		"mailonly.lan.test. MX": "mailonly.lan.test. 60 MX 10 mx.lan.test.",
		"six.lan.test. AAAA":    "six.lan.test. 60 AAAA 2001:db8::1",
		"bare. A":               "bare. 60 A 192.0.2.5",
	}
	zone := func(_ string, ask *dns.Msg) []byte {
		q := ask.Question[0]
		if text := records[q.Name+" "+dns.TypeToString[q.Qtype]]; text != "" {
			return reply(ask, 0, strings.Split(text, "\n")...)
		}
		if strings.HasPrefix(q.Name, "ailing.") {
			return reply(ask, dns.RcodeServerFailure)
		}
		return reply(ask, 0, "test. 60 SOA ns.test. root.test. 1 1 1 1 60")
	}
	for _, c := range []struct{ why, name, options, want string }{
		{"one label gets the search list", "www", "", "www.lan.test"},
		{"with a dot it is tried as it is", "dotted.test", "", "dotted.test"},
		{"and then with the search list", "www.lan", "", ""},
		{"an alias is followed", "www.example.org", "", "host.example.org"},
		{"or kept", "www.example.org", "keep", "www.example.org"},
		{"an address further down beats a wildcard MX", "wild", "", "wild.far.test"},
		{"an MX is taken where there is nothing else", "mailonly", "", "mailonly.lan.test"},
		{"not with HasWildcardMX", "mailonly", "HasWildcardMX", ""},
		{"IPv6 counts", "six", "", "six.lan.test"},
		{"not without USE_INET6", "six", "-USE_INET6", ""},
		{"at last as it is", "bare", "", "bare"},
		{"without the own domain", "www", "-DEFNAMES", ""},
		{"the own domain, without the search list", "wild", "-DNSRCH", "wild.lan.test"},
		{"the name service fails", "ailing", "", "temporary"},
		{"no name of a host", "a b", "", ""},
		{"the file of hosts", "filed", "", "filed"},
	} {
		t.Run(c.why, func(t *testing.T) {
			hosts := filepath.Join(t.TempDir(), "hosts")
			if err := os.WriteFile(hosts, []byte("192.0.2.9 filed\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			flags, err := config.ParseResolver(strings.TrimPrefix(c.options, "keep"))
			if err != nil {
				t.Fatal(err)
			}
			s := &servers{t: t, answer: zone}
			d := s.resolver(Options{Flags: flags, KeepAliases: c.options == "keep", Hosts: hosts})
			d.conf = func() resolvconf.Conf { return resolvconf.Conf{Search: []string{"lan.test", "far.test"}} }
			got, err := d.Complete(t.Context(), c.name)
			if c.want == "temporary" {
				if isKnown(err) != "temporary" {
					t.Errorf("%q, %v", got, err)
				}
				return
			}
			if got != c.want || (c.want == "") != errors.Is(err, ErrNone) {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}
