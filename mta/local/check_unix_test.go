//go:build unix

package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestALookSaysWhyNoMailboxGetsMail(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"mail": 0o775, "vmail": os.ModeSticky | 0o777, "shut": 0o755, "inuse": 0o755} {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"inuse/ann", "file"} {
		if err := os.WriteFile(filepath.Join(dir, path), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ reason, mailer, want string }{
		{"homes are their users'", "maildir:~/Maildir", ""},
		{"mailboxes that a group may make", "mbox:DIR/mail/$u", ""},
		{"a Maildir is made without the group", "maildir:DIR/mail/$u", "nobody can make a mailbox in DIR/mail"},
		{"a folder for all", "maildir:DIR/vmail/$u", ""},
		{"a folder for root alone", "mbox:DIR/shut/$u", "nobody can make a mailbox in DIR/shut"},
		{"mailboxes that root has made", "mbox:DIR/inuse/$u", ""},
		{"no folder", "mbox:DIR/gone/$u", "the folder DIR/gone of the mailboxes is not there"},
		{"no folder at all", "mbox:DIR/file/$u", "DIR/file, in which the mailboxes are to be, is no folder"},
		{"a program", "program:/bin/sh -c true", ""},
		{"a program that is not there", "program:DIR/gone $u", "DIR/gone, which delivers to mailboxes, is not on this machine"},
		{"a procmail that is not there", "procmail:DIR/procmail", "DIR/procmail, which"},
		{"no socket of LMTP", "lmtp:DIR/lmtp", "the socket DIR/lmtp of the LMTP server is not there"},
		{"nobody at its port", "lmtp:127.0.0.1:1", "the LMTP server 127.0.0.1:1 does not answer"},
	} {
		d := newWorld(t).deliverer(strings.ReplaceAll(c.mailer, "DIR", dir))
		err := d.Check(t.Context())
		if want := strings.ReplaceAll(c.want, "DIR", dir); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %q", c.reason, err, want)
		}
	}
}

func TestAnLMTPServerThatAnswersIsLeftWithoutMail(t *testing.T) {
	var heard strings.Builder
	if err := with().deliverer(t, &heard).Check(t.Context()); err != nil || strings.Contains(heard.String(), "MAIL") || !strings.Contains(heard.String(), "QUIT") {
		t.Errorf("%v, and it heard %q", err, heard.String())
	}
	if err := with("greeting", "421 too busy").deliverer(t, &heard).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "too busy") {
		t.Errorf("one that is busy: %v", err)
	}
}
