package config

import (
	"strings"
	"testing"
)

func TestResolverOptionsAreSendmailsWords(t *testing.T) {
	for _, c := range []struct {
		why, text string
		want      ResolverFlags
		err       string
	}{
		{"nothing", " ", ResolverFlags{}, ""},
		{"set and cleared, in any case", "+aaonly -DNSRCH HasWildcardMX", ResolverFlags{Authoritative: true, NoSearch: true, WildcardMX: true}, ""},
		{"the usual ones change nothing", "RECURSE DEFNAMES DNSRCH USE_INET6 DEBUG STAYOPEN", ResolverFlags{}, ""},
		{"the library's prefix", "RES_USEVC -RES_RECURSE", ResolverFlags{UseTCP: true, NoRecursion: true}, ""},
		{"the last one counts", "PRIMARY -PRIMARY", ResolverFlags{}, ""},
		{"a slip", "USEVCC", ResolverFlags{}, `"USEVCC" is no word of ResolverOptions: did you mean USEVC?`},
		{"a sign alone", "+", ResolverFlags{}, "is no word"},
	} {
		got, err := ParseResolver(c.text)
		if got != c.want || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %+v, %v", c.why, got, err)
		}
	}
}
