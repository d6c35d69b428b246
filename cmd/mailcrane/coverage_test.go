package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// coveredRows are those of the queue and of submission, which the page must
// all have; what it has besides is not counted.
const coveredRows = "A8 to A14, A28, A29, B1 to B57, B60, B134, X1 to X3, X7, X8"

func TestTheCoveragePageIsWholeAndNamesTestsThatExist(t *testing.T) {
	page, err := os.ReadFile("../../docs/coverage.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := allTests(t)
	shown := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`|\\b([a-z]+\\.txtar)\\b")
	rows := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| row |") || strings.HasPrefix(line, "| --- |") {
			continue
		}
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 {
			t.Errorf("this row has not four cells: %s", line)
			continue
		}
		for _, row := range rowNames(strings.TrimSpace(cells[1])) {
			if rows[row] && row != "-" {
				t.Errorf("%s stands there twice", row)
			}
			rows[row] = true
		}
		named := shown.FindAllStringSubmatch(cells[4], -1)
		for _, m := range named {
			if !tests[m[1]+m[2]] {
				t.Errorf("%s: there is no test %s", strings.TrimSpace(cells[1]), m[1]+m[2])
			}
		}
		if len(named) == 0 {
			t.Errorf("%s: no test shows it", strings.TrimSpace(cells[1]))
		}
	}
	for _, row := range rowNames(coveredRows) {
		if !rows[row] {
			t.Errorf("%s is missing", row)
		}
	}
}

// rowNames are the rows that "A8 to A10, A28" stands for.
func rowNames(text string) []string {
	var names []string
	for part := range strings.SplitSeq(text, ", ") {
		first, last, several := strings.Cut(part, " to ")
		from, err := strconv.Atoi(first[1:])
		to := from
		if several {
			to, _ = strconv.Atoi(last[1:])
		}
		if err != nil || to <= from && several {
			names = append(names, part)
			continue
		}
		for ; from <= to; from++ {
			names = append(names, fmt.Sprintf("%c%d", first[0], from))
		}
	}
	return names
}

// allTests are the tests, fuzz targets and scripts of the module, by name.
func allTests(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	begins := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir("../..", func(path string, _ os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case strings.HasSuffix(path, ".txtar"):
			tests[filepath.Base(path)] = true
		case strings.HasSuffix(path, "_test.go"):
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range begins.FindAllSubmatch(text, -1) {
				tests[string(m[1])] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
