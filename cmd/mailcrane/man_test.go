package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra/doc"
)

var update = flag.Bool("update", false, "write the manual pages anew")

// TestManualPagesAreThoseOfTheCommands makes the pages of docs/man from the
// commands; with -update it writes them.
func TestManualPagesAreThoseOfTheCommands(t *testing.T) {
	const kept = "../../docs/man"
	made := t.TempDir()
	if *update {
		made = kept
		if err := os.MkdirAll(kept, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root := (&app{}).commands()
	root.DisableAutoGenTag = true
	date := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) // fixed, so that a page changes only when its words do
	header := &doc.GenManHeader{Title: "MAILCRANE", Section: "1", Source: "mailcrane", Manual: "mailcrane", Date: &date}
	if err := doc.GenManTree(root, header, made); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(made, "*.1"))
	if err != nil || len(pages) < 15 {
		t.Fatalf("made %v, %v", pages, err)
	}
	for _, page := range pages {
		want, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(kept, filepath.Base(page)))
		if err != nil {
			t.Errorf("%v; write it with: go test ./cmd/mailcrane -run Manual -update", err)
			continue
		}
		if diff := cmp.Diff(string(got), string(want)); diff != "" {
			t.Errorf("%s is not what the commands say; write it with: go test ./cmd/mailcrane -run Manual -update\n%s", page, diff)
		}
	}
}
