package mta

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
)

// at is where a test's files are.
type at string

func (dir at) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(string(dir), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (dir at) config(t *testing.T, text string) *config.Config {
	t.Helper()
	text = strings.ReplaceAll("[mta]\ndont_blame_sendmail = \"TrustStickyBit\"\n"+text, "DIR", string(dir))
	c, err := config.Parse("m.toml", []byte(text), func(string) string { return string(dir) })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEachMapOfAServerIsLookedAtByItself(t *testing.T) {
	for _, c := range []struct{ reason, file, text, config, key, wrong, warns string }{
		{"a mailertable in order", "m", "far.example esmtp:hub.example\n", `map.mailertable = "DIR/m"`, "mta.map.mailertable", "", ""},
		{"a line that names no mailer", "m", "# ours\nfar.example nonsense:x:y:z\n", `map.mailertable = "DIR/m"`, "mta.map.mailertable", "DIR/m:2", ""},
		{"a map that is not there", "x", "", `map.virtusertable = "DIR/v"`, "mta.map.virtusertable", "DIR/v: no such file", ""},
		{"a domaintable whose value is an address", "d", "old.example a@new.example\n", `map.domaintable = "DIR/d"`, "mta.map.domaintable", "DIR/d:1", ""},
		{"a genericstable in order", "g", "joe joe@far.example\n", `map.genericstable = "DIR/g"`, "mta.map.genericstable", "", ""},
		{"an alias without a value", "a", "staff: joe\nroot:\n", `map.aliases = ["DIR/a"]`, "mta.map.aliases", "DIR/a", ""},
		{"an alias that is there twice", "a", "joe: a@x.example\njoe: b@x.example\n", `map.aliases = ["DIR/a"]`, "mta.map.aliases", "", "DIR/a"},
		{"a class that is not there", "x", "", `local_file = "DIR/local"`, "mta.local_file", "DIR/local: no such file", ""},
		{"a class in order", "r", "10.1.2\n", `relay_file = "DIR/r"`, "mta.relay_file", "", ""},
		{"a bad class does not hide the maps", "m", "far.example nonsense:x:y:z\n", "local_file = \"DIR/local\"\nmap.mailertable = \"DIR/m\"", "mta.map.mailertable", "DIR/m:1", ""},
		{"an access map with a bad line", "a", "Connect:10.1.2\n", `map.access = "DIR/a"`, "mta.map.access", "DIR/a:1", ""},
		{"the definition of a database", "s", "database = \"DIR/none.db\"\nquery = \"SELECT 1\"\n", `map.virtusertable = "sqlite:DIR/s"`, "mta.map.virtusertable", "DIR/s:2", ""},
		{"a database that is not there", "s", "database = \"DIR/none.db\"\nquery = \"SELECT v FROM m WHERE k = ?\"\n", `map.virtusertable = "sqlite:DIR/s"`, "mta.map.virtusertable", "DIR/none.db", ""},
		{"a server of a database that is not there", "p", "database = \"x\"\nhost = \"DIR\"\nuser = \"x\"\nquery = \"SELECT v FROM m WHERE k = $1\"\n", `map.aliases = ["postgres:DIR/p"]`, "mta.map.aliases", "postgres:DIR/p cannot be asked", ""},
	} {
		dir := at(t.TempDir())
		dir.write(t, c.file, strings.ReplaceAll(c.text, "DIR", string(dir)))
		all, err := Look{Now: time.Now, Getenv: func(string) string { return "" }}.Supports(t.Context(), dir.config(t, c.config))
		if err != nil {
			t.Errorf("%s: %v", c.reason, err)
			continue
		}
		i := slices.IndexFunc(all, func(s Support) bool { return s.Key == c.key })
		if i < 0 {
			t.Errorf("%s: %+v", c.reason, all)
			continue
		}
		wrong, warns := fmt.Sprint(all[i].Wrong), fmt.Sprint(all[i].Warnings)
		for got, want := range map[string]string{wrong: c.wrong, warns: c.warns} {
			if want = strings.ReplaceAll(want, "DIR", string(dir)); (got == "[]") != (want == "") || !strings.Contains(got, want) {
				t.Errorf("%s: %q, and not %q", c.reason, got, want)
			}
		}
		if !strings.HasPrefix(all[i].Where, "m.toml:") {
			t.Errorf("%s: it is set at %q", c.reason, all[i].Where)
		}
	}
}

func TestWhatTheServersUserMustReadHasAllMaps(t *testing.T) {
	dir := at(t.TempDir())
	dir.write(t, "pg", "database = \"x\"\nhost = \"127.0.0.1\"\nuser = \"x\"\npassword = \"file:/pw\"\nca = \"/ca\"\nquery = \"SELECT v FROM m WHERE k = $1\"\n")
	dir.write(t, "lite", "database = \"/lite.db\"\nquery = \"SELECT v FROM m WHERE k = ?\"\n")
	c := dir.config(t, `run_as = ""
local_file = "/w"
relay_file = "/r"
map.access = "/access"
map.mailertable = "-D /mailer"
map.virtusertable = "postgres:DIR/pg"
map.domaintable = "/domain"
map.genericstable = "sqlite:DIR/lite"
map.aliases = ["/aliases", "ldap:/l.toml"]
route.virt_host_file = "/virt"
route.generics_file = "/generics"
`)
	own := ""
	var got []string
	for _, f := range SupportFiles(c) {
		got = append(got, f.Path)
		if f.Own {
			own += f.Path
		}
	}
	for _, want := range []string{"/w", "/r", "/access", "/mailer", string(dir) + "/pg", "/pw", "/ca", "/domain", string(dir) + "/lite", "/lite.db", "/aliases", "/l.toml", "/virt", "/generics"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not among %v", want, got)
		}
	}
	if own != "/pw" {
		t.Errorf("nobody else may have %q: it is the password alone", own)
	}
}
