package address

import (
	"strings"
	"testing"
)

func TestEnvelopeAddressHoldsNothingThatEndsTheCommand(t *testing.T) {
	long := strings.Repeat
	for _, c := range []struct {
		reason, address string
		ok              bool
	}{
		{"plain", "me@example.org", true},
		{"all the odd letters of an atom", "!#$%&'*+-/=?^_`{|}~.x@example.org", true},
		{"a dot at the end, as a provider hands it out", "me.@example.org", true},
		{"UTF-8", "jö@ü.example", true},
		{"an underscore in the domain", "me@my_host.example", true},
		{"quoted", `"a b"@example.org`, true},
		{"quoted, with all that is odd", `"a\"b@<c>,"@example.org`, true},
		{"a literal", "me@[192.0.2.1]", true},
		{"an IPv6 literal", "me@[IPv6:::1]", true},
		{"one label", "root@localhost", true},
		{"64 octets before the @", long("a", 64) + "@x.org", true},
		{"65 octets before the @", long("a", 65) + "@x.org", false},
		{"a domain of 255 octets", "a@" + long("a.", 127) + "a", true},
		{"a domain of 257 octets", "a@" + long("a.", 128) + "a", false},
		{"a label of 64 octets", "a@" + long("a", 64) + ".org", false},
		{"empty", "", false},
		{"no domain", "me", false},
		{"nothing after the @", "me@", false},
		{"nothing before the @", "@example.org", false},
		{"a second command", "me@example.org>\r\nRCPT TO:<x@y", false},
		{"a line feed", "me\n@example.org", false},
		{"a line feed in quotes", "\"a\nb\"@example.org", false},
		{"a NUL in quotes", "\"a\x00b\"@example.org", false},
		{"DEL", "a\x7f@example.org", false},
		{"a space", "a b@example.org", false},
		{"a bracket", "a>@example.org", false},
		{"a bracket in the domain", "a@example.org>", false},
		{"a parameter after a space", "a@example.org SIZE=1", false},
		{"two @", "a@b@example.org", false},
		{"quotes that end early", `"a"b@example.org`, false},
		{"quotes that do not end", `"a@example.org`, false},
		{"a quote alone", `"@example.org`, false},
		{"a backslash that takes the closing quote", `"a\"@example.org`, false},
		{"two dots in the domain", "a@b..org", false},
		{"a dot before the domain", "a@.org", false},
		{"an open literal", "a@[1.2.3.4", false},
		{"an empty literal", "a@[]", false},
		{"a space in a literal", "a@[1 2]", false},
		{"Latin-1", "j\xf6@x.org", false},
	} {
		if err := Valid(c.address); (err == nil) != c.ok {
			t.Errorf("%s: Valid(%q) = %v", c.reason, c.address, err)
		}
	}
}

func TestAddressIsDividedAtTheAtOutsideQuotes(t *testing.T) {
	for _, c := range []struct{ address, local, domain string }{
		{"a@b", "a", "b"}, {"a", "a", ""}, {`"a@b"@c`, `"a@b"`, "c"}, {`"a@b"`, `"a@b"`, ""}, {`"a\"@b"@c`, `"a\"@b"`, "c"}, {"", "", ""},
	} {
		if local, domain := Split(c.address); local != c.local || domain != c.domain {
			t.Errorf("Split(%q) = %q, %q", c.address, local, domain)
		}
	}
}

func TestQualifyCompletesOnlyWhatHasNoDomain(t *testing.T) {
	for _, c := range []struct{ address, domain, want string }{
		{"a", "x.org", "a@x.org"}, {"a@y", "x.org", "a@y"}, {`"a@y"`, "x.org", `"a@y"@x.org`}, {"a", "", "a"},
	} {
		if got := Qualify(c.address, c.domain); got != c.want {
			t.Errorf("Qualify(%q, %q) = %q", c.address, c.domain, got)
		}
	}
}

func TestCaseCountsBeforeTheAtOnly(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{{"a@X.org", "a@x.ORG", true}, {"A@x.org", "a@x.org", false}, {"A", "a", false}} {
		if (Key(c.a) == Key(c.b)) != c.same {
			t.Errorf("%s and %s: %q, %q", c.a, c.b, Key(c.a), Key(c.b))
		}
	}
}

func TestNeedsUTF8(t *testing.T) {
	if NeedsUTF8("a@x.org") || !NeedsUTF8("a@ü.org") {
		t.Error("wrong")
	}
}

func FuzzValidAddressIsOneSMTPArgument(f *testing.F) {
	for _, seed := range []string{"a@b", `"a b"@c`, "a@[1.2.3.4]", "a@b>\r\n", `"\"@x`, "jö@ü"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if Valid(address) != nil {
			return
		}
		if strings.ContainsAny(address, "\r\n\x00") {
			t.Fatalf("%q", address)
		}
		local, domain := Split(address)
		if local+"@"+domain != address || strings.ContainsAny(domain, " <>") {
			t.Fatalf("%q: %q %q", address, local, domain)
		}
		if local[0] != '"' && strings.ContainsAny(local, " <>") {
			t.Fatalf("%q", address)
		}
	})
}

func TestOnePairOfAngleBracketsIsTakenOff(t *testing.T) {
	for text, want := range map[string]string{
		"<a@x.org>": "a@x.org", "a@x.org": "a@x.org", "<>": "", "<<a@x.org>>": "<a@x.org>", "a@x.org>": "a@x.org>",
	} {
		if got := Unbracketed(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
