package candidate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/installer/candidate"
	"mailcrane/internal/config"
)

func TestAnAccountIsChangedWhereItStands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, why, before string
		change            func(*config.Account)
		after             string // "" for a refusal
	}{
		{
			"values", "comments and order stay", "# top\n[account.a] # mine\nuser = \"u\" # who\nfrom = [\"u@example.org\"]\nsmarthost = \"smtps://old.test\"\n\n[account.b]\nfrom = [\"b@example.org\"]\nsmarthost = \"smtps://old.test\"\nuser = \"b\"\n",
			func(a *config.Account) { a.Smarthost.Host, a.User = "new.test", "v\"w" },
			"# top\n[account.a] # mine\nuser = \"v\\\"w\" # who\nfrom = [\"u@example.org\"]\nsmarthost = \"smtps://new.test\"\n\n[account.b]\nfrom = [\"b@example.org\"]\nsmarthost = \"smtps://old.test\"\nuser = \"b\"\n",
		},
		{
			"a key that was not there", "it goes below the name", "[account.a]\nfrom = [\"u@example.org\"]\nuser = 'u'\nsmarthost = \"smtps://old.test\"\n[queue]\nundo = \"5s\"\n",
			func(a *config.Account) { a.Secret = config.Secret{Kind: "file", Value: "/p"}; a.User = "w" },
			"[account.a]\nsecret = \"file:/p\"\nfrom = [\"u@example.org\"]\nuser = \"w\"\nsmarthost = \"smtps://old.test\"\n[queue]\nundo = \"5s\"\n",
		},
		{
			"nothing", "the same octets", "[account.a]\nfrom=['u@example.org']\nuser='u'\nsmarthost='smtps://old.test'",
			func(*config.Account) {}, "[account.a]\nfrom=['u@example.org']\nuser='u'\nsmarthost='smtps://old.test'",
		},
		{
			"no table", "what stands there otherwise is not guessed at", "account.a.from = [\"u@example.org\"]\naccount.a.user = \"u\"\naccount.a.smarthost = \"smtps://old.test\"\n",
			func(a *config.Account) { a.User = "w" }, "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "mailcrane.toml")
			if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
				t.Fatal(err)
			}
			nobody := func(name string) string { return map[string]string{"HOME": "/home/me"}[name] }
			old, err := config.Parse(path, []byte(c.before), nobody)
			if err != nil {
				t.Fatal(err)
			}
			a := *old.Account("a")
			c.change(&a)
			d, err := candidate.Change(path, &a, nobody)
			switch {
			case c.after == "" && err == nil:
				t.Errorf("%s: %s", c.why, d.After)
			case c.after != "" && err != nil:
				t.Error(err)
			case c.after != "" && string(d.After) != c.after:
				t.Errorf("%s: became\n%s\nwant\n%s", c.why, d.After, c.after)
			case c.after == "" && !strings.Contains(err.Error(), "[account.a]"):
				t.Error(err)
			}
		})
	}
}
