package config

import (
	"strings"
	"testing"
)

func TestAMailerThatNothingCanBeDeliveredByIsRefusedWithItsLine(t *testing.T) {
	for _, c := range []struct{ why, key, value, want string }{
		{"a Maildir in each home", "mailer", "maildir:~/Maildir", ""},
		{"mailboxes in the spool", "mailer", "mbox:/var/mail/$u", ""},
		{"procmail where it is", "mailer", "procmail", ""},
		{"procmail elsewhere", "mailer", "procmail:/opt/bin/procmail", ""},
		{"a socket", "mailer", "lmtp:/run/dovecot/lmtp", ""},
		{"a socket in Postfix's words", "mailer", "lmtp:unix:/run/dovecot/lmtp", ""},
		{"a host and a port", "mailer", "LMTP:[::1]:24", ""},
		{"a program", "mailer", "program:/usr/bin/maildrop -d $u", ""},
		{"an unknown form", "mailer", "mh:~/Mail", "m.toml:2: mta.deliver.mailer: \"mh:~/Mail\" is no way to deliver"},
		{"no path", "mailer", "maildir", "names no path"},
		{"a path from nowhere", "mailer", "mbox:mail/$u", "names no path"},
		{"no port", "mailer", "lmtp:localhost", "names no address"},
		{"a program from nowhere", "mailer", "program:maildrop", "names no program"},
		{"a line end", "mailer", `maildir:/a\nb`, "control character"},
		{"root", "default_user", "root:mail", "never root's"},
		{"root by number", "default_user", "00", "never root's"},
		{"another", "default_user", "mailnull:mail", ""},
		{"a directory from nowhere", "safe_file_environment", "safe", "no path from the root"},
	} {
		_, err := Parse("m.toml", []byte("[mta.deliver]\n"+c.key+" = \""+c.value+"\"\n"), func(string) string { return "/home/me" })
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.why, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "m.toml:2: ")):
			t.Errorf("%s: %v, not %s", c.why, err, c.want)
		}
	}
}
