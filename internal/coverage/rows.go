// Package coverage makes docs/coverage.md, the page that tells which features
// of sendmail work here and which test shows it, from docs/coverage.rows and
// from what the tests themselves say. Only tests use it.
package coverage

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// A Row is one feature: its name, what it is, and what is to be said about it
// beyond that it works, or "".
type Row struct{ Name, Title, Note string }

// exempt begins the note of a row that no test can show.
const exempt = "does not apply: "

// rowName is A1, B2 or X3 for what sendmail has, or a word for what it has not.
var rowName = regexp.MustCompile(`^(?:[ABX][1-9][0-9]*|[a-z][a-z-]*)$`)

// ReadRows reads lines `NAME | title | note`; empty lines and those that begin
// with # are passed over.
func ReadRows(r io.Reader) ([]Row, error) {
	var rows []Row
	seen := map[string]bool{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, " | ")
		if len(cells) < 2 || len(cells) > 3 {
			return nil, fmt.Errorf("line %d is not NAME | title | note: %s", n, line)
		}
		row := Row{Name: cells[0], Title: cells[1]}
		if len(cells) == 3 {
			row.Note = cells[2]
		}
		switch {
		case !rowName.MatchString(row.Name):
			return nil, fmt.Errorf("line %d: %q is no name of a row", n, row.Name)
		case seen[row.Name]:
			return nil, fmt.Errorf("line %d: %s stands there twice", n, row.Name)
		}
		seen[row.Name] = true
		rows = append(rows, row)
	}
	return rows, lines.Err()
}

// rowNames are the rows that "A8, B9 to B11" names.
func rowNames(text string) ([]string, error) {
	var names []string
	for part := range strings.SplitSeq(text, ", ") {
		first, last, several := strings.Cut(part, " to ")
		if !rowName.MatchString(first) || several && !rowName.MatchString(last) {
			return nil, fmt.Errorf("%q is no row", part)
		}
		if !several {
			names = append(names, first)
			continue
		}
		from, err1 := strconv.Atoi(first[1:])
		to, err2 := strconv.Atoi(last[1:])
		if err1 != nil || err2 != nil || from >= to || first[0] != last[0] {
			return nil, fmt.Errorf("%q is no range of rows", part)
		}
		for ; from <= to; from++ {
			names = append(names, first[:1]+strconv.Itoa(from))
		}
	}
	return names, nil
}
