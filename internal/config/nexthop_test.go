package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestANextHopIsReadInEachOfItsForms(t *testing.T) {
	for _, c := range []struct {
		why, text string
		want      NextHop
		hosts     [][]string
	}{
		{"a host alone", "mail.example", NextHop{Mailer: "relay", Host: "mail.example"}, [][]string{{"mail.example"}}},
		{"a mailer, in any case", "ESMTP:mail.example", NextHop{Mailer: "esmtp", Host: "mail.example"}, [][]string{{"mail.example"}}},
		{"no MX", "smtp:[mail.example]", NextHop{Mailer: "smtp", Host: "[mail.example]"}, [][]string{{"[mail.example]"}}},
		{"IPv6, whose colons divide nothing", "[IPv6:2001:db8::1]", NextHop{Mailer: "relay", Host: "[IPv6:2001:db8::1]"}, [][]string{{"[IPv6:2001:db8::1]"}}},
		{
			"a list", "relay:a.example,b.example:[c.example]",
			NextHop{Mailer: "relay", Host: "a.example,b.example:[c.example]"},
			[][]string{{"a.example", "b.example"}, {"[c.example]"}},
		},
		{
			"a port, which begins no next host", "esmtp:[127.0.0.1]:10025:b.example",
			NextHop{Mailer: "esmtp", Host: "[127.0.0.1]:10025:b.example"},
			[][]string{{"[127.0.0.1]:10025"}, {"b.example"}},
		},
		{"no port is as large", "[192.0.2.1]:70000", NextHop{Mailer: "relay", Host: "[192.0.2.1]:70000"}, [][]string{{"[192.0.2.1]"}, {"70000"}}},
		{"a list without a mailer", "a.example:b", NextHop{Mailer: "relay", Host: "a.example:b"}, [][]string{{"a.example"}, {"b"}}},
		{"a user", "smtp:me@mail.example", NextHop{Mailer: "smtp", Host: "mail.example", User: "me"}, [][]string{{"mail.example"}}},
		{"an account", "account:work", NextHop{Mailer: "account", Host: "work"}, [][]string{{"work"}}},
		{"a local user", "local:trap@any", NextHop{Mailer: "local", User: "trap"}, [][]string{{""}}},
		{"an error", "error:5.1.1:550 No", NextHop{Mailer: "error", Error: "5.1.1:550 No"}, [][]string{{""}}},
	} {
		got, err := ParseNextHop(c.text)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", c.why, err, diff)
		}
		if diff := cmp.Diff(c.hosts, got.Hosts()); diff != "" {
			t.Errorf("%s: %s", c.why, diff)
		}
	}
}

func TestANextHopThatIsNoneIsRefusedWithItsLine(t *testing.T) {
	for _, c := range []struct{ why, key, value, want string }{
		{"no such mailer", "smart_host", "uucp:host.example", "there is no mailer uucp: there are smtp, esmtp"},
		{"a port", "smart_host", "host:25", "there is no mailer host"},
		{"no host", "mail_hub", "esmtp:", "the host is missing"},
		{"a hole in a list", "mail_hub", "esmtp:a.example::b.example", "has an empty host in its list"},
		{"no closing bracket", "local_relay", "[192.0.2.1", "has no closing bracket"},
		{"a host with a blank", "null_client", "mail example", "is no name of a machine"},
		{"no network", "smart_host", "local:me", "local: names no host"},
		{"an account without a name", "smart_host", "account:", "account: needs the name of an account"},
	} {
		_, err := Parse("m.toml", []byte("[mta.route]\n"+c.key+" = \""+c.value+"\"\n"), home)
		if err == nil || !strings.Contains(err.Error(), "m.toml:2: mta.route."+c.key) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.why, err, c.want)
		}
	}
	for _, key := range []string{"virt_host", "generics"} {
		if _, err := Parse("m.toml", []byte("[mta.route]\n"+key+" = [\"virt.example\", \"me@example.org\"]\n"), home); err == nil || !strings.Contains(err.Error(), "m.toml:2: mta.route."+key+": me@example.org is no domain") {
			t.Errorf("an address for a domain: %v", err)
		}
	}
	if _, err := Parse("m.toml", []byte("[mta.deliver]\nluser_relay = \"local:\"\n"), home); err == nil || !strings.Contains(err.Error(), "m.toml:2: mta.deliver.luser_relay: local: needs a user") {
		t.Errorf("a trap without a name: %v", err)
	}
	if _, err := Parse("m.toml", []byte("[mta.deliver]\nluser_relay = \"local:trap\"\n"), home); err != nil {
		t.Errorf("a trap: %v", err)
	}
}
