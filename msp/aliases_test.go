package msp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/aliasfile"
)

// withAliases is a station whose file of aliases holds text.
func withAliases(t testing.TB, text, toml string) (*station, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "aliases")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return newStation(t, toml+oneAccount), path
}

func (s *station) to() string {
	var all []string
	if s.spool.envelope != nil {
		for _, r := range s.spool.envelope.To {
			all = append(all, r.Address)
		}
	}
	return strings.Join(all, " ")
}

func TestMailToAUserOfThisMachineReachesAPerson(t *testing.T) {
	for _, c := range []struct{ reason, admin, to, want string }{
		{"root's is the administrator's", "admin@example.net", "root", "admin@example.net"},
		{"and so is a system user's, whatever the case", "admin@example.net", "WWW-Data", "admin@example.net"},
		{"localhost is this machine", "admin@example.net", "root@localhost", "admin@example.net"},
		{"other addresses are not", "admin@example.net", "root@example.com", "root@example.com"},
		{"without an administrator it is the account's own", "", "root", "me@example.org"},
	} {
		s := newStation(t, "admin = \""+c.admin+"\"\n"+oneAccount)
		if code := s.sendmail("\nbody\n", c.to); code != 0 || s.to() != c.want {
			t.Errorf("%s: exit %d, to %s: %s", c.reason, code, s.to(), &s.err)
		}
	}
}

func TestAliasesSayWhereMailToALocalNameGoes(t *testing.T) {
	const file = `# comment
postmaster: root
root:	Joe@Example.net,
	ann@example.net

"two words": x@example.net
list: joe, \root, list@example.com
root+cron: cron@example.net
self: self, me2@example.net
joe: joe, copy@example.net
down: 	up
up: down
gone: nobody-here
deep: d1
d1: d2
d2: d3
d3: d4
d4: d5
d5: d6
d6: d7
d7: d8
d8: d9
d9: d10
d10: x@example.net
bin: |/bin/true
`
	for _, c := range []struct {
		reason, to, want string
		code             int
		said             string
	}{
		{"detail", "root+cron", "cron@example.net", 0, ""},
		{"a name behind a backslash is looked up no more, one that stands for itself neither", "list", "admin@example.net copy@example.net list@example.com", 0, ""},
		{"any case", "JOE", "admin@example.net copy@example.net", 0, ""},
		{"a circle is told", "up", "", 78, ":11: the aliases run in a circle: up, down, up"},
		{"a name of nobody is told", "gone", "", 78, ":13: nobody-here is no user of this machine, and no alias"},
		{"and so is a chain that is too long", "deep", "", 78, "more than 10 deep"},
		{"programs are not run", "bin", "", 78, ":25: nothing is left of the alias bin"},
		{"what is no alias is the administrator's", "www-data", "admin@example.net", 0, ""},
	} {
		s, path := withAliases(t, file, "")
		s.cfg.Aliases, s.cfg.Admin = path, "admin@example.net"
		code := s.sendmail("\nbody\n", c.to)
		if code != c.code || s.to() != c.want || !strings.Contains(s.err.String(), c.said) {
			t.Errorf("%s: exit %d, to %q: %s", c.reason, code, s.to(), &s.err)
		}
	}
	s, path := withAliases(t, "postmaster: root\nroot:\tJoe@Example.net,\n\t ann@example.net\n", "")
	s.cfg.Aliases = path
	if code := s.sendmail("\nbody\n", "Postmaster"); code != 0 || s.to() != "Joe@Example.net ann@example.net" {
		t.Errorf("exit %d, to %q: %s", code, s.to(), &s.err)
	}
	if code := s.sendmail("\nbody\n", "nobody-here"); code != 67 {
		t.Errorf("of nobody: exit %d: %s", code, &s.err)
	}
}

func TestNewaliasesSaysWhatIsWrongWithTheFile(t *testing.T) {
	s, path := withAliases(t, "root: me@example.org\n  , ann@example.org\nnews: |/usr/bin/inject\nlog: /var/log/mail\nall: :include:/etc/list\nbare\nroot: twice@example.org\nvoid:\n", "")
	s.cfg.Aliases = path
	if code := s.sendmail("", "-bi"); code != 70 {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{
		":3: |/usr/bin/inject runs a program; that needs server mode", ":4: /var/log/mail writes to a file; that needs server mode",
		":5: :include:/etc/list reads a list from a file; that needs server mode", ":6: bare... missing colon", ":7: Warning: duplicate alias name root: it counts, and " + path + ":1 does not", ":8: void... missing value for alias",
	} {
		if !strings.Contains(s.err.String(), path+want) {
			t.Errorf("it does not say %q:\n%s", want, &s.err)
		}
	}
	s, path = withAliases(t, "root: me@example.org, ann@example.org\n", "")
	s.cfg.Aliases = path
	if code := s.sendmail("", "-bi"); code != 0 || s.err.Len() > 0 || s.out.String() != path+": 1 aliases, longest 31 bytes, 35 bytes total\n" {
		t.Errorf("exit %d: %s%s", code, &s.out, &s.err)
	}
	s.cfg.Aliases = t.TempDir()
	if code := s.sendmail("\n", "root"); code != 78 || s.spool.puts > 0 {
		t.Errorf("a file that cannot be read: exit %d: %s", code, &s.err)
	}
}

func FuzzAliases(f *testing.F) {
	for _, seed := range []string{"", "root: me@example.org\n", "a: b,\n c\nb: a\n", "\"x y\": \"|prog, with commas\"\n", " x\n", "a:\\\\\n", "a: \"\n", "root: root\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, _ := withAliases(t, "", "")
		sub := newSubmission(s.Program, &Invocation{Mode: Submit}, s.cfg)
		sub.cfg.Aliases, sub.aliases = "aliases", aliasfile.Parse("aliases", text, nil)
		for _, one := range sub.aliases.Entries {
			all, err := sub.expand(one.Name)
			if err == nil && len(all) == 0 {
				t.Errorf("%q goes nowhere, without an error", one.Name)
			}
			for _, to := range all {
				if strings.ContainsAny(to, "|\n\x00") && !strings.Contains(to, `"`) {
					t.Errorf("%q goes to %q", one.Name, to)
				}
			}
		}
	})
}
