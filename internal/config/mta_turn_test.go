package config

import (
	"slices"
	"strings"
	"testing"
)

func TestAnAccountSaysHowItsMailIsFetched(t *testing.T) {
	const account = "[account.work]\nsmarthost = \"smtps://mail.example.org\"\nfrom = [\"me@example.org\"]\nuser = \"me\"\n"
	for _, c := range []struct {
		reason, text, fetch, from string
		domains                   []string
		wrong                     string
	}{
		{"not at all", account, FetchNone, "smtps://mail.example.org:465", nil, ""},
		{"by ATRN from the smarthost", account + "fetch = \"ATRN\"\nfetch_domains = [\"Client.Example\"]", FetchATRN, "smtps://mail.example.org:465", []string{"client.example"}, ""},
		{"from another server", account + "fetch = \"atrn\"\nfetch_domains = [\"client.example\"]\nfetch_smarthost = \"smtp://odmr.example.org:366\"", FetchATRN, "smtp://odmr.example.org:366", []string{"client.example"}, ""},
		{"by ETRN", account + "fetch = \"etrn\"\nfetch_domains = [\"client.example\", \"two.example\"]", FetchETRN, "smtps://mail.example.org:465", []string{"client.example", "two.example"}, ""},
		{"nobody's mail", account + "fetch = \"atrn\"", "", "", nil, "no fetch_domains"},
		{"no such way", account + "fetch = \"pop\"", "", "", nil, "pop"},
		{"no domain", account + "fetch_domains = [\"me@client.example\"]", "", "", nil, "client.example"},
		{"nobody to log in as", strings.ReplaceAll(account, "user = \"me\"\n", "") + "fetch = \"atrn\"\nfetch_domains = [\"client.example\"]", "", "", nil, "does not"},
		{"a password in the clear", account + "fetch = \"atrn\"\nfetch_domains = [\"client.example\"]\nfetch_smarthost = \"smtp+insecure://odmr.example.org\"", "", "", nil, "without TLS"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			got, err := Parse("m.toml", []byte(c.text+"\n"), home)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Fatalf("%v, want %q", err, c.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			a := got.Account("work")
			if a.Fetch != c.fetch || a.FetchesFrom().String() != c.from || !slices.Equal(a.FetchDomains, c.domains) || (len(got.Fetching()) > 0) != (c.fetch != FetchNone) {
				t.Errorf("%q from %v for %q", a.Fetch, a.FetchesFrom(), a.FetchDomains)
			}
		})
	}
}

func TestOnlyTheUsersOfATurnFetchTheirDomains(t *testing.T) {
	c, err := Parse("m.toml", []byte("[mta.turn]\nusers = [\"ann Client.Example, two.example\", \"bob three.example\", \"ann four.example,two.example\"]\n"), home)
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]string{"ann": "client.example two.example four.example", "bob": "three.example", "eve": "", "": ""} {
		if got := strings.Join(c.MTA.Turn.Domains(user), " "); got != want {
			t.Errorf("%q may fetch %q, want %q", user, got, want)
		}
	}
	for _, bad := range []string{"ann", "", "ann client..example", "ann [192.0.2.1]", "ann *"} {
		if _, err := Parse("m.toml", []byte("[mta.turn]\nusers = [\""+bad+"\"]\n"), home); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestPort366OffersATRNByItself(t *testing.T) {
	for _, c := range []struct {
		listener Listener
		want     bool
	}{
		{Listener{Address: "0.0.0.0:366"}, true},
		{Listener{Address: "0.0.0.0:25"}, false},
		{Listener{Address: ":366", ODMR: No}, false},
		{Listener{Address: ":587", ODMR: Yes}, true},
	} {
		if got := c.listener.Turns(); got != c.want {
			t.Errorf("%+v: %v", c.listener, got)
		}
	}
}
