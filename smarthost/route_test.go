package smarthost

import (
	"strings"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

func TestRouteOfASender(t *testing.T) {
	work := &config.Account{Name: "work", From: []string{"me@example.org", "*@lists.example.org"}}
	home := &config.Account{Name: "home", From: []string{"me@home.example"}}
	two := &config.Config{Path: "m.toml", Accounts: []*config.Account{home, work}}
	withDefault := &config.Config{Accounts: two.Accounts, DefaultAccount: home}
	for _, c := range []struct {
		why                    string
		config                 *config.Config
		from, account          string
		want, sentence, remedy string
	}{
		{why: "a plain address", config: two, from: "me@example.org", want: "work"},
		{why: "a pattern", config: two, from: "any@lists.example.org", want: "work"},
		{why: "a detail", config: two, from: "me+x@home.example", want: "home"},
		{why: "the default account takes the rest", config: withDefault, from: "root@laptop", want: "home"},
		{why: "and bounces", config: withDefault, from: "", want: "home"},
		{why: "a claim is closer than the default account", config: withDefault, from: "me@example.org", want: "work"},
		{why: "the envelope's word is last", config: withDefault, from: "me@example.org", account: "home", want: "home"},
		{
			why: "an account that is gone", config: two, from: "me@example.org", account: "old",
			sentence: `there is no account "old"`, remedy: "the accounts in m.toml are: home, work",
		},
		{
			why: "nobody claims it", config: two, from: "you@home.example", sentence: "no account carries mail from you@home.example",
			remedy: `set in [account.home] of m.toml: from = ["me@home.example", "you@home.example"]; or add at its top: default_account = "home"`,
		},
		{
			why: "a bounce, and no default account", config: two, sentence: "null sender",
			remedy: `add at the top of m.toml: default_account = "home"`,
		},
		{
			why: "no account at all", config: &config.Config{}, from: `o"d\d@example.org`, sentence: "no account is set up",
			remedy: "~/.config/mailcrane/mailcrane.toml",
		},
		{why: "no account, and one is named", config: &config.Config{}, account: "work", sentence: `no account "work"`, remedy: "[account.main]"},
	} {
		t.Run(c.why, func(t *testing.T) {
			e := &queue.Envelope{From: c.from, Account: c.account}
			got, err := New(c.config, Options{}).Route(e)
			if c.sentence == "" {
				if err != nil || string(got) != c.want {
					t.Errorf("got %q, %v", got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.sentence) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, %v; want %q", got, err, c.sentence)
			}
			if hint := sysexits.Hint(err); !strings.Contains(hint, c.remedy) || sysexits.Code(err) != sysexits.Config {
				t.Errorf("the hint is %q, code %d; want %q", hint, sysexits.Code(err), c.remedy)
			}
		})
	}
}

// TestTheLinesToAddAreAConfiguration reads what the hints propose.
func TestTheLinesToAddAreAConfiguration(t *testing.T) {
	for _, sender := range []string{"me@example.org", `"o'd\\d"@example.org`, "jürgen@exämple.org", "root", ""} {
		empty := New(&config.Config{}, Options{})
		_, err := empty.Route(&queue.Envelope{From: sender})
		_, lines, _ := strings.Cut(sysexits.Hint(err), ":\n")
		home := func(name string) string { return map[string]string{"HOME": "/home/me"}[name] }
		c, err := config.Parse("new.toml", []byte(lines), home)
		if err != nil {
			t.Errorf("%q: %v\n%s", sender, err, lines)
			continue
		}
		if strings.Contains(sender, "@") {
			if r, err := New(c, Options{}).Route(&queue.Envelope{From: sender}); r != "main" || err != nil || !c.Accounts[0].Claims(sender) {
				t.Errorf("%q: goes to %q, %v\n%s", sender, r, err, lines)
			}
		}
	}
}

func TestTheAddToListLineIsTOML(t *testing.T) {
	text := "a\"b\\c\x01d\x7fe\nf\u0085gü\xff"
	c, err := config.Parse("m.toml", []byte("[account.a]\nfrom = [\"me@x.org\"]\nsmarthost = \"smtps://x.org\"\nuser = "+toml(text)), func(string) string { return "/home/me" })
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Accounts[0].User, strings.ToValidUTF8(text, "\uFFFD"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBouncesReturnToAMailbox(t *testing.T) {
	work := &config.Account{Name: "work", From: []string{"*@lists.example.org", "me@example.org", "boss@example.org"}}
	home := &config.Account{Name: "home", From: []string{"me@home.example"}}
	c := &config.Config{Accounts: []*config.Account{home, work}, DefaultAccount: home}
	for _, x := range []struct{ why, from, account, want string }{
		{"a listed address is a mailbox", "boss@example.org", "", "boss@example.org"},
		{"a pattern's need not be", "any@lists.example.org", "", "me@example.org"},
		{"nor a program's own", "root@laptop", "", "me@home.example"},
		{"the account that carried it", "root@laptop", "work", "me@example.org"},
		{"no account is left to ask", "root@laptop", "gone", "root@laptop"},
	} {
		if got := New(c, Options{}).ReturnTo(&queue.Envelope{From: x.from, Account: x.account}); got != x.want {
			t.Errorf("%s: got %q, want %q", x.why, got, x.want)
		}
	}
}
