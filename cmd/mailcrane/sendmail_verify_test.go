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
