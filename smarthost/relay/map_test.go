package relay

import (
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestThePackagesMapNamesEachFileOnce(t *testing.T) {
	parsed, err := parser.ParseFile(token.NewFileSet(), "target.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for line := range strings.Lines(parsed.Doc.Text()) {
		if row, isRow := strings.CutPrefix(line, "\t"); isRow {
			names, _, _ := strings.Cut(row, "  ")
			named = append(named, strings.Split(names, ", ")...)
		}
	}
	var there []string
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name, isGo := strings.CutSuffix(f.Name(), ".go"); isGo && !strings.HasSuffix(name, "_test") && !strings.HasPrefix(name, "tcp_") {
			there = append(there, name)
		}
	}
	slices.Sort(named)
	slices.Sort(there)
	if !slices.Equal(named, there) {
		t.Errorf("the map names\n%q, and there are\n%q", named, there)
	}
}
