package maps

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// define writes a definition, and the password of the database beside it. Its clock
// is that of the machine.
func define(t *testing.T, kind string, db *lab.Database, lines ...string) Map {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "password"), db.Password+"\n")
	text := strings.NewReplacer("$PASSWORD", "file:"+filepath.Join(dir, "password"), "$SOCKET", db.Socket, "$CA", db.CA, "$USER", db.User,
		"$PORT", fmt.Sprint(db.Port), "$TLSPORT", fmt.Sprint(db.TLSPort)).Replace(strings.Join(lines, "\n"))
	path := filepath.Join(dir, kind+".toml")
	write(t, path, text)
	o := options()
	o.Now = nil
	m, err := Open(kind+":"+path, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// expect asks for keys; "" is none.
func expect(t *testing.T, m Map, want map[string]string) {
	t.Helper()
	for key, value := range want {
		got, where, ok, err := m.Find(t.Context(), key)
		if err != nil || got != value || ok != (value != "") || ok && where == "" {
			t.Errorf("%q is %q at %q, %v, %v; want %q", key, got, where, ok, err, value)
		}
	}
}

// fails asks, and wants a temporary error that says so.
func fails(t *testing.T, m Map, says string) {
	t.Helper()
	began := time.Now()
	if value, _, ok, err := m.Find(t.Context(), "a@example.org"); ok || err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("it says %q, %v, %v; want %q", value, ok, err, says)
	} else if strings.Contains(err.Error(), "a b'c") {
		t.Errorf("the error shows the password: %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it takes %s", took)
	}
}

const pgTable = `CREATE TABLE virtusers (address text, target text);
INSERT INTO virtusers VALUES ('a@example.org', 'alice'), ('list@example.org', 'alice'), ('list@example.org', 'bob@example.com'), ('o''brien@example.org', 'ob'), ('num@example.org', '1')`

func TestARealPostgreSQLIsAsked(t *testing.T) {
	db := lab.StartPostgres(t, pgTable)
	query, list := `query = "SELECT target FROM virtusers WHERE address = $1 ORDER BY target"`, `separator = ", "`
	want := map[string]string{
		"a@example.org": "alice", "list@example.org": "alice, bob@example.com", "o'brien@example.org": "ob",
		"nobody@example.org": "", "' OR true --": "", "'; DROP TABLE virtusers; --": "", `\'`: "",
	}
	where := "database = 'mail'\nuser = '$USER'\nport = $PORT"
	password := "password = '$PASSWORD'"
	for name, lines := range map[string][]string{
		"over its socket":   {where, "host = '$SOCKET'", query, list},
		"on this machine":   {where, "host = '127.0.0.1'", password, query, list},
		"with TLS, by name": {where, "host = 'localhost'", "tls = 'required'", "ca = '$CA'", password, query, list},
	} {
		t.Run(name, func(t *testing.T) { expect(t, define(t, postgresKind, db, lines...), want) })
	}
	m := define(t, postgresKind, db, where, "host = '127.0.0.1'", password, `query = "SELECT address::int::text FROM virtusers WHERE target = $1"`)
	fails(t, define(t, postgresKind, db, where, "host = '127.0.0.1'", "tls = 'required'", password, query), "certificate")
	fails(t, define(t, postgresKind, db, where, "host = '127.0.0.1'", query), "password")
	fails(t, define(t, postgresKind, db, where, "host = '$SOCKET'", `query = "SELECT target, address FROM virtusers WHERE address = $1"`), "2 columns")
	fails(t, define(t, postgresKind, db, where, "host = '$SOCKET'", `query = "DELETE FROM virtusers WHERE address = $1 RETURNING target"`), "permission denied")
	if _, _, _, err := m.Find(t.Context(), "alice"); err == nil {
		t.Error("a key that the query cannot take has a value")
	}
	expect(t, m, map[string]string{"carol": ""})
	hung := define(t, postgresKind, db, where, "host = '127.0.0.1'", password, query, list, "timeout = '1s'")
	db.Signal(syscall.SIGSTOP)
	fails(t, hung, "no answer in 1s")
	db.Signal(syscall.SIGCONT)
	began := time.Now()
	fails(t, hung, "no answer in 1s") // it is left in peace
	if took := time.Since(began); took > time.Second/2 {
		t.Errorf("while it rests it is asked for %s", took)
	}
}

const people = `dn: uid=alice,dc=example,dc=org
objectClass: inetOrgPerson
uid: alice
cn: Alice
sn: Liddell
mail: a@example.org
mail: alice@example.org

dn: uid=star,dc=example,dc=org
objectClass: inetOrgPerson
uid: star
cn: Star
sn: (Kleene)
mail: s*@example.org
description: one
description: two
`

func TestARealOpenLDAPIsAsked(t *testing.T) {
	db := lab.StartLDAP(t, people)
	search := "base = 'dc=example,dc=org'\nattribute = 'uid'\nfilter = '(&(objectClass=inetOrgPerson)(mail=%s))'"
	login := "user = '$USER'\npassword = '$PASSWORD'"
	want := map[string]string{
		"a@example.org": "alice", "alice@example.org": "alice", "s*@example.org": "star",
		"*": "", "*@example.org": "", "a@example.org)(uid=*": "", "nobody@example.org": "", "\\2a": "", "é@example.org": "",
	}
	socket := (&url.URL{Scheme: "ldapi", Path: db.Socket}).String()
	for name, lines := range map[string][]string{
		"over its socket": {"url = '" + socket + "'", login, search},
		"on this machine": {"url = 'ldap://127.0.0.1:$PORT'", login, search},
		"with STARTTLS":   {"url = 'ldap://localhost:$PORT'", "tls = 'required'", "ca = '$CA'", login, search},
		"with TLS":        {"url = 'ldaps://localhost:$TLSPORT'", "ca = '$CA'", login, search},
	} {
		t.Run(name, func(t *testing.T) { expect(t, define(t, ldapKind, db, lines...), want) })
	}
	local := "url = 'ldap://127.0.0.1:$PORT'"
	fails(t, define(t, ldapKind, db, "url = 'ldaps://127.0.0.1:$TLSPORT'", login, search), "certificate")
	fails(t, define(t, ldapKind, db, "url = 'ldap://127.0.0.1:$PORT'", "tls = 'required'", login, search), "certificate")
	fails(t, define(t, ldapKind, db, local, search), "Insufficient Access")
	fails(t, define(t, ldapKind, db, local, "user = 'cn=nobody,dc=example,dc=org'", "password = '$PASSWORD'", search), "logging in as cn=nobody")
	expect(t, define(t, ldapKind, db, local, login, "scope = 'base'", search), map[string]string{"a@example.org": ""})
	expect(t, define(t, ldapKind, db, local, login, "separator = ', '", "scope = 'one'",
		"base = 'dc=example,dc=org'\nattribute = 'description'\nfilter = '(sn=%s)'"), map[string]string{"(kleene)": "one, two"})
	m := define(t, ldapKind, db, local, login, "timeout = '1s'", search)
	expect(t, m, map[string]string{"a@example.org": "alice"})
	db.Signal(syscall.SIGSTOP)
	fails(t, m, "no answer in 1s")
	db.Signal(syscall.SIGCONT)
	fails(t, m, "no answer in 1s") // it is left in peace
}
