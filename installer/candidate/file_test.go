package candidate

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

func account(name, from string) *config.Account {
	return &config.Account{
		Name: name, From: []string{from}, User: from, Auth: "auto",
		Smarthost: config.Smarthost{Host: "smtp.example.org", Port: "465", TLS: config.Implicit},
	}
}

func env(key string) string { return map[string]string{"HOME": "/home/me"}[key] }

func TestAccountsAreAddedAndWhatStandsThereStays(t *testing.T) {
	const work = "[account.work]\nfrom = [\"me@work.test\"]\nsmarthost = \"smtps://mx.work.test\"\nuser = \"me\"\n"
	for name, test := range map[string]struct {
		before    string
		accounts  []*config.Account
		preferred string
		want      string
	}{
		"a new file": {
			accounts: []*config.Account{account("home", "me@home.test")},
			want:     "[account.home]\nfrom = [\"me@home.test\"]\nsmarthost = \"smtps://smtp.example.org\"\nuser = \"me@home.test\"\nsecret = \"keyring\"\n",
		},
		"a new file with a default": {
			accounts: []*config.Account{account("home", "me@home.test")}, preferred: "home",
			want: "default_account = \"home\"\n\n[account.home]\nfrom = [\"me@home.test\"]\nsmarthost = \"smtps://smtp.example.org\"\nuser = \"me@home.test\"\nsecret = \"keyring\"\n",
		},
		"the only account stays the default one, though it was never named": {
			before: "# mine\nlog_level = 8\n" + work, accounts: []*config.Account{account("home", "me@home.test")}, preferred: "home",
			want: "# mine\nlog_level = 8\ndefault_account = \"work\"\n" + work +
				"\n[account.home]\nfrom = [\"me@home.test\"]\nsmarthost = \"smtps://smtp.example.org\"\nuser = \"me@home.test\"\nsecret = \"keyring\"\n",
		},
		"a default that is named stays": {
			before: "default_account = \"work\"\n" + work, accounts: []*config.Account{account("home", "me@home.test")}, preferred: "home",
			want: "default_account = \"work\"\n" + work +
				"\n[account.home]\nfrom = [\"me@home.test\"]\nsmarthost = \"smtps://smtp.example.org\"\nuser = \"me@home.test\"\nsecret = \"keyring\"\n",
		},
		"a name that is taken gets a number, and a file without a last line end one": {
			before: "default_account = \"work\"\n" + work[:len(work)-1], accounts: []*config.Account{account("work", "me@home.test")},
			want: "default_account = \"work\"\n" + work +
				"\n[account.work-2]\nfrom = [\"me@home.test\"]\nsmarthost = \"smtps://smtp.example.org\"\nuser = \"me@home.test\"\nsecret = \"keyring\"\n",
		},
		"the same account is not added twice": {
			before: "[account.a]\nfrom = [\"ME@home.test\"]\nsmarthost = \"smtps://smtp.example.org\"\nuser = \"me@home.test\"\n", accounts: []*config.Account{account("b", "me@home.test")},
			want: "[account.a]\nfrom = [\"ME@home.test\"]\nsmarthost = \"smtps://smtp.example.org\"\nuser = \"me@home.test\"\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "d", "mailcrane.toml")
			if test.before != "" {
				write(t, path, test.before)
			}
			d, err := New(path, test.accounts, test.preferred, env)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Write(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, read(t, path)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestANewFileIsItsOwnersAndAnOldOneKeepsItsMode(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]os.FileMode{"new": 0o600, "old": 0o640} {
		path := filepath.Join(dir, name)
		if name == "old" {
			write(t, path, "log_level = 8\n")
		}
		d, err := New(path, []*config.Account{account("home", "me@home.test")}, "", env)
		if err == nil {
			err = d.Write()
		}
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
}

func TestAFileThatIsALinkIsChangedWhereItStands(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	write(t, real, "log_level = 8\n")
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	d, err := New(link, []*config.Account{account("home", "me@home.test")}, "", env)
	if err == nil {
		err = d.Write()
	}
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 || read(t, real) != string(d.After) {
		t.Errorf("the link is %v, %v", info, err)
	}
}

func TestAFileThatChangedMeanwhileIsNotWrittenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mailcrane.toml")
	d, err := New(path, []*config.Account{account("home", "me@home.test")}, "", env)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "log_level = 8\n")
	if err := d.Write(); sysexits.Code(err) != sysexits.TempFail || read(t, path) != "log_level = 8\n" {
		t.Errorf("%v", err)
	}
}

func TestABrokenFileIsNoCandidate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mailcrane.toml")
	write(t, path, "log_level = \n")
	if _, err := New(path, nil, "", env); sysexits.Code(err) != sysexits.Config {
		t.Errorf("%v", err)
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("plain")
	f.Add("with \"quotes\" and \\ and \x01\n\t")
	f.Add("caf\xc3\xa9 \xff")
	f.Fuzz(func(t *testing.T, text string) {
		a := account("home", "me@home.test")
		a.User = text
		c, err := config.Parse("f", []byte(Table(a)), env)
		if text == "" {
			return
		}
		if err != nil || c.Accounts[0].User != string([]rune(text)) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
