package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/sysexits"
)

func TestVerifyOfAServerSaysWhatAddressesComeTo(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	aliases := write("aliases", "staff: bob@far.example, \"|/bin/archive -x\", /var/log/staff\nnone: /dev/null\nround: square\nsquare: round\n")
	var out, problems strings.Builder
	s := &services{app: app{
		stdout: &out, stderr: &problems, now: time.Now, getenv: func(string) string { return dir },
		configFile: write("mailcrane.toml", fmt.Sprintf(`[mta]
hostname = "mx.example.org"
dont_blame_sendmail = "TrustStickyBit"
[mta.map]
aliases = [%q]
mailertable = %q
[[mta.listen]]
address = "127.0.0.1:0"
`, aliases, write("mailertable", "lost.example error:nohost:550 No such host\n"))),
	}}
	for _, c := range []struct {
		reason, words string
		verbose       bool
		code          int
		want          string
	}{
		{"mail that leaves", "x@far.example", false, sysexits.OK, "x@far.example... deliverable: mailer esmtp, host far.example, user x@far.example\n"},
		{
			"an alias", "staff", false, sysexits.OK, "bob@far.example... deliverable: mailer esmtp, host far.example, user bob@far.example\n" +
				"|/bin/archive -x... deliverable: mailer prog, user /bin/archive -x\n/var/log/staff... deliverable: mailer *file*, user /var/log/staff\n",
		},
		{"how it came about", "staff,bob@far.example", true, sysexits.OK, "staff... aliased to |/bin/archive -x\n"},
		{"twice the same", "x@far.example,x@far.example", true, sysexits.OK, "x@far.example... duplicate suppressed\n"},
		{"nobody gets it", "none", false, sysexits.OK, "/dev/null... deliverable: mailer *file*, user /dev/null\n"},
		{"no user", "no-such-user-here", false, sysexits.NoUser, "no-such-user-here... User unknown\n"},
		{"refused by a map", "x@lost.example", false, sysexits.NoHost, "x@lost.example... No such host\n"},
		{"two that point at each other", "round", false, sysexits.Usage, "round... aliasing/forwarding loop broken\n"},
		{"one that is none does not keep the others", "<<>,x@far.example", false, sysexits.Usage, "x@far.example... deliverable"},
	} {
		out.Reset()
		code := s.Verify(t.Context(), "me@mx.example.org", []string{c.words}, c.verbose)
		if code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: code %d, %q, want %d and %q\n%s", c.reason, code, out.String(), c.code, c.want, problems.String())
		}
	}
}

func TestAddressTestModeOfAServerAnswersLineByLine(t *testing.T) {
	dir := t.TempDir()
	table := filepath.Join(dir, "mailertable")
	if err := os.WriteFile(table, []byte("far.example relay:[hub.example]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "mailcrane.toml")
	text := fmt.Sprintf("[mta]\nhostname = \"mx.example.org\"\ndont_blame_sendmail = \"TrustStickyBit\"\n[mta.map]\nmailertable = %q\n[[mta.listen]]\naddress = \"127.0.0.1:0\"\n", table)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, problems strings.Builder
	s := &services{app: app{stdout: &out, stderr: &problems, now: time.Now, getenv: func(string) string { return dir }, configFile: file}}
	in := "# a remark\n3,0 x@far.example\n/parse y@far.example\n/map mailertable far.example\n/map mailertable near.example\n/map aliases x\n?\n/quit\n3,0 z@far.example\n"
	if code := s.AddressTest(t.Context(), strings.NewReader(in)); code != sysexits.OK {
		t.Errorf("code %d: %s", code, problems.String())
	}
	for _, want := range []string{
		"x@far.example... deliverable: mailer relay, host [hub.example], user x@far.example\n", "y@far.example... deliverable",
		"map_lookup: mailertable (far.example) returns relay:[hub.example] (" + table + ":1)\n",
		"map_lookup: mailertable (near.example) no match (69)\n", "there is no map aliases", "/mx HOST",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "z@far") {
		t.Error("it goes on behind /quit")
	}
}
