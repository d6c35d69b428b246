package address

import (
	"slices"
	"strings"
	"testing"
)

func TestListIsReadAsMailProgramsWriteIt(t *testing.T) {
	for _, c := range []struct {
		reason, text string
		want         []string
		bad          []string
	}{
		{"one address", "a@x.org", []string{"a@x.org"}, nil},
		{"commas divide", "a@x.org,b@x.org , c@x.org", []string{"a@x.org", "b@x.org", "c@x.org"}, nil},
		{"semicolons divide, as some programs write them", "a@x.org; b@x.org", []string{"a@x.org", "b@x.org"}, nil},
		{"nothing between commas is nothing", ",, a@x.org ,", []string{"a@x.org"}, nil},
		{"a name before angle brackets", "Joe Public <joe@x.org>", []string{"joe@x.org"}, nil},
		{"a quoted name with a comma", `"Public, Joe" <joe@x.org>, b@x.org`, []string{"joe@x.org", "b@x.org"}, nil},
		{"a quoted name with a quote in it", `"Joe \"J, <\" Public" <joe@x.org>`, []string{"joe@x.org"}, nil},
		{"a name with a dot", "Joe Q. Public <joe@x.org>", []string{"joe@x.org"}, nil},
		{"a name that looks like an address", "joe@home <joe@x.org>", []string{"joe@x.org"}, nil},
		{"an encoded name", "=?utf-8?q?J=C3=B6?= <joe@x.org>", []string{"joe@x.org"}, nil},
		{"comments, which nest", "joe (Joe (the one, and only)) @ (at) x.org (x)", []string{"joe@x.org"}, nil},
		{"a comment holds a bracket that counts for nothing", `joe@x.org (\) <b@x.org>)`, []string{"joe@x.org"}, nil},
		{"folding", "Joe\n <joe@x.org>,\r\n\tann@x.org", []string{"joe@x.org", "ann@x.org"}, nil},
		{"a group has members", "Team: a@x.org, B <b@x.org>;, c@x.org", []string{"a@x.org", "b@x.org", "c@x.org"}, nil},
		{"an empty group is nobody", "undisclosed-recipients:;", nil, nil},
		{"an empty group between two addresses", "a@x.org, none:;, b@x.org", []string{"a@x.org", "b@x.org"}, nil},
		{"a group without its end", "Team: a@x.org", []string{"a@x.org"}, nil},
		{"a source route is passed over", "<@relay.org,@other.org:joe@x.org>", []string{"joe@x.org"}, nil},
		{"without brackets, too", "@relay.org:joe@x.org", []string{"joe@x.org"}, nil},
		{"a quoted local part keeps its quotes", `"joe public"@x.org`, []string{`"joe public"@x.org`}, nil},
		{"quotes that are not needed go", `"joe"@x.org`, []string{"joe@x.org"}, nil},
		{"an @ in quotes", `"a@b"@x.org`, []string{`"a@b"@x.org`}, nil},
		{"words and quotes in one local part", `joe."q p".public@x.org`, []string{`"joe.q p.public"@x.org`}, nil},
		{"a quoted string may be folded", "\"joe\r\n public\"@x.org", []string{`"joe public"@x.org`}, nil},
		{"an address literal", "joe@[192.0.2.1]", []string{"joe@[192.0.2.1]"}, nil},
		{"an IPv6 literal in brackets", "<joe@[IPv6:2001:db8::1]>", []string{"joe@[IPv6:2001:db8::1]"}, nil},
		{"UTF-8 in both parts", "jö@ü.example", []string{"jö@ü.example"}, nil},
		{"the root's dot", "joe@x.org.", []string{"joe@x.org"}, nil},
		{"a local name", "root", []string{"root"}, nil},
		{"a local name with a comment, as cron writes it", "root (Cron Daemon)", []string{"root"}, nil},
		{"white space divides names", "foo bar", []string{"foo", "bar"}, nil},
		{"but not addresses", "c@x.org d@x.org", nil, []string{"c@x.org d@x.org... white space inside an address; put a comma between two addresses"}},
		{"nor a name and an address", "Joe joe@x.org, b@x.org", []string{"b@x.org"}, []string{"Joe joe@x.org... white space inside an address; put a comma between two addresses"}},
		{"a backslash keeps aliases away", `\joe`, []string{"joe"}, nil},
		{"the null address", "<>", []string{""}, nil},
		{"a bracket that does not close", "<x@, b@x.org", []string{"b@x.org"}, []string{"<x@... Unbalanced '<'"}},
		{"the same at the end", "<x@", nil, []string{"<x@... Unbalanced '<'"}},
		{"a bracket that does not open", "x@y>, b@x.org", []string{"b@x.org"}, []string{"x@y>... Unbalanced '>'"}},
		{"a parenthesis that does not close", "a@x.org, b (c", []string{"a@x.org"}, []string{"b (c... Unbalanced '('"}},
		{"a parenthesis that does not open", "b) c", nil, []string{"b) c... Unbalanced ')'"}},
		{"a quote that does not close", `a@x.org, "b`, []string{"a@x.org"}, []string{`"b... Unbalanced '"'`}},
		{"no domain", "x@", nil, []string{"x@... Hostname required"}},
		{"no domain in brackets", "<x@>", nil, []string{"<x@>... Hostname required"}},
		{"no local part", "@x.org", nil, []string{"@x.org... User address required"}},
		{"two @", "a@b@c", nil, []string{"a@b@c... more than one @"}},
		{"a space in brackets", "<a b@x.org>", nil, []string{"<a b@x.org>... white space inside an address"}},
		{"two brackets, one closed", "<a<b@x.org>, c@x.org", []string{"c@x.org"}, []string{"<a<b@x.org>... Unbalanced '<'"}},
		{"a colon in brackets that ends no route", "<a:b@x.org>", nil, []string{"<a:b@x.org>... Colon not permitted"}},
		{"a colon after an address", "a@x.org:b", nil, []string{"a@x.org:b... Invalid route address"}},
		{"a group after an address without its comma: nobody is lost", "a@x.org team: b@x.org, c@x.org", []string{"c@x.org"}, []string{"a@x.org team: b@x.org... white space inside an address; put a comma between two addresses"}},
		{"a field that was smuggled in behind a line feed", "a@x.org\nBcc: b@x.org", nil, []string{"a@x.org?Bcc: b@x.org... white space inside an address; put a comma between two addresses"}},
		{"the name of a group has several words", "The whole team: b@x.org;", []string{"b@x.org"}, nil},
		{"a backslash with nothing behind it", `\`, nil, nil},
		{"a literal before the @", "[x]@x.org", []string{`"[x]"@x.org`}, nil},
		{"a comment after brackets that does not close", "<a@x.org> (b", nil, []string{"<a@x.org> (b... Unbalanced '('"}},
		{"text after the brackets", "<a@x.org> <b@x.org>", nil, []string{"<a@x.org> <b@x.org>... text after '>'; put a comma between two addresses"}},
		{"what is shown is fit for a terminal", "\x1b[2J@", nil, []string{"?[2J@... Unbalanced '['"}},
		{"quotes in a domain", `a@"x"`, nil, []string{`a@"x"... quotes cannot stand in a domain`}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			list, bad := ParseList(c.text)
			var got, errs []string
			for _, box := range list {
				got = append(got, box.Address)
			}
			for _, b := range bad {
				errs = append(errs, b.Error())
			}
			if !slices.Equal(got, c.want) || !slices.Equal(errs, c.bad) {
				t.Errorf("%q:\n got %q %q\nwant %q %q", c.text, got, errs, c.want, c.bad)
			}
		})
	}
}

func TestSpanIsTheAddressAlone(t *testing.T) {
	for _, c := range []struct{ reason, text, want string }{
		{"bare, with a comment", " root (Cron Daemon)\n", "root"},
		{"in brackets", `"R, t" <root> (x)`, "root"},
		{"quoted", `x: "a b";`, `"a b"`},
		{"after a route", "<@a.org: joe@x.org>", "joe@x.org"},
		{"null", "< >", " "},
		{"a backslash belongs to it", `\root`, `\root`},
	} {
		list, bad := ParseList(c.text)
		if len(list) != 1 || len(bad) > 0 {
			t.Fatalf("%s: %v %v", c.reason, list, bad)
		}
		if got := c.text[list[0].Start:list[0].End]; got != c.want {
			t.Errorf("%s: span is %q, want %q", c.reason, got, c.want)
		}
	}
}

func TestOneAddressOrNone(t *testing.T) {
	for _, c := range []struct {
		reason, text, want string
		ok                 bool
	}{
		{"an address", "me@example.org", "me@example.org", true},
		{"in brackets", "<me@example.org>", "me@example.org", true},
		{"with a name", "Me <me@example.org>", "me@example.org", true},
		{"null", "<>", "", true},
		{"empty is null", "", "", true},
		{"two", "a@x.org, b@x.org", "", false},
		{"two names", "a b", "", false},
		{"broken", "<a", "", false},
		{"an empty group", "x:;", "", false},
	} {
		got, err := Parse(c.text)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%s: %q gives %q, %v", c.reason, c.text, got, err)
		}
	}
}

func TestListIsBoundedAndLinear(t *testing.T) {
	const size = 64 << 10
	for _, c := range []struct{ reason, unit string }{
		{"commas", ","},
		{"@", "@"},
		{"@ and comma", "@,"},
		{"route after route", "@a,"},
		{"open brackets", "<"},
		{"open brackets and commas", "<,"},
		{"comments", "("},
		{"quotes", `"`},
		{"backslashes", `\`},
		{"dots", "."},
		{"names", "a "},
		{"names with commas", "a,"},
		{"groups", "a:"},
		{"closed groups", "a:;"},
		{"literals", "["},
		{"bad addresses", "a@,"},
		{"one long word", "a"},
		{"short comments", "()"},
		{"empty addresses", "<>,"},
	} {
		list, bad := ParseList(strings.Repeat(c.unit, size/len(c.unit)))
		if len(list)+len(bad) > size {
			t.Errorf("%s: %d addresses and %d errors", c.reason, len(list), len(bad))
		}
		for _, box := range list {
			if len(box.Address) > 4*MaxAddress+8 {
				t.Fatalf("%s: an address of %d octets", c.reason, len(box.Address))
			}
		}
	}
}

func TestNoPartOfAListIsPassedOverInSilence(t *testing.T) {
	const n = 50_000
	list, bad := ParseList(strings.Repeat("a@x.org,b@,", n))
	if len(list) != n || len(bad) != n {
		t.Errorf("%d addresses and %d errors, want %d of each", len(list), len(bad), n)
	}
}

func FuzzParseList(f *testing.F) {
	for _, seed := range []string{
		"a@x.org, B <b@x.org>;", `"a\"b" <@r,@s:"x y"@[1.2.3.4]> (c(d))`, "g:a,b;c d", "<>", "<x@", `\joe`, "a@b@c", "@a,@b:c@d",
		"jö@ü.example,\r\n\tx", "a.b.\"c d\".e@f.", "((((", "\"", "a:b:c;;;",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, _ := ParseList(text)
		at := 0
		for _, box := range list {
			if box.Start < at || box.End < box.Start || box.End > len(text) {
				t.Fatalf("%q: %+v after %d", text, box, at)
			}
			at = box.End
			if box.Address == "" || Valid(Qualify(box.Address, "x.org")) != nil {
				continue
			}
			again, bad := ParseList(box.Address)
			if len(again) != 1 || len(bad) > 0 || again[0].Address != box.Address {
				t.Fatalf("%q: %q is read again as %+v, %v", text, box.Address, again, bad)
			}
		}
	})
}
