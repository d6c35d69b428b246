package maps

import (
	"path/filepath"
	"strings"
	"testing"
)

// of is a definition that is right, with lines more.
func of(kind string, more ...string) string {
	lines := map[string]string{
		sqliteKind:   "database = '/var/lib/mail.db'\nquery = 'SELECT v FROM m WHERE k = ?'",
		postgresKind: "database = 'mail'\nquery = 'SELECT v FROM m WHERE k = $1'\nhost = 'db.example.org'\nuser = 'mail'",
		ldapKind:     "url = 'ldaps://ldap.example.org'\nbase = 'dc=example'\nfilter = '(mail=%s)'\nattribute = 'uid'",
	}
	return lines[kind] + "\n" + strings.Join(more, "\n") + "\n"
}

func TestADefinitionIsWrongByFileAndLine(t *testing.T) {
	for _, c := range []struct{ kind, text, want string }{
		{sqliteKind, of(sqliteKind), ""},
		{postgresKind, of(postgresKind, "timeout = '2s'", "password = 'credential:db'", "separator = ''"), ""},
		{ldapKind, of(ldapKind, "scope = 'one'", "user = 'cn=mail'", "password = 'file:/etc/ldap.pw'"), ""},
		{sqliteKind, of(sqliteKind, "qury = 'x'"), "m.toml:3: qury is no key of a map of sqlite: did you mean query?"},
		{sqliteKind, of(sqliteKind, "user = 'x'"), "m.toml:3: user: it means nothing for a map of sqlite"},
		{sqliteKind, of(sqliteKind, "timeout = 'soon'"), "m.toml:3: timeout: write a time"},
		{sqliteKind, of(sqliteKind, "timeout = '2h'"), "m.toml:3: timeout: write a time"},
		{sqliteKind, of(sqliteKind, "timeout = "), "m.toml:3: "},
		{sqliteKind, "database = 'mail.db'\nquery = '?'", "m.toml:1: database: write the whole path"},
		{sqliteKind, "database = '/mail.db'\nquery = 'SELECT 1'", "m.toml:2: query: there is no ?"},
		{postgresKind, "database = 'm'\nquery = 'SELECT ?'", "m.toml:2: query: there is no $1"},
		{postgresKind, "query = 'SELECT $1'", "m.toml:1: database: write the name"},
		{postgresKind, of(postgresKind, "port = 70000"), "m.toml:5: port: it is not between"},
		{postgresKind, of(postgresKind, "password = 'hunter2'"), "m.toml:5: password: write where it is"},
		{postgresKind, of(postgresKind, "password = 'file:pw'"), "m.toml:5: password: write the whole path"},
		{postgresKind, of(postgresKind, "password = 'credential:../pw'"), "m.toml:5: password: a credential"},
		{postgresKind, of(postgresKind, "tls = 'yes'"), "m.toml:5: tls: write"},
		{ldapKind, strings.Replace(of(ldapKind), "ldaps", "http", 1), "m.toml:1: url: write ldap://HOST"},
		{ldapKind, strings.Replace(of(ldapKind), "example.org", "example.org/dc=x", 1), "m.toml:1: url: write scheme"},
		{ldapKind, of(ldapKind, "scope = 'all'"), "m.toml:5: scope: it is sub"},
		{ldapKind, of(ldapKind, "user = 'cn=mail'"), "password: write where the password"},
		{ldapKind, of(ldapKind, "tls = 'none'"), "m.toml:5: tls: ldaps is TLS"},
		{ldapKind, strings.Replace(of(ldapKind), "(mail=%s)", "(mail=%s", 1), "m.toml:3: filter: it is no filter"},
		{ldapKind, strings.Replace(of(ldapKind), "(mail=%s)", "(%s=x)", 1), "m.toml:3: filter: %s stands where an attribute is named"},
		{ldapKind, strings.Replace(of(ldapKind), "(mail=%s)", "(mail=x)", 1), "m.toml:3: filter: there is no %s"},
		{sqliteKind, strings.Repeat("#", maxDefinition+1), "larger than"},
	} {
		_, err := readDefinition(c.kind, "m.toml", strings.NewReader(c.text))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s:\n%.300s\nsays %v; want %q", c.kind, c.text, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestPasswordsGoOutEncryptedUnlessItIsSaidOtherwise(t *testing.T) {
	for _, c := range []struct {
		kind, old, new string
		encrypts       bool
	}{
		{postgresKind, "", "", true},
		{postgresKind, "db.example.org", "/run/postgresql", false},
		{postgresKind, "db.example.org", "127.0.0.1", false},
		{postgresKind, "db.example.org'", "127.0.0.1'\ntls = 'required'", true},
		{postgresKind, "db.example.org'", "192.0.2.1'\ntls = 'none'", false},
		{ldapKind, "", "", true},
		{ldapKind, "ldaps:", "ldap:", true},
		{ldapKind, "ldaps://ldap.example.org", "ldap://[::1]:389", false},
		{ldapKind, "ldaps://ldap.example.org", "ldapi:///run/slapd/ldapi", false},
	} {
		d, err := readDefinition(c.kind, "m.toml", strings.NewReader(strings.Replace(of(c.kind), c.old, c.new, 1)))
		if err != nil || d.encrypts != c.encrypts {
			t.Errorf("%s with %s: %v, %v", c.kind, c.new, d, err)
		}
	}
}

func TestABadDefinitionIsNotUsedInPlaceOfAGoodOne(t *testing.T) {
	m, setting := sqliteMap(t, []string{"INSERT INTO virtusers VALUES ('a', 'x')"},
		`query = "SELECT target FROM virtusers WHERE address = ?"`)
	path := strings.TrimPrefix(setting, "sqlite:")
	good := "database = '" + filepath.Join(filepath.Dir(path), "mail #1?.db") + "'\n"
	for _, c := range []struct{ text, want string }{
		{"query = 1\n", "x"},
		{good + "query = \"SELECT upper(target) FROM virtusers WHERE address = ?\"\n", "X"},
	} {
		write(t, path, c.text)
		if value, _, _, err := m.Find(t.Context(), "a"); value != c.want {
			t.Errorf("%q: %q, %v", c.text, value, err)
		}
	}
}

func FuzzDefinition(f *testing.F) {
	for _, kind := range []string{sqliteKind, postgresKind, ldapKind} {
		f.Add(kind, of(kind))
		f.Add(kind, of(kind, "deferred = false", "tls = 'none'", "user = 'u'", "password = 'file:/x'"))
	}
	f.Fuzz(func(t *testing.T, kind, text string) {
		if kind != sqliteKind && kind != postgresKind {
			kind = ldapKind
		}
		d, err := readDefinition(kind, "m.toml", strings.NewReader(text))
		if (d == nil) == (err == nil) {
			t.Errorf("%v, %v", d, err)
		}
		if err == nil && (d.timeout <= 0 || d.timeout > mostTimeout) {
			t.Errorf("it waits for %s", d.timeout)
		}
	})
}
