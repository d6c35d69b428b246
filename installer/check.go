package installer

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"mailcrane/internal/sysexits"
)

// check says whether a service with these options could ever run, before
// anything is changed.
func (o Options) check() error {
	if err := o.checkProgram(); err != nil {
		return err
	}
	if err := o.checkServer(); err != nil {
		return err
	}
	if o.Config == "" {
		return nil
	}
	if !filepath.IsAbs(o.Config) {
		return sysexits.Errorf(sysexits.Usage, "name it with its full path: --config "+filepath.Join(string(filepath.Separator), "…", o.Config),
			"a service starts in another folder, where %s is not", o.Config)
	}
	if info, err := os.Stat(o.Config); err != nil {
		return sysexits.Errorf(sysexits.NoInput, "make it first, or leave --config away", "the service could not read its configuration: %w", err)
	} else if info.IsDir() {
		return sysexits.Errorf(sysexits.NoInput, "name the file in it", "the configuration %s is a folder", o.Config)
	}
	return o.hidden(o.Config, "configuration", "copy it to /etc/mailcrane/mailcrane.toml and leave --config away")
}

func (o Options) checkProgram() error {
	const elsewhere = "install the program first (make install), then type the same with the installed one"
	info, err := os.Stat(o.Program)
	switch {
	case !filepath.IsAbs(o.Program):
		return sysexits.Errorf(sysexits.Software, elsewhere, "the path of the program is not known in full: %q", o.Program)
	case err != nil:
		return sysexits.Errorf(sysexits.OSFile, elsewhere, "the service could not run its program: %w", err)
	case info.IsDir() || runtime.GOOS != "windows" && info.Mode()&0o111 == 0:
		return sysexits.Errorf(sysexits.OSFile, elsewhere, "the service could not run its program: %w",
			&fs.PathError{Op: "exec", Path: o.Program, Err: fs.ErrPermission})
	case strings.Contains(filepath.ToSlash(o.Program), "/go-build"):
		return sysexits.Errorf(sysexits.OSFile, elsewhere, "%s was made by \"go run\" and is gone when that ends", o.Program)
	case runtime.GOOS == "linux" && strings.ContainsFunc(o.Program, unfitForSystemd):
		return sysexits.Errorf(sysexits.OSFile, "install it under another path", "systemd runs no program with a quote, a backslash or an unprintable character in its path: %q", o.Program)
	}
	return o.hidden(o.Program, "program", elsewhere)
}

// unfitForSystemd names what systemd refuses in the path of a program, however
// it is quoted.
func unfitForSystemd(r rune) bool {
	return r < ' ' || strings.ContainsRune("\"'\\\x7f\uFFFD", r)
}

// hidden refuses a file that the sandbox of the machine's service hides: what
// a user may change must not run for, or speak for, everybody.
func (o Options) hidden(path, what, mend string) error {
	if o.User || runtime.GOOS != "linux" {
		return nil
	}
	for _, p := range []string{path, resolved(path)} {
		for _, dir := range []string{"/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"} {
			if strings.HasPrefix(filepath.Clean(p), dir) {
				return sysexits.Errorf(sysexits.OSFile, mend, "the machine's service cannot see its %s in %s", what, dir+"…")
			}
		}
	}
	return nil
}

func resolved(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	return path
}
