package coverage

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// anchorOf is what a heading is linked by: lower case, words with hyphens.
func anchorOf(heading string) string {
	plain := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(strings.TrimSpace(plain), " ", "-")
}

// headings are the anchors of a page.
func headings(text string) map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(text) {
		if rest := strings.TrimLeft(line, "#"); rest != line && strings.HasPrefix(rest, " ") {
			all[anchorOf(rest)] = true
		}
	}
	return all
}

// Each page that another one sends its reader to is there, and so is the chapter.
//
// Coverage: A51.
func TestEachLinkOfTheManualLeadsSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	pages := []string{filepath.Join(top, "README.md")}
	err := filepath.WalkDir(filepath.Join(top, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			to := page
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(page), m[1])
			}
			there, err := os.ReadFile(to)
			if info, dir := os.Stat(to); err != nil && (dir != nil || !info.IsDir()) {
				t.Errorf("%s: %s is not there", page, m[0])
				continue
			}
			if m[2] != "" && !headings(string(there))[m[2][1:]] {
				t.Errorf("%s: %s has no such chapter", page, m[0])
			}
		}
	}
}
