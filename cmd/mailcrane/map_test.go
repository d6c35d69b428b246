package main

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A package of many files has a map of them in its doc comment: indented rows of
// names, and what they are about. What stands behind an underscore, a system or
// the part of a theme, is not named.
func TestThePackagesMapNamesEachFileOnce(t *testing.T) {
	for _, room := range [...]string{
		"cmd/mailcrane", "cmd/mailcrane/events", "queue", "internal/config", "installer", "netwatch", "netwatch/network", "smarthost/relay",
	} {
		files, err := filepath.Glob(filepath.Join("../..", room, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		var named, there []string
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".go")
			if strings.HasSuffix(name, "_test") {
				continue
			}
			name, _, _ = strings.Cut(name, "_")
			there = append(there, name)
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(parsed.Doc.Text()) {
				if row, isRow := strings.CutPrefix(line, "\t"); isRow {
					names, _, _ := strings.Cut(row, "  ")
					named = append(named, strings.Split(names, ", ")...)
				}
			}
		}
		slices.Sort(named)
		slices.Sort(there)
		if there = slices.Compact(there); !slices.Equal(named, there) {
			t.Errorf("%s: the map names\n%q, and there are\n%q", room, named, there)
		}
	}
}
