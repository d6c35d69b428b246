package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"mailcrane/internal/config"
)

// Coverage: B73.
func TestReportsBeginWithWhatErrorHeaderSays(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	for _, folder := range []string{dir, open} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "words"), []byte("Call 555-1234.\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(open, 0o777); err != nil { //nolint:gosec // that is what is tried
		t.Fatal(err)
	}
	for _, c := range []struct{ why, value, words, want string }{
		{"nothing is set", "", "", ""},
		{"a text", "Call me.", "", "Call me."},
		{"a file", filepath.Join(dir, "words"), "", "Call 555-1234.\n"},
		{"a file in a folder that everybody can write", filepath.Join(open, "words"), "", ""},
		{"that by a word all the same", filepath.Join(open, "words"), `, "ErrorHeaderInUnsafeDirPath"`, "Call 555-1234.\n"},
		{"a file that is not there", filepath.Join(dir, "none"), "", ""},
	} {
		text := fmt.Sprintf("[queue]\nerror_header = %q\n[mta]\ndont_blame_sendmail = [\"TrustStickyBit\"%s]\n", c.value, c.words)
		settings, err := config.Parse("m.toml", []byte(text), func(string) string { return dir })
		if err != nil {
			t.Fatal(err)
		}
		if got := preface(settings, slog.New(slog.DiscardHandler))(); got != c.want {
			t.Errorf("%s: %q, not %q", c.why, got, c.want)
		}
	}
}
