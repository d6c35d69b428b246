package mx

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailcrane/internal/config"
)

func TestAListOfHostsIsRead(t *testing.T) {
	for _, c := range []struct {
		text string
		want [][]entry
	}{
		{"example.org", [][]entry{{{host: "example.org"}}}},
		{"example.org.", [][]entry{{{host: "example.org"}}}},
		{"[example.org]", [][]entry{{{host: "example.org", fixed: true}}}},
		{"[192.0.2.1]:2525", [][]entry{{{host: "192.0.2.1", fixed: true, port: 2525}}}},
		{"[IPv6:2001:db8::1]:2525", [][]entry{{{host: "IPv6:2001:db8::1", fixed: true, port: 2525}}}},
		{"a.example:b.example,[c.example]", [][]entry{{{host: "a.example"}}, {{host: "b.example"}, {host: "c.example", fixed: true}}}},
		{"[a.example]:26,b.example:c.example", [][]entry{{{host: "a.example", fixed: true, port: 26}, {host: "b.example"}}, {{host: "c.example"}}}},
		{"[a.example]:26:27", [][]entry{{{host: "a.example", fixed: true, port: 26}}, {{host: "27"}}}},
		{"a.example:26", [][]entry{{{host: "a.example"}}, {{host: "26"}}}},
		{"[a.example]:70000", [][]entry{{{host: "a.example", fixed: true}}, {{host: "70000"}}}},
		{"", nil},
		{":,:", nil},
	} {
		if diff := cmp.Diff(c.want, parseList(c.text), cmp.AllowUnexported(entry{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
	}
}

func FuzzParseList(f *testing.F) {
	for _, seed := range []string{"a.example:b.example,[c.example]", "[192.0.2.1]:2525", "[IPv6:::1]:25:x", "]", "[", "[]:1,:2", "1:2:[3]:4"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		groups := parseList(text)
		for _, group := range groups {
			if len(group) == 0 {
				t.Errorf("%q has an empty group", text)
			}
			for _, e := range group {
				if !strings.Contains(text, e.host) || e.port != 0 && !e.fixed {
					t.Errorf("%q: %+v", text, e)
				}
				if addr, ok := e.literal(); ok && !addr.IsValid() {
					t.Errorf("%q: %+v", text, e)
				}
			}
		}
		if n, err := config.ParseNextHop("esmtp:" + text); err == nil && n.User == "" && len(groups) == 0 {
			t.Errorf("%q is a next hop, and has no host", text)
		}
	})
}
