package coverage

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// label begins the line in which a test names its rows.
const label = "Coverage: "

// Tests are the tests below a directory by the rows that they name: Go tests
// and fuzz targets by their function, scripts by their file. Each row's are in
// the order of their names.
func Tests(tree fs.FS) (map[string][]string, error) {
	byRow := map[string][]string{}
	err := fs.WalkDir(tree, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		var named map[string][]string
		switch {
		case strings.HasSuffix(file, "_test.go"):
			named, err = ofGo(tree, file)
		case path.Ext(file) == ".txtar":
			named, err = ofScript(tree, file)
		}
		for test, rows := range named {
			for _, row := range rows {
				byRow[row] = append(byRow[row], test)
			}
		}
		return err
	})
	for row, tests := range byRow {
		slices.Sort(tests)
		byRow[row] = slices.Compact(tests)
	}
	return byRow, err
}

// ofGo are the rows that each test of a Go file names, for whatever system
// the file is.
func ofGo(tree fs.FS, file string) (map[string][]string, error) {
	text, err := fs.ReadFile(tree, file)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	named, labels := map[string][]string{}, 0
	for _, declared := range parsed.Decls {
		test, ok := declared.(*ast.FuncDecl)
		if !ok || test.Doc == nil || !isTest(test) {
			continue
		}
		for i, comment := range test.Doc.List {
			line := strings.TrimPrefix(comment.Text, "// ")
			for strings.HasSuffix(line, ",") && i+1 < len(test.Doc.List) {
				i++
				line += strings.TrimPrefix(test.Doc.List[i].Text, "//")
			}
			rows, labelled, err := ofLine(line)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", file, test.Name.Name, err)
			}
			if labelled {
				labels++
				named[test.Name.Name] = append(named[test.Name.Name], rows...)
			}
		}
	}
	if labels != lineCount(string(text), "// "+label) {
		return nil, fmt.Errorf("%s: a line %q stands elsewhere than right above a test, where nobody finds it", file, "// "+label)
	}
	return named, nil
}

func isTest(f *ast.FuncDecl) bool {
	return f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz"))
}

// ofScript are the rows that a script names.
func ofScript(tree fs.FS, file string) (map[string][]string, error) {
	text, err := fs.ReadFile(tree, file)
	if err != nil {
		return nil, err
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		rows, _, err := ofLine(strings.TrimPrefix(strings.TrimSpace(line), "# "))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, rows...)
	}
	return map[string][]string{path.Base(file): all}, nil
}

// ofLine are the rows of a line, where it names some.
func ofLine(line string) (rows []string, labelled bool, err error) {
	text, labelled := strings.CutPrefix(line, label)
	if !labelled {
		return nil, false, nil
	}
	rows, err = rowNames(strings.TrimSuffix(text, "."))
	return rows, true, err
}

func lineCount(text, prefix string) int {
	n := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}
