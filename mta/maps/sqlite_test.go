package maps

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// sqliteMap is a map of SQLite with rows, as a definition has it.
func sqliteMap(t *testing.T, rows []string, definition ...string) (Map, string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "mail #1?.db")
	db, err := sql.Open("sqlite", "file:"+strings.NewReplacer("#", "%23", "?", "%3f").Replace(file))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range append([]string{"CREATE TABLE virtusers (address TEXT, target TEXT)"}, rows...) {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	path := filepath.Join(dir, "virtusers.toml")
	write(t, path, "database = '"+file+"'\n"+strings.Join(definition, "\n"))
	m, err := Open("sqlite:"+path, options())
	if err != nil {
		t.Fatal(err)
	}
	return m, "sqlite:" + path
}

func TestAMapInSQLiteIsAskedWithTheKeyAsAParameter(t *testing.T) {
	m, setting := sqliteMap(t, []string{
		"INSERT INTO virtusers VALUES ('a@example.org', 'alice'), ('list@example.org', 'alice'), ('list@example.org', ' bob@example.com ')",
		"INSERT INTO virtusers VALUES ('null@example.org', NULL), ('bad@example.org', 'a' || char(10) || 'b')",
	}, `query = "SELECT target FROM virtusers WHERE address = ?"`, `separator = ", "`)
	for _, c := range []struct{ why, key, value string }{
		{"one value", "a@example.org", "alice"},
		{"a list", "list@example.org", "alice, bob@example.com"},
		{"none", "c@example.org", ""},
		{"NULL is none", "null@example.org", ""},
		{"what is no SQL", "' OR '1'='1", ""},
		{"nor is this", "a@example.org'; DROP TABLE virtusers; --", ""},
		{"a key that nobody has", "a@example.org\x00", ""},
		{"no text", "\xff", ""},
		{"long", strings.Repeat("a", 10_000), ""},
	} {
		value, where, ok, err := m.Find(t.Context(), c.key)
		if err != nil || value != c.value || ok != (c.value != "") || ok && where != setting {
			t.Errorf("%s: %q at %q, %v, %v", c.why, value, where, ok, err)
		}
	}
	if value, _, ok, err := m.Find(t.Context(), "bad@example.org"); err == nil || ok || !strings.Contains(err.Error(), "control character") {
		t.Errorf("a value of two lines is %q, %v, %v", value, ok, err)
	}
	if value, _, _, err := m.Find(t.Context(), "a@example.org"); value != "alice" {
		t.Errorf("one bad value stands in the way of the others: %v", err)
	}
}

func TestTwoValuesAreNoAnswerWhereOneIsMeant(t *testing.T) {
	m, _ := sqliteMap(t, []string{"INSERT INTO virtusers VALUES ('a', 'x'), ('a', 'y')"},
		`query = "SELECT target FROM virtusers WHERE address = ?"`)
	_, _, ok, err := m.Find(t.Context(), "a")
	if ok || err == nil || !strings.Contains(err.Error(), "set separator") {
		t.Errorf("it says %v, %v", ok, err)
	}
}

func TestAQueryOfSQLiteChangesNothing(t *testing.T) {
	m, _ := sqliteMap(t, []string{"INSERT INTO virtusers VALUES ('a', 'x')"},
		`query = "DELETE FROM virtusers WHERE address = ? RETURNING target"`)
	for range 2 {
		if value, _, ok, err := m.Find(t.Context(), "a"); ok || err == nil || !strings.Contains(err.Error(), "readonly") {
			t.Fatalf("it says %q, %v, %v", value, ok, err)
		}
	}
}

// Coverage: B57, B99.
func TestASQLiteFileThatOthersCanWriteIsNotAsked(t *testing.T) {
	m, setting := sqliteMap(t, []string{"INSERT INTO virtusers VALUES ('a', 'x')"},
		`query = "SELECT target FROM virtusers WHERE address = ?"`, "deferred = false")
	path := strings.TrimPrefix(setting, "sqlite:")
	o := options()
	o.Deferred = true
	later, err := Open(setting, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := later.Find(t.Context(), "a"); !errors.Is(err, ErrLater) {
		t.Errorf("in delivery mode d it says %v", err)
	}
	if value, _, _, err := m.Find(t.Context(), "a"); value != "x" {
		t.Errorf("else it says %q, %v", value, err)
	}
	writable(t, filepath.Join(filepath.Dir(path), "mail #1?.db"))
	again, err := Open(setting, options())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok, err := again.Find(t.Context(), "a"); ok || err == nil || !strings.Contains(err.Error(), "unsafe map file") {
		t.Errorf("a file that others can write: %v, %v", ok, err)
	}
}
