package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/config"
)

func TestAServerTellsWhereMailToAnAddressGoes(t *testing.T) {
	dir := t.TempDir()
	aliases := filepath.Join(dir, "aliases")
	if err := os.WriteFile(aliases, []byte("# ours\nstaff: bob@far.example, gone\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("m.toml", fmt.Appendf(nil, `[mta]
hostname = "mx.example.org"
dont_blame_sendmail = "TrustStickyBit"
[mta.map]
aliases = [%q]
[[mta.listen]]
address = "127.0.0.1:0"
`, aliases), func(string) string { return dir })
	if err != nil {
		t.Fatal(err)
	}
	a := &app{}
	item := addressItem{Address: "staff@mx.example.org"}
	if item.Way, err = a.wayTo(t.Context(), c, item.Address); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	p := newPage(&out)
	p.tellWay(&item)
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "Mail to staff@mx.example.org, step by step:\n" +
		"  staff@mx.example.org is an alias for bob@far.example, gone (" + aliases + ":2)\n" +
		"    mail for bob@far.example goes to the mail exchangers of far.example"
	if !strings.HasPrefix(out.String(), want) || !strings.Contains(out.String(), "\n    gone is refused: 550 5.1.1 User unknown") {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
	laptop, err := config.Parse("m.toml", nil, func(string) string { return dir })
	if err != nil {
		t.Fatal(err)
	}
	if way, err := a.wayTo(t.Context(), laptop, "x@far.example"); way != nil || err != nil {
		t.Errorf("a machine that is no server: %v, %v", way, err)
	}
}
