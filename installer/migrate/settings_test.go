package migrate

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"mailcrane/installer/candidate"
	"mailcrane/internal/config"
)

var update = flag.Bool("update", false, "write the expected accounts anew")

// root is a machine's root directory with those files.
func root(t testing.TB, files []txtar.File) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, f.Data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func machineAt(dir string) *Machine {
	return &Machine{
		Root: dir, Home: "/home/me", User: "me",
		Git: func(ctx context.Context, args ...string) ([]byte, error) {
			return exec.CommandContext(ctx, "git", args...).Output()
		},
	}
}

// shown is all that is found, as text: what becomes of it in mailcrane.toml,
// and what is left. A password shows as its number of octets.
func shown(found []*Found) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "# %s, default %s\n", f.Program, f.Default)
		for _, a := range f.Accounts {
			if a.Password.Known() {
				fmt.Fprintf(&b, "# a password of %d octets\n", len(a.Password.Reveal()))
			}
			b.WriteString(candidate.Table(&a.Account))
		}
		for _, l := range f.Left {
			fmt.Fprintf(&b, "# %s: %s\n", l.Where, l.Why)
			if l.Mend != "" {
				fmt.Fprintf(&b, "#   %s\n", l.Mend)
			}
		}
	}
	return b.String()
}

// TestSettingsBecomeAccounts reads each set of files of testdata/settings; the
// expected accounts stand in it.
func TestSettingsBecomeAccounts(t *testing.T) {
	names, err := filepath.Glob("testdata/settings/*.txtar")
	if err != nil || len(names) < 11 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var files []txtar.File
			want := ""
			for _, f := range archive.Files {
				if f.Name == "want" {
					want = string(f.Data)
					continue
				}
				files = append(files, f)
			}
			found, err := Read(t.Context(), machineAt(root(t, files)), Options{SettingsOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			got := shown(found)
			if strings.Contains(got, "planted") {
				t.Error("a password shows")
			}
			if *update {
				archive.Files = append(archive.Files[:0:0], files...)
				archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if _, err := config.Parse("f", []byte(tables(found)), func(string) string { return "/home/me" }); err != nil {
				t.Errorf("mailcrane.toml would not be read: %v", err)
			}
		})
	}
}

func tables(found []*Found) string {
	var b strings.Builder
	for _, f := range found {
		for _, a := range f.Accounts {
			b.WriteString(candidate.Table(&a.Account))
		}
	}
	return b.String()
}

func TestAPasswordDoesNotShowItself(t *testing.T) {
	a := Account{Password: passwordOf("planted")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		if got := fmt.Sprintf(verb, a); strings.Contains(got, "planted") || strings.Contains(got, "706c616e746564") {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

func TestAFileThatIsNamedIsReadByWhoseItIs(t *testing.T) {
	dir := root(t, []txtar.File{{Name: "old/.msmtprc", Data: []byte("account a\nhost h.example\nfrom me@h.example\n")}, {Name: "old/unknown", Data: []byte("x")}})
	m := &Machine{Root: "/"}
	found, err := Read(t.Context(), m, Options{Files: []string{filepath.Join(dir, "old/.msmtprc")}})
	if err != nil || len(found) != 1 || found[0].Program != "msmtp" || len(found[0].Accounts) != 1 {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := Read(t.Context(), m, Options{Files: []string{filepath.Join(dir, "old/unknown")}}); err == nil {
		t.Error("a file of nobody is read")
	}
	if _, err := Read(t.Context(), m, Options{Files: []string{filepath.Join(dir, "old/.esmtprc")}}); err == nil {
		t.Error("a file that is not there is read")
	}
}

// A link of another machine's disk must not lead to a file of this one.
func TestALinkDoesNotLeaveTheOtherMachinesDisk(t *testing.T) {
	dir := root(t, nil)
	outside := filepath.Join(t.TempDir(), "msmtprc")
	err := errors.Join(os.WriteFile(outside, []byte("account a\nhost h.example\nfrom me@h.example\n"), 0o600),
		os.MkdirAll(filepath.Join(dir, "etc"), 0o755), os.Symlink(outside, filepath.Join(dir, "etc/msmtprc")))
	if err != nil {
		t.Fatal(err)
	}
	found, err := Read(t.Context(), machineAt(dir), Options{SettingsOnly: true, Programs: []string{"msmtp"}})
	if err != nil || len(found) != 1 || len(found[0].Accounts) != 0 || len(found[0].Left) != 1 {
		t.Errorf("%+v, %v", found, err)
	}
}

func FuzzSettings(f *testing.F) {
	names, err := filepath.Glob("testdata/settings/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			f.Add(file.Name, file.Data)
		}
	}
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		for _, path := range []string{"home/me/.msmtprc", "home/me/.esmtprc", "etc/nullmailer/remotes", "etc/dma/dma.conf", "etc/ssmtp/ssmtp.conf", "etc/ssmtp/revaliases", "etc/postfix/main.cf", "etc/exim4/update-exim4.conf.conf", "etc/exim4/passwd.client", "etc/mail/sendmail.mc", "etc/mail/authinfo"} {
			if path != name {
				continue
			}
			m := machineAt(root(t, []txtar.File{{Name: name, Data: text}}))
			m.Git = nil
			found, err := Read(t.Context(), m, Options{SettingsOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				for _, a := range f.Accounts {
					if a.Address() == "" {
						continue // it is asked for
					}
					if _, err := config.Parse("f", []byte(candidate.Table(&a.Account)), func(string) string { return "/home/me" }); err != nil && !strings.Contains(err.Error(), "no user to log in") {
						t.Errorf("%v:\n%s", err, candidate.Table(&a.Account))
					}
				}
			}
		}
	})
}
