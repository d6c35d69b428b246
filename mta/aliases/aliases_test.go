package aliases

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/mta/safefile"
)

// tmpRules trust the directories of tests, which are below /tmp.
func tmpRules() safefile.Rules { return safefile.Rules{Blame: config.TrustStickyBit} }

// write puts a new file in the place of the old one, as editors do.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// shown is items in one line.
func shown(items []Item) string {
	var words []string
	for _, i := range items {
		words = append(words, fmt.Sprintf("%s%s", [...]string{"", `\`, "file ", "program ", "list "}[i.Kind], i.Text))
	}
	return strings.Join(words, "; ")
}

// Coverage: X4.
func TestAnAliasIsLookedUpWithItsDetailThenStarThenBare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "aliases")
	write(t, path, "joe+work: a@example.net\njoe+*: b@example.net\njoe: c@example.net\nPostMaster: root\n\"two words\": d@example.net\n")
	second := path + "2"
	write(t, second, "joe: second@example.net\nann+*: e@example.net\nann: f@example.net\n")
	a, err := Open([]string{path, "hash:" + second}, Options{Rules: tmpRules()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ reason, user, detail, want, key string }{
		{"the detail itself", "joe", "work", "a@example.net", "joe+work"},
		{"in any case", "JOE", "Work", "a@example.net", "joe+work"},
		{"another detail", "joe", "play", "b@example.net", "joe+*"},
		{"none", "joe", "", "c@example.net", "joe"},
		{"postmaster in any case", "POSTMASTER", "", "root", "postmaster"},
		{"postmaster with a detail", "postmaster", "x", "root", "postmaster"},
		{"a quoted name", `"two words"`, "", "d@example.net", "two words"},
		{"one of the second file", "ann", "x", "e@example.net", "ann+*"},
		{"nobody", "bob", "x", "", ""},
	} {
		items, key, ok, err := a.Lookup(t.Context(), c.user, c.detail)
		if err != nil || shown(items) != c.want || key != c.key || ok != (c.want != "") {
			t.Errorf("%s: %s by %q, %v, %v; want %s by %q", c.reason, shown(items), key, ok, err, c.want, c.key)
		}
	}
}
