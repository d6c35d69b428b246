package coverage

import (
	"fmt"
	"slices"
	"strings"
)

const introduction = `# Coverage

What of sendmail works here, row by row: A and B are the rows of its tips and of its tuning chapter, X those that these
rest on. This page is made from the tests and from [coverage.rows](coverage.rows) by
` + "`go test ./internal/coverage -update`" + `: a row works where a test names it, and the tests that do are named with it.

`

// Page is the page of rows, each with the tests that name it. An error is a
// row that there is not, or one that is said to work and has no test.
func Page(rows []Row, tests map[string][]string) (string, error) {
	names := map[string]bool{}
	for _, row := range rows {
		names[row.Name] = true
	}
	for row, by := range tests {
		if !names[row] {
			return "", fmt.Errorf("%s names %s, and there is no such row", strings.Join(by, ", "), row)
		}
	}
	ours := slices.IndexFunc(rows, func(r Row) bool { return r.Name[0] >= 'a' })
	if ours < 0 {
		ours = len(rows)
	}
	var page strings.Builder
	page.WriteString(introduction)
	if err := table(&page, rows[:ours], tests); err != nil {
		return "", err
	}
	page.WriteString("\n## What sendmail has not\n\n")
	if err := table(&page, rows[ours:], tests); err != nil {
		return "", err
	}
	return page.String(), nil
}

func table(page *strings.Builder, rows []Row, tests map[string][]string) error {
	works := 0
	for _, row := range rows {
		if len(tests[row.Name]) > 0 {
			works++
		}
	}
	fmt.Fprintf(page, "%d of %d rows are shown by a test.\n\n", works, len(rows))
	page.WriteString("| row | what | status | tests |\n| --- | --- | --- | --- |\n")
	for _, row := range rows {
		status, err := status(row, len(tests[row.Name]) > 0)
		if err != nil {
			return err
		}
		fmt.Fprintf(page, "| %s | %s | %s | %s |\n", row.Name, row.Title, status, quoted(tests[row.Name]))
	}
	return nil
}

// status is what the page says of a row.
func status(row Row, shown bool) (string, error) {
	switch {
	case shown && strings.HasPrefix(row.Note, exempt):
		return "", fmt.Errorf("%s has a test, and a note that says it %s", row.Name, row.Note)
	case shown && row.Note == "":
		return "works", nil
	case shown, strings.HasPrefix(row.Note, exempt):
		return row.Note, nil
	case row.Note == "":
		return "not yet", nil
	}
	return "", fmt.Errorf("%s: %q is said of it, and no test names it", row.Name, row.Note)
}

func quoted(tests []string) string {
	var words []string
	for _, test := range tests {
		if !strings.HasSuffix(test, ".txtar") {
			test = "`" + test + "`"
		}
		words = append(words, test)
	}
	return strings.Join(words, ", ")
}
