package installer

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"mailcrane/internal/sysexits"
)

func TestServiceThatCouldNeverRunIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the paths are those of Unix")
	}
	dir := t.TempDir()
	file := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	program, config := file("mailcrane", 0o755), file("mailcrane.toml", 0o600)

	for _, test := range []struct {
		reason string
		o      Options
		code   int // 0: taken
		says   string
	}{
		{"all is well", Options{Program: program, Config: config, User: true}, 0, ""},
		{"the usual configuration", Options{Program: program, User: true}, 0, ""},
		{"a relative program", Options{Program: "mailcrane", User: true}, sysexits.Software, "not known in full"},
		{"no such program", Options{Program: program + "-gone", User: true}, sysexits.OSFile, "no such file"},
		{"a folder for a program", Options{Program: dir, User: true}, sysexits.OSFile, "permission denied"},
		{"a program that is none", Options{Program: config, User: true}, sysexits.OSFile, "permission denied"},
		{"go run, whose program goes away", Options{Program: file("go-build7/b001/exe/mailcrane", 0o755), User: true}, sysexits.OSFile, "go run"},
		{"a relative configuration", Options{Program: program, Config: "mailcrane.toml", User: true}, sysexits.Usage, "another folder"},
		{"no such configuration", Options{Program: program, Config: config + "-gone", User: true}, sysexits.NoInput, "no such file"},
		{"a folder for a configuration", Options{Program: program, Config: dir, User: true}, sysexits.NoInput, "is a folder"},
	} {
		t.Run(test.reason, func(t *testing.T) { checkOptions(t, test.o, test.code, test.says) })
	}
	if runtime.GOOS != "linux" {
		return
	}
	t.Chdir(dir)
	for _, test := range []struct {
		reason string
		o      Options
		code   int
		says   string
	}{
		{"systemd refuses such a path, however quoted", Options{Program: file(`it's/mailcrane`, 0o755), User: true}, sysexits.OSFile, "a quote"},
		{"nor does it take one that is not text", Options{Program: file("\xff/mailcrane", 0o755), User: true}, sysexits.OSFile, "unprintable"},
		{"the sandbox hides /tmp", Options{Program: "/tmp/../" + strings.TrimPrefix(program, "/")}, sysexits.OSFile, "/tmp/"},
		{"also behind a link", Options{Program: "/proc/self/cwd/mailcrane"}, sysexits.OSFile, "/tmp/"},
		{"also the configuration", Options{Program: "/bin/sh", Config: config}, sysexits.OSFile, "/tmp/"},
		{"a user's own service sees its own files", Options{Program: "/bin/sh", Config: config, User: true}, 0, ""},
		{"a program of the machine", Options{Program: "/bin/sh", Config: "/etc/passwd"}, 0, ""},
	} {
		t.Run(test.reason, func(t *testing.T) {
			if !strings.HasPrefix(dir, "/tmp/") && strings.Contains(test.says, "/tmp/") {
				t.Skip("temporary files are not in /tmp here")
			}
			checkOptions(t, test.o, test.code, test.says)
		})
	}
}

func checkOptions(t *testing.T, o Options, code int, says string) {
	t.Helper()
	err := o.check()
	if sysexits.Code(err) != code {
		t.Errorf("%v has code %d, want %d", err, sysexits.Code(err), code)
	}
	if err == nil {
		return
	}
	if !strings.Contains(err.Error(), says) || sysexits.Hint(err) == "" {
		t.Errorf("says %q (hint %q), want %q and a hint", err, sysexits.Hint(err), says)
	}
}
