package installer

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailcrane/internal/lab"
)

var update = flag.Bool("update", false, "write the golden units anew")

func TestUnitIsTheOneThatWasReviewed(t *testing.T) {
	for name, o := range map[string]Options{
		"user.service":   {Program: "/usr/local/bin/mailcrane", User: true},
		"system.service": {Program: "/usr/local/bin/mailcrane", Config: "/etc/mailcrane/other.toml"},
	} {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(golden, []byte(o.unit()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), o.unit()); diff != "" {
				t.Errorf("reviewed -, made + (go test ./installer -update):\n%s", diff)
			}
		})
	}
}

func TestSystemdFindsNothingWrongWithTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		lab.Missing(t, "systemd-analyze", "apt-get install systemd")
	}
	program := filepath.Join(t.TempDir(), "mail crane 100%")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"--user":   {Program: program, Config: `/a "b" $c %d \e`, User: true},
		"--system": {Program: program, Config: `/a "b" $c %d \e`},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), unitFile)
			if err := os.WriteFile(file, []byte(o.unit()), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(analyze, "verify", name, file)
			cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir())
			out, err := cmd.CombinedOutput()
			// It reads other units of this machine too.
			if err != nil || strings.Contains(string(out), unitFile) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

const unitFile = Name + ".service"

func TestUnitHoldsNoActionOfTheTemplate(t *testing.T) {
	o := Options{Program: "/opt/{{Path}}/mailcrane", Config: "/etc/{{if X}}{{{.toml"}
	for _, o.User = range []bool{true, false} {
		if strings.Contains(o.unit(), "{{") {
			t.Errorf("user %v:\n%s", o.User, o.unit())
		}
	}
}

func TestQuote(t *testing.T) {
	for _, test := range []struct{ reason, word, want string }{
		{"plain", "/usr/bin/mailcrane", `"/usr/bin/mailcrane"`},
		{"a space would end the word", "a b", `"a b"`},
		{"a percent sign begins a specifier", "100%n", `"100%%n"`},
		{"a dollar begins a variable", "$HOME${x}", `"$$HOME$$\x7bx}"`},
		{"a quote ends the word", `a"b'c`, `"a\"b'c"`},
		{"a backslash begins an escape", `\x41`, `"\\x41"`},
		{"a line end would begin another setting", "a\nExecStartPre=b", `"a\x0aExecStartPre=b"`},
		{"two braces begin an action of kardianos/service", "{{Path}}", `"\x7b\x7bPath}}"`},
		{"systemd ignores lines that are not UTF-8", "a\xffb", `"a\xffb"`},
		{"other scripts stay readable", "Größe/邮件", `"Größe/邮件"`},
		{"an empty word is one", "", `""`},
	} {
		if got := quote(test.word, "$$"); got != test.want {
			t.Errorf("%s: %q becomes %s, want %s", test.reason, test.word, got, test.want)
		}
	}
}

func FuzzQuotedWordStaysOneLineOfUTF8(f *testing.F) {
	for _, seed := range []string{"", "/usr/bin/x", "a b", "%", "$", `"`, `\`, "\n", "{{", "\x00\xff\u2028", "Größe"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		got := quote(word, "$$")
		if strings.ContainsAny(got, "\n\r\x00\x7f") || strings.Contains(got, "{{") || strings.ToValidUTF8(got, "") != got {
			t.Errorf("%q becomes %q", word, got)
		}
		if back := unquote(t, got); back != word {
			t.Errorf("%q becomes %q, which systemd reads as %q", word, got, back)
		}
	})
}

// unquote is systemd's reading of a word between double quotes
// (systemd.service(5), "Command lines"; systemd.syntax(7), "Quoting").
func unquote(t *testing.T, s string) string {
	t.Helper()
	inner, ok := strings.CutPrefix(s, `"`)
	inner, ok2 := strings.CutSuffix(inner, `"`)
	if !ok || !ok2 {
		t.Fatalf("not between quotes: %s", s)
	}
	var b []byte
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case c == '"':
			t.Fatalf("ends early: %s", s)
		case c == '\\' && inner[i+1] == 'x':
			var v byte
			for _, digit := range []byte(inner[i+2 : i+4]) {
				v = v<<4 | byte(strings.IndexByte("0123456789abcdef", digit))
			}
			b = append(b, v)
			i += 3
		case c == '\\', c == '%', c == '$':
			i++
			if c != '\\' && inner[i] != c {
				t.Fatalf("a lone %c: %s", c, s)
			}
			b = append(b, inner[i])
		default:
			b = append(b, c)
		}
	}
	return string(b)
}
