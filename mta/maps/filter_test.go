package maps

import (
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

func TestTheKeyStandsInValuesAlone(t *testing.T) {
	for _, c := range []struct {
		filter string
		good   bool
	}{
		{"(mail=%s)", true},
		{"(&(objectClass=person)(|(mail=%s)(mailAlternateAddress=%s)))", true},
		{"(mail=*%s*)", true},
		{"(!(mail=%s))", true},
		{"(cn:caseExactMatch:=%s)", true},
		{"(mail~=%s)", true},
		{"(%s=x)", false},
		{"(%s=*)", false},
		{"(%s=x*)", false},
		{"(x%s>=1)", false},
		{"(cn:%s:=x)", false},
		{"(%s:dn:=x)", false},
		{"(&(mail=x)(%s=x))", false},
		{"(mail=x)", false},
		{"mail=%s)", false},
		{"%s", false},
		{"", false},
	} {
		if err := checkFilter(c.filter); (err == nil) != c.good {
			t.Errorf("%s: %v", c.filter, err)
		}
	}
}

// FuzzFilter has keys that mean something in a filter: whatever they are, they
// are the value that is compared with, octet for octet, and nothing else.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{"a@example.org", "*", "a*b", ")(uid=*", "\\2a", "\x00", "(|(a=b))", "é", "\xff\xfe", "%s", " a ", "", "\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		text := filterFor("(&(objectClass=person)(|(mail=%s)(uid=*%s)))", key)
		if strings.ContainsFunc(text, func(r rune) bool { return r == 0 || r > 0x7f }) {
			t.Errorf("%q is not plain", text)
		}
		p, err := ldap.CompileFilter(text)
		if key == "" {
			return // (uid=*) is of another kind; nobody asks for an empty key
		}
		if err != nil {
			t.Fatalf("%q makes %q: %v", key, text, err)
		}
		if p.Tag != ldap.FilterAnd || len(p.Children) != 2 || p.Children[1].Tag != ldap.FilterOr || len(p.Children[1].Children) != 2 {
			t.Fatalf("%q changes the filter: %q", key, text)
		}
		equal, part := p.Children[1].Children[0], p.Children[1].Children[1]
		if equal.Tag != ldap.FilterEqualityMatch || value(equal.Children[1]) != key {
			t.Errorf("%q is compared as %q", key, value(equal.Children[1]))
		}
		if part.Tag != ldap.FilterSubstrings || len(part.Children[1].Children) != 1 || value(part.Children[1].Children[0]) != key {
			t.Errorf("%q is not the end of %q", key, text)
		}
	})
}

// value is what goes over the wire as the content of a packet.
func value(p *ber.Packet) string { return ber.DecodePacket(p.Bytes()).Data.String() }
