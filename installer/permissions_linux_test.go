package installer

import (
	"strings"
	"testing"
)

const sharedConfig = `[account.main]
from = ["me@example.org"]
smarthost = "smtp+insecure://127.0.0.1:9"
auth = "none"
[system]
socket = "/run/mailcrane/submit.sock"
drop = "/var/spool/mailcrane/drop"
[queue]
directory = "/var/spool/mailcrane/queue"
`

// What an installation leaves is nobody's who could do harm with it: no program has a
// set ID, the queue is its agent's alone, and a user hands mail in and reads nobody
// else's.
//
// Coverage: A1.
func TestAfterAnInstallationAUserHandsMailInAndReadsNoOtherUsers(t *testing.T) {
	m := bootWithMailcrane(t)
	u := root(t, m)
	m.Write("/etc/mailcrane/mailcrane.toml", sharedConfig, 0o644)
	u.says("useradd -m -s /bin/sh carol; useradd -m -s /bin/sh dave")
	u.does("mailcrane service install --system", string(Installed))
	u.does("mailcrane service start --system")
	for path, want := range map[string]string{
		"/etc/mailcrane/mailcrane.toml": "644 root root", "/var/spool/mailcrane/queue": "700 mailcrane mailcrane", "/var/spool/mailcrane/drop": "3733 mailcrane mailcrane",
	} {
		if got := strings.TrimSpace(u.says("stat -c '%a %U %G' " + path)); got != want {
			t.Errorf("%s is %q, not %q", path, got, want)
		}
	}
	if found := u.says(`find / -xdev -perm /6000 -type f -name '*mailcrane*' -o -xdev -perm /6000 -type f -name 'sendmail*'`); found != "" {
		t.Errorf("programs with a set ID: %s", found)
	}
	u.says(`su carol -c 'printf "Subject: hers\n\nsecret\n" | mailcrane sendmail -oi -f me@example.org you@example.net'`)
	u.await("mailcrane queue | grep -q you@example.net")
	if got := u.says(`su dave -c 'cat /var/spool/mailcrane/queue/queue/* /var/spool/mailcrane/drop/* 2>&1; mailcrane queue 2>&1'`); strings.Contains(got, "secret") || strings.Contains(got, "you@example.net") {
		t.Errorf("another user sees it:\n%s", got)
	}
	if got := u.says(`su carol -c 'mailcrane queue 2>&1'`); !strings.Contains(got, "you@example.net") {
		t.Errorf("who has sent it does not see it:\n%s", got)
	}
}
