package checkup

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestThePageHasEveryFindingAndNoOther(t *testing.T) {
	page, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for line := range strings.Lines(string(page)) {
		cell, ok := strings.CutPrefix(line, "| `")
		if !ok || strings.Contains(line, "| yes |") || strings.Contains(line, "from systemd") {
			continue
		}
		cell, _, _ = strings.Cut("`"+cell, " | ")
		for _, match := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(cell, -1) {
			if match[1] != "secret" || strings.Contains(cell, "secret-file") {
				documented[match[1]] = true
			}
		}
	}
	made := regexp.MustCompile(`(?:\bID: |f\.ID(?:, f\.\w+)* = |fine\(|badSpool\(|badPort\()"([a-z-]+)"`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range made.FindAllStringSubmatch(string(text), -1) {
			if !strings.HasSuffix(file, "_test.go") {
				found[match[1]] = true
			}
		}
	}
	for id := range found {
		if !documented[id] {
			t.Errorf("docs/doctor.md does not name %s", id)
		}
	}
	for id := range documented {
		if !found[id] {
			t.Errorf("docs/doctor.md names %s, which is never found", id)
		}
	}
}
