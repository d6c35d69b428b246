package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// withCron is a machine of its own to the programs in it: /usr/sbin/sendmail
// is the shim, and the only crontab is the one given. A job for @reboot runs
// when cron starts, so that nobody waits for the next minute.
const withCron = `
set -e
mount --bind "$4" /root
mount -t tmpfs none /run
mount -t tmpfs none /var/spool/cron
mount -t overlay none -o "lowerdir=$1:/usr/sbin" /usr/sbin
[ ! -d /etc/cron.d ] || mount -t tmpfs none /etc/cron.d
[ ! -f /etc/crontab ] || mount --bind /dev/null /etc/crontab
mkdir /var/spool/cron/crontabs
install -m 600 "$2" /var/spool/cron/crontabs/root
exec "$3" -f
`

// Coverage: A10.
func TestCronMailsWhatItsJobsPrint(t *testing.T) {
	t.Parallel()
	cron, unshare := lab.Client(t, "cron"), lab.Client(t, "unshare")
	h := newHome(t, smarthostCases()[0], "")
	to := h.box.Address("cron")
	// cron gives its mailer no environment of the person's: what is read is
	// the configuration in root's home.
	config, err := os.ReadFile(filepath.Join(h.dir, "mailcrane.toml"))
	if err != nil {
		t.Fatal(err)
	}
	h.write("root/.config/mailcrane/mailcrane.toml", string(config))
	tab := h.write("crontab", "MAILTO="+to+"\n@reboot cat "+h.write("letter", letter)+"\n")
	agent, err := startAgent(h.env())
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(unshare, "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private",
		"sh", "-c", withCron, "sh", bin, tab, cron, filepath.Join(h.dir, "root"))
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if err := agent.stop(); err != nil || t.Failed() {
			t.Errorf("cron said: %s; the agent ended with %v and said:\n%s", &said, err, agent.said())
		}
	})
	got := h.box.Wait(to)
	if got.From != h.me {
		t.Errorf("the reverse-path is <%s>, want <%s>", got.From, h.me)
	}
	if string(got.Body()) != letter {
		t.Errorf("arrived %q\nprinted %q", got.Body(), letter)
	}
	if subject := got.Header("Subject"); !strings.HasPrefix(subject, "Cron <root@") {
		t.Errorf("the subject is %q", subject)
	}
}
