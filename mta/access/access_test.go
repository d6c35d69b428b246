package access

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, text string, o Options) *Map {
	t.Helper()
	m, err := Parse("access", text, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func addr(text string) netip.Addr {
	a, _ := netip.ParseAddr(text) // "" is no address
	return a
}

// line is the number of the line that decided, 0 for none.
func line(e Entry) string { return strings.TrimPrefix(e.Where, "access:") }

// The order in which the keys of a client are tried.
//
// Coverage: X5.
func TestAClientIsLookedUpByNameAndThenByAddress(t *testing.T) {
	for _, c := range []struct {
		why, text, name, addr string
		options               Options
		want                  string // the line, "" for none
	}{
		{"its name", "Connect:mail.example.org OK", "mail.example.org", "192.0.2.1", Options{}, "1"},
		{"any case, and the root's dot", "CONNECT:Mail.Example.ORG OK", "MAIL.example.org.", "192.0.2.1", Options{}, "1"},
		{"a bare domain covers what is below it", "Connect:example.org OK", "a.b.example.org", "192.0.2.1", Options{}, "1"},
		{"more labels win", "Connect:org REJECT\nConnect:example.org OK", "a.example.org", "192.0.2.1", Options{}, "2"},
		{"not a part of a label", "Connect:example.org OK", "anexample.org", "192.0.2.1", Options{}, ""},
		{"the tag before none", "example.org REJECT\nConnect:example.org OK", "example.org", "192.0.2.1", Options{}, "2"},
		{"none where there is no tag", "example.org REJECT", "a.example.org", "192.0.2.1", Options{}, "1"},
		{"a longer key without a tag before a shorter one with it", "a.example.org REJECT\nConnect:example.org OK", "a.example.org", "192.0.2.1", Options{}, "1"},
		{"another's tag is no key", "To:example.org REJECT", "example.org", "192.0.2.1", Options{}, ""},
		{"a dot needs the option", "Connect:.example.org OK", "a.example.org", "192.0.2.1", Options{}, ""},
		{"the dot before the domain itself", "Connect:example.org REJECT\nConnect:.example.org OK", "a.example.org", "192.0.2.1", Options{LookupDotDomain: true}, "2"},
		{"the dot is not the domain itself", "Connect:.example.org OK", "example.org", "192.0.2.1", Options{LookupDotDomain: true}, ""},
		{"its address", "Connect:192.0.2.1 OK", "a.example", "192.0.2.1", Options{}, "1"},
		{"three octets", "Connect:192.0.2 OK", "a.example", "192.0.2.1", Options{}, "1"},
		{"one octet", "192 REJECT", "a.example", "192.0.2.1", Options{}, "1"},
		{"more octets win", "Connect:192 REJECT\nConnect:192.0 OK", "a.example", "192.0.2.1", Options{}, "2"},
		{"not a part of an octet", "Connect:19 REJECT", "a.example", "192.0.2.1", Options{}, ""},
		{"a name wins over a net", "Connect:192.0.2.1 REJECT\nConnect:example OK", "a.example", "192.0.2.1", Options{}, "2"},
		{"IPv6, without compression", "Connect:IPv6:2001:db8:0:0:0:0:0:1 OK", "a.example", "2001:db8::1", Options{}, "1"},
		{"groups of IPv6", "Connect:IPv6:2001:db8 OK", "a.example", "2001:db8:5::1", Options{}, "1"},
		{"one group of IPv6", "IPv6:2001 OK", "a.example", "2001:db8:5::1", Options{}, "1"},
		{"IPv4 in IPv6 is IPv4", "Connect:192.0.2 OK", "a.example", "::ffff:192.0.2.1", Options{}, "1"},
		{"no name: the address in brackets is one", "Connect:[192.0.2.1] OK", "[192.0.2.1]", "192.0.2.1", Options{}, "1"},
		{"a net in brackets", "Connect:[192.0] OK\nConnect:192.0.2.1 REJECT", "[192.0.2.1]", "192.0.2.1", Options{}, "1"},
		{"brackets are for those without a name", "Connect:[192.0.2.1] OK", "a.example", "192.0.2.1", Options{}, ""},
		{"IPv6 in brackets", "Connect:[IPv6:2001:db8] OK", "[IPv6:2001:db8::1]", "2001:db8::1", Options{}, "1"},
		{"SKIP ends the search by name, and that by address goes on", "Connect:a.example SKIP\nConnect:example REJECT\nConnect:192 OK", "a.example", "192.0.2.1", Options{Skip: true}, "3"},
		{"SKIP for an address in a net", "192.0.2.1 SKIP\n192.0.2 REJECT", "a.example", "192.0.2.1", Options{Skip: true}, ""},
		{"SKIP without its option is the text of an error", "a.example SKIP\nexample OK", "a.example", "192.0.2.1", Options{}, "1"},
		{"no client", "Connect:example OK", "", "", Options{}, ""},
		{"a name that is no key", "Connect:example OK", "a b.example", "", Options{}, ""},
	} {
		e, err := parse(t, c.text, c.options).Connect(c.name, addr(c.addr))
		if line(e) != c.want || err != nil {
			t.Errorf("%s: line %q, %v; want %q", c.why, line(e), err, c.want)
		}
	}
}

// Coverage: X5.
func TestAddressesAreLookedUpWholeByUserAndByDomain(t *testing.T) {
	type ask func(*Map, string) (Entry, error)
	sender := func(m *Map, a string) (Entry, error) { return m.From(a) }
	relayed := func(m *Map, a string) (Entry, error) { return m.ToRelay(a) }
	local := func(m *Map, a string) (Entry, error) { return m.ToRefuse(a, true) }
	remote := func(m *Map, a string) (Entry, error) { return m.ToRefuse(a, false) }
	friend := func(m *Map, a string) (Entry, error) { return m.Spam(a) }
	full := Options{RelayToFullAddress: true}
	for _, c := range []struct {
		why     string
		ask     ask
		text    string
		address string
		options Options
		want    string
	}{
		{"a sender", sender, "From:u@example.org REJECT", "u@example.org", Options{}, "1"},
		{"in angle brackets", sender, "From:u@example.org REJECT", "<U@Example.org>", Options{}, "1"},
		{"the whole address before the user and the domain", sender, "From:example.org OK\nFrom:u@ OK\nFrom:u@example.org REJECT", "u@example.org", Options{}, "3"},
		{"the user before the domain", sender, "From:example.org OK\nFrom:u@ REJECT", "u@example.org", Options{}, "2"},
		{"the domain and those above it", sender, "From:org REJECT", "u@a.example.org", Options{}, "1"},
		{"detail as it is", sender, "From:u+x@example.org REJECT\nu@example.org OK", "u+x@example.org", Options{}, "1"},
		{"any detail", sender, "From:u+*@example.org REJECT\nu@example.org OK", "u+x@example.org", Options{}, "1"},
		{"the user behind the detail", sender, "u@example.org OK", "u+x@example.org", Options{}, "1"},
		{"detail of a user anywhere", sender, "From:u+x@ REJECT", "u+x@example.org", Options{}, "1"},
		{"any detail is not no detail", sender, "From:u+*@example.org REJECT", "u@example.org", Options{}, ""},
		{"the @ is part of the key", sender, "From:u REJECT", "u@example.org", Options{}, ""},
		{"a sender without a domain", sender, "From:u@ REJECT", "u", Options{}, "1"},
		{"the empty reverse-path has no entry", sender, "From:@ REJECT\nFrom:<> REJECT", "<>", Options{}, ""},
		{"without a tag", sender, "u@example.org REJECT", "u@example.org", Options{}, "1"},

		{"relaying: the domain", relayed, "To:example.org RELAY", "u@a.example.org", Options{}, "1"},
		{"relaying: no user", relayed, "To:u@ RELAY\nTo:u@example.org RELAY", "u@example.org", Options{}, ""},
		{"relaying: the address, with its option", relayed, "To:example.org OK\nTo:u@example.org RELAY", "u@example.org", full, "2"},
		{"relaying: the domain behind the address", relayed, "To:example.org RELAY", "u@example.org", full, "1"},

		{"refusing one of ours: by user", local, "To:u@ REJECT", "u@example.org", Options{}, "1"},
		{"refusing another's: not by user", remote, "To:u@ REJECT", "u@example.org", Options{}, ""},
		{"refusing another's: by address", remote, "To:u@example.org REJECT", "u@example.org", Options{}, "1"},
		{"refusing another's: by domain", remote, "example.org REJECT", "u@example.org", Options{}, "1"},

		{"a friend", friend, "Spam:u@example.org FRIEND", "u@example.org", Options{}, "1"},
		{"a friend by user", friend, "Spam:u@ FRIEND", "u@example.org", Options{}, "1"},
		{"a friend needs the tag", friend, "u@example.org FRIEND", "u@example.org", Options{}, ""},
		{"SKIP ends the search", remote, "To:a.example SKIP\nTo:example REJECT", "u@a.example", Options{Skip: true}, ""},
		{"SKIP for an address", remote, "To:u@a.example SKIP\nTo:example REJECT", "u@a.example", Options{Skip: true}, ""},
	} {
		e, err := c.ask(parse(t, c.text, c.options), c.address)
		if line(e) != c.want || err != nil {
			t.Errorf("%s: line %q, %v; want %q", c.why, line(e), err, c.want)
		}
	}
}

// Coverage: X5.
func TestAValueSaysWhatIsDone(t *testing.T) {
	for _, c := range []struct {
		why, value string
		want       Entry
	}{
		{"OK", "ok", Entry{Verb: OK}},
		{"RELAY", "RELAY", Entry{Verb: Relay}},
		{"REJECT", "Reject", Entry{Verb: Reject}},
		{"DISCARD", "DISCARD", Entry{Verb: Discard}},
		{"QUARANTINE", "QUARANTINE:looks  like spam", Entry{Verb: Quarantine, Text: "looks like spam"}},
		{"ERROR with status and code", "ERROR:5.7.1:550 Go away", Entry{Verb: Error, Code: 550, Status: [3]int{5, 7, 1}, Text: "Go away"}},
		{"ERROR in quotes keeps its spacing", `ERROR:"550 Go   away"`, Entry{Verb: Error, Code: 550, Status: [3]int{5, 0, 0}, Text: "Go   away"}},
		{"all of it in quotes", `ERROR:"4.2.2:452 later"`, Entry{Verb: Error, Code: 452, Status: [3]int{4, 2, 2}, Text: "later"}},
		{"only the text in quotes", `ERROR:5.7.1:550 "a  b"`, Entry{Verb: Error, Code: 550, Status: [3]int{5, 7, 1}, Text: "a  b"}},
		{"ERROR with a code alone", "ERROR:450 later", Entry{Verb: Error, Code: 450, Status: [3]int{4, 0, 0}, Text: "later"}},
		{"ERROR with the status in the text", "ERROR:550 5.7.1 no", Entry{Verb: Error, Code: 550, Status: [3]int{5, 7, 1}, Text: "no"}},
		{"ERROR without a code", "ERROR:no", Entry{Verb: Error, Code: 553, Status: [3]int{5, 3, 0}, Text: "no"}},
		{"the old form", "550 We don't accept mail from you", Entry{Verb: Error, Code: 550, Status: [3]int{5, 0, 0}, Text: "We don't accept mail from you"}},
		{"the old form with a status", "451 4.7.1 later", Entry{Verb: Error, Code: 451, Status: [3]int{4, 7, 1}, Text: "later"}},
		{"a code alone", "550", Entry{Verb: Error, Code: 550, Status: [3]int{5, 0, 0}}},
		{"anything else is text", "nonsense here", Entry{Verb: Error, Code: 553, Status: [3]int{5, 3, 0}, Text: "nonsense here"}},
		{"a number that is no code is text", "5501 no", Entry{Verb: Error, Code: 553, Status: [3]int{5, 3, 0}, Text: "5501 no"}},
		{"a colon in the text", "ERROR:550 see: http://example.org", Entry{Verb: Error, Code: 550, Status: [3]int{5, 0, 0}, Text: "see: http://example.org"}},
	} {
		got, err := parse(t, "# a comment\nConnect:c.example\t"+c.value+"\n", Options{}).Connect("c.example", netip.Addr{})
		c.want.Where, c.want.Key = "access:2", "c.example"
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", c.why, err, diff)
		}
	}
}

// The lines of sendmail's tips for clients that cannot do TLS.
//
// Coverage: A37, A38, A39, A40, A45, X5.
func TestTheLettersOfSrvFeaturesSayWhatAClientIsOffered(t *testing.T) {
	loopback, other := addr("127.0.0.1"), addr("192.0.2.7")
	for _, c := range []struct {
		why, text, name string
		addr            netip.Addr
		letter          byte
		want            bool
	}{
		{"no TLS for anybody", "Srv_Features: S", "a.example", other, 's', false},
		{"TLS where nothing is said", "", "a.example", other, 's', true},
		{"no TLS on this machine", "Srv_Features:localhost.localdomain S", "localhost.localdomain", loopback, 's', false},
		{"and TLS for the others", "Srv_Features:localhost.localdomain S", "a.example", other, 's', true},
		{"no TLS for a net", "Srv_Features:192.0.2 S", "a.example", other, 's', false},
		{"no certificate is asked for", "Srv_Features: V", "a.example", other, 'v', false},
		{"one of many is asked for one", "Srv_Features: V\nSrv_Features:a.example v", "a.example", other, 'v', true},
		{"an entry is all there is: the default is not added", "Srv_Features: S\nSrv_Features:a.example V", "a.example", other, 's', true},
		{"several letters", "Srv_Features: S V a", "a.example", other, 'v', false},
		{"letters in a row", "Srv_Features: SV", "a.example", other, 'v', false},
		{"the untagged entry is another's", "a.example S", "a.example", other, 's', true},
		{"authentication is required", "Srv_Features: l", "a.example", other, 'l', true},
		{"unknown letters are ignored", "Srv_Features: S Q", "a.example", other, 's', false},
	} {
		l, err := parse(t, c.text, Options{}).Features(c.name, c.addr)
		standard := c.letter != 'l'
		if got := l.Is(c.letter, standard); got != c.want || err != nil {
			t.Errorf("%s: %v, %v", c.why, got, err)
		}
	}
	if l, err := parse(t, "Srv_Features: temp", Options{}).Features("x", other); !l.Temp || err != nil {
		t.Errorf("temp: %+v, %v", l, err)
	}
	if l, err := parse(t, "Clt_Features:a.example D", Options{}).ClientFeatures("a.example", other); l.Is('d', true) || !l.Is('m', true) || err != nil {
		t.Errorf("Clt_Features: %+v, %v", l, err)
	}
}

// Coverage: A44, X5.
func TestTryTLSLeavesOutServersWithBrokenTLS(t *testing.T) {
	m := parse(t, "Try_TLS:broken.example NO\nTry_TLS:192.0.2 NO\nTry_TLS:good.broken.example OK\n", Options{})
	for name, want := range map[string]bool{
		"broken.example": false, "mx.broken.example": false, "good.broken.example": true, "fine.example": true,
	} {
		if got, where, err := m.TryTLS(name, addr("198.51.100.1")); got != want || err != nil || (where == "") != (name == "fine.example") {
			t.Errorf("%s: %v, %s, %v", name, got, where, err)
		}
	}
	if got, where, err := m.TryTLS("fine.example", addr("192.0.2.9")); got || where != "access:2" || err != nil {
		t.Errorf("by address: %v, %s, %v", got, where, err)
	}
	if got, _, err := parse(t, "Try_TLS: NO", Options{}).TryTLS("any.example", netip.Addr{}); got || err != nil {
		t.Errorf("for all: %v, %v", got, err)
	}
}

// Coverage: X5.
func TestNumbersAreForAClientOrForAll(t *testing.T) {
	m := parse(t, "GreetPause:a.example 5000\nGreetPause:127.0.0.1 0\nClientRate: 10\nClientRate:127.0.0.1 0\nClientConn:192.0.2 3\n", Options{})
	if d, found, err := m.GreetPause("x.a.example", addr("192.0.2.1")); d != 5*time.Second || !found || err != nil {
		t.Errorf("%v %v %v", d, found, err)
	}
	if d, found, err := m.GreetPause("localhost", addr("127.0.0.1")); d != 0 || !found || err != nil {
		t.Errorf("%v %v %v", d, found, err)
	}
	if _, found, err := m.GreetPause("b.example", addr("192.0.2.1")); found || err != nil {
		t.Errorf("%v %v", found, err)
	}
	for _, c := range []struct {
		ask   func(netip.Addr) (int, bool, error)
		addr  string
		most  int
		found bool
	}{
		{m.Rate, "192.0.2.1", 10, true},
		{m.Rate, "127.0.0.1", 0, true},
		{m.Connections, "192.0.2.1", 3, true},
		{m.Connections, "127.0.0.1", 0, false},
	} {
		if n, found, err := c.ask(addr(c.addr)); n != c.most || found != c.found || err != nil {
			t.Errorf("%s: %d %v %v", c.addr, n, found, err)
		}
	}
}

// Coverage: X5.
func TestACertificateIsFoundByItsEncodedName(t *testing.T) {
	const issuer = "/C=US/ST=California/O=endmail.org/CN=Darth Mail (Cert)/emailAddress=darth+cert@endmail.org"
	m := parse(t, "CertIssuer:/C=US/ST=California/O=endmail.org/CN=Darth+20Mail+20+28Cert+29/emailAddress=darth+2Bcert@endmail.org SUBJECT\n"+
		"CertSubject:/CN=some+20peer RELAY\nTrusted:/CN=ca OK\nTLS_Clt: ENCR:1+CITag:Trusted\n", Options{})
	if e, err := m.CertIssuer(issuer); e.Verb != Subject || e.Where != "access:1" || err != nil {
		t.Errorf("%+v %v", e, err)
	}
	if e, err := m.CertSubject("/CN=some peer"); e.Verb != Relay || err != nil {
		t.Errorf("%+v %v", e, err)
	}
	if e, err := m.CertSubject("/CN=some"); e.Verb != Nothing || err != nil {
		t.Errorf("%+v %v", e, err)
	}
	if ok, err := m.IssuerTagged("Trusted", "/CN=ca"); !ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	if ok, err := m.IssuerTagged("Trusted", "/CN=other"); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
}

// Coverage: X5.
func TestTheRestOfTheTags(t *testing.T) {
	m := parse(t, `AuthInfo:smtp.example "U:me" "P=c2VjcmV0" "R:example" "M:PLAIN LOGIN"
QGRP:example.org lists
Compat:a@x.example<@>b@y.example DISCARD
Compat:a@x.example<@>c@y.example TEMP:later
Compat:a@x.example<@>d@y.example ERROR:5.7.1:550 no
TLS_Srv_features:old.example Options=SSL_OP_NO_TLSv1_3; CipherList=HIGH; Flags=R
`, Options{})
	info, found, err := m.AuthInfo("smtp.example", netip.Addr{})
	want := AuthInfo{"me", "me", "secret", "example", []string{"PLAIN", "LOGIN"}, "access:1"}
	if diff := cmp.Diff(want, info); diff != "" || !found || err != nil {
		t.Errorf("AuthInfo: %v %v %s", found, err, diff)
	}
	if text := info.String(); strings.Contains(text, "secret") {
		t.Errorf("the password is shown: %s", text)
	}
	if group, found, err := m.QueueGroup("u@a.example.org"); group != "lists" || !found || err != nil {
		t.Errorf("QGRP: %q %v %v", group, found, err)
	}
	for recipient, want := range map[string]Entry{
		"b@y.example": {Verb: Discard, Where: "access:3"},
		"c@y.example": {Verb: Temporary, Code: 451, Status: [3]int{4, 3, 0}, Text: "later", Where: "access:4"},
		"d@y.example": {Verb: Error, Code: 550, Status: [3]int{5, 7, 1}, Text: "no", Where: "access:5"},
		"e@y.example": {},
	} {
		if want.Verb != Nothing {
			want.Key = "a@x.example<@>" + recipient
		}
		if e, err := m.Compat("<A@x.example>", recipient); e != want || err != nil {
			t.Errorf("Compat %s: %+v %v", recipient, e, err)
		}
	}
	options, found, err := m.ServerTLS("old.example", netip.Addr{})
	if options.Options != "SSL_OP_NO_TLSv1_3" || options.CipherList != "HIGH" || options.Flags != "R" || !found || err != nil {
		t.Errorf("TLS_Srv_features: %+v %v %v", options, found, err)
	}
}

func TestNoMapHasNoEntries(t *testing.T) {
	var m *Map
	e, err := m.Connect("a.example", addr("192.0.2.1"))
	l, err2 := m.Features("a.example", netip.Addr{})
	if e != (Entry{}) || err != nil || !l.Is('s', true) || err2 != nil || m.Reload() != nil {
		t.Errorf("%+v %v %v", e, err, err2)
	}
}
