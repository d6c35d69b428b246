package installer

import (
	"strings"
	"testing"
)

const mailboxConfig = `[queue]
directory = "/var/spool/mailcrane/queue"
[mta]
hostname = "mx.example.org"
local = ["example.org"]
[mta.policy]
accept_unresolvable_domains = true
[mta.map]
aliases = ["/etc/aliases"]
[mta.deliver]
default_user = "nobody"
[[mta.listen]]
address = "127.0.0.1:25"
`

// Coverage: A2, A3, A4, A5, A6, A49, B64, B65.
func TestTheMachinesServerDeliversAsEachUserAndIsNeverRoot(t *testing.T) {
	m := bootWithMailcrane(t)
	u := root(t, m)
	defer func() {
		if t.Failed() {
			t.Log(u.says("journalctl -o cat -t mailcrane | tail -n 40"))
		}
	}()
	m.Write("/etc/mailcrane/mailcrane.toml", mailboxConfig, 0o644)
	m.Write("/etc/aliases", "you: carol, eve, fay, gil, run, archive\nrun: \"|id -un > /srv/drop/ran; cat > /srv/drop/message\"\narchive: /srv/drop/archive\n", 0o644)
	u.says("useradd -m -s /bin/sh carol; useradd -m -s /bin/sh dave; install -d -o nobody -m 755 /srv/drop")
	u.says(`printf '\\carol, dave\n|id -un > ran\n' > /home/carol/.forward; chown carol /home/carol/.forward; chmod 600 /home/carol/.forward`)
	u.says("for u in eve fay gil hal; do useradd -m -s /bin/sh $u; done")
	for user, forward := range map[string]string{
		"eve": "hal@example.org\n", "fay": "/home/fay/box\n", "gil": "\"|cat > tried; exit 75\"\n",
	} {
		m.Write("/home/"+user+"/.forward", forward, 0o644)
		u.says("chown " + user + " /home/" + user + "/.forward")
	}
	u.does("mailcrane service install --system", string(Installed))
	u.does("mailcrane service start --system")
	u.does("systemctl is-enabled mailcrane-lda.socket", "enabled")
	if got := u.says("stat -c '%a %U %G' /run/mailcrane/lda.sock"); got != "660 root mailcrane\n" {
		t.Errorf("the socket of the local delivery agent: %q", got)
	}
	s, err := connect(m)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if reply, err := s.mail("hello"); err != nil || reply[:3] != "250" {
		t.Fatalf("%q, %v", reply, err)
	}
	for _, is := range []string{
		"grep -rqs '^Subject: hello' /home/carol/Maildir/new", "grep -rqs '^Subject: hello' /home/dave/Maildir/new",
		"grep -qsx carol /home/carol/ran", "grep -qsx nobody /srv/drop/ran", "grep -qs '^Subject: hello' /srv/drop/archive",
		"grep -rqs '^Subject: hello' /home/hal/Maildir/new", "grep -qs '^From .*' /home/fay/box", "grep -qs '^Subject: hello' /home/gil/tried",
	} {
		u.await(is)
	}
	if got := u.says("stat -c %U /home/carol/Maildir /home/carol/Maildir/new/* /home/dave/Maildir/new/* /srv/drop/archive /home/hal/Maildir/new/* /home/fay/box /home/gil/tried"); strings.Join(strings.Fields(got), " ") != "carol carol dave nobody hal fay gil" {
		t.Errorf("owners: %s", got)
	}
	if got := u.says("ls -d /home/eve/Maildir /home/fay/Maildir /home/gil/Maildir 2>/dev/null || true"); got != "" {
		t.Errorf("mailboxes of those whose mail goes elsewhere: %s", got)
	}
	// EX_TEMPFAIL of a program keeps the mail for its user, and nobody else's.
	u.await("mailcrane queue | grep -q 'deferred.*-> gil@[^,]*$'")
	u.does("systemctl show mailcrane --property=User", "User=mailcrane")
	u.does("mailcrane service uninstall --system", string(Removed))
	for _, file := range files(t, m, "/etc/systemd/system") {
		if strings.Contains(file, "mailcrane") {
			t.Errorf("left: %s", file)
		}
	}
}
