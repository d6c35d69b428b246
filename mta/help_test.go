package mta

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Coverage: B88.
func TestHelpIsWhatTheFileSays(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	const text = "#vers\t2\n#\ta remark\nsmtp\tCall 555-1234\nsmtp\tfor help with mail\nhelo\tHELO <hostname>\nbroken\n"
	for _, file := range []string{"helpfile", "open/helpfile"} {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(open, 0o777); err != nil { //nolint:gosec // that is what is tried
		t.Fatal(err)
	}
	const own = "214-2.0.0 This is mailcrane; commands:\r\n"
	for _, c := range []struct{ why, word, file, ask, want string }{
		{"no file", "", "", "HELP", own},
		{"the topic of HELP alone", "", "helpfile", "HELP", "214-2.0.0 Call 555-1234\r\n214-2.0.0 for help with mail\r\n214 2.0.0 End of HELP info\r\n"},
		{"a topic, in any case", "", "helpfile", "help HELO", "214-2.0.0 HELO <hostname>\r\n214 2.0.0 End of HELP info\r\n"},
		{"a topic that is not there", "", "helpfile", "HELP broken", "504 5.3.0 HELP topic \"broken\" unknown\r\n"},
		{"a folder that everybody can write", "", "open/helpfile", "HELP", own},
		{"by a word all the same", "HelpFileInUnsafeDirPath", "open/helpfile", "HELP", "214-2.0.0 Call 555-1234\r\n"},
		{"a file that is not there", "", "none", "HELP", own},
	} {
		words := `"TrustStickyBit"`
		if c.word != "" {
			words += fmt.Sprintf(", %q", c.word)
		}
		settings := fmt.Sprintf("dont_blame_sendmail = [%s]\n", words)
		if c.file != "" {
			settings += fmt.Sprintf("help_file = %q\n", filepath.Join(dir, c.file))
		}
		client := run(t, settings+ours, "").dial()
		client.hello()
		if got := client.say(c.ask, c.want); c.want != own && got[:len(c.want)] != c.want {
			t.Errorf("%s: %q", c.why, got)
		}
	}
}
