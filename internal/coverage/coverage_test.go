package coverage

import (
	"flag"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

var update = flag.Bool("update", false, "write docs/coverage.md anew")

const top, page, rowsFile = "../..", "../../docs/coverage.md", "../../docs/coverage.rows"

// sendmailsRows are all that sendmail's tips, its tuning chapter and what
// these rest on ask for; none may be dropped from the file of rows.
const sendmailsRows = "A1 to A51, B1 to B135, X1 to X8"

func TestCoverageIsThatOfTheTests(t *testing.T) {
	file, err := os.Open(rowsFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := ReadRows(file)
	if err != nil {
		t.Fatalf("docs/coverage.rows: %v", err)
	}
	tests, err := Tests(os.DirFS(top))
	if err != nil {
		t.Fatal(err)
	}
	made, err := Page(rows, tests)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(page, []byte(made), 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != made {
		t.Errorf("docs/coverage.md is not what the tests say, first in this line:\n%s\nwrite it anew: go test ./internal/coverage -update", firstOther(made, string(written)))
	}
	wanted, err := rowNames(sendmailsRows)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range wanted {
		if i >= len(rows) || rows[i].Name != name {
			t.Fatalf("docs/coverage.rows lacks %s, or has it elsewhere", name)
		}
	}
}

// firstOther is the first line of a that b has otherwise.
func firstOther(a, b string) string {
	others := strings.Split(b, "\n")
	for i, line := range strings.Split(a, "\n") {
		if i >= len(others) || others[i] != line {
			return line
		}
	}
	return "(its end)"
}

func TestARowWorksOnlyWhereATestNamesIt(t *testing.T) {
	const rows = "A1 | one\nA2 | two | works, half\nA3 | three\nA4 | four | does not apply: no maps\nundo | five\n"
	tree := fstest.MapFS{
		"a/x_test.go":         {Data: []byte("package a\n\n// It shows.\n//\n// Coverage: A1, A2.\nfunc TestOne(t *T) {}\n")},
		"b/y_linux_test.go":   {Data: []byte("//go:build linux\n\npackage b\n\n// Coverage: A1,\n// A2.\nfunc FuzzTwo(f *F) {}\n")},
		"c/script/undo.txtar": {Data: []byte("# Coverage: undo.\nexec x\n-- y --\n")},
		"c/z.go":              {Data: []byte("package c\n\n// Coverage: A3.\nfunc TestNone() {}\n")},
	}
	parsed, err := ReadRows(strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	tests, err := Tests(tree)
	if err != nil {
		t.Fatal(err)
	}
	made, err := Page(parsed, tests)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| A1 | one | works | `FuzzTwo`, `TestOne` |",
		"| A2 | two | works, half | `FuzzTwo`, `TestOne` |",
		"| A3 | three | not yet |  |",
		"| A4 | four | does not apply: no maps |  |",
		"| undo | five | works | undo.txtar |",
		"2 of 4 rows are shown by a test.",
	} {
		if !strings.Contains(made, line+"\n") {
			t.Errorf("the page lacks %q:\n%s", line, made)
		}
	}
}

func TestWhatIsSaidWronglyOfARowIsAnError(t *testing.T) {
	for _, c := range []struct{ why, rows, test, want string }{
		{"a row that there is not", "A1 | one", "// Coverage: A2.\nfunc TestOne() {}", "no such row"},
		{"no name of a row", "A1 | one", "// Coverage: A1 (a half).\nfunc TestOne() {}", "is no row"},
		{"a range that runs backwards", "A1 | one", "// Coverage: A3 to A1.\nfunc TestOne() {}", "no range"},
		{"a line where nobody looks", "A1 | one", "func TestOne() {\n}\n\n// Coverage: A1.\n", "elsewhere"},
		{"not a test", "A1 | one", "// Coverage: A1.\nfunc aid() {}", "elsewhere"},
		{"works, and no test", "A1 | one | works well", "", "no test names it"},
		{"a test of what does not apply", "A1 | one | does not apply: old", "// Coverage: A1.\nfunc TestOne() {}", "has a test"},
		{"a row twice", "A1 | one\nA1 | two", "", "twice"},
		{"a row without a title", "A1", "", "is not NAME"},
		{"a name of another kind", "C1 | one", "", "no name of a row"},
	} {
		tree := fstest.MapFS{"a_test.go": {Data: []byte("package a\n\n" + c.test + "\n")}}
		rows, err := ReadRows(strings.NewReader(c.rows))
		var tests map[string][]string
		if err == nil {
			tests, err = Tests(tree)
		}
		if err == nil {
			_, err = Page(rows, tests)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.why, err, c.want)
		}
	}
}
