package installer

import (
	"strings"
	"testing"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
)

// The machine's agent ran as root under OpenRC, and nobody had seen it run.
//
// Coverage: init.
func TestOpenRCRunsTheAgentAsItsUser(t *testing.T) {
	m := lab.OpenRC(t)
	copyMailcrane(t, m)
	u := root(t, m)
	const here = `find / -xdev \( -path /proc -o -path /run -o -path /tmp -o -path /var/log \) -prune -o -print | grep -vE '^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|^/etc/\.pwd\.lock$' | sort`
	m.Write("/etc/mailcrane/mailcrane.toml", `[queue]
directory = "/var/spool/mailcrane/queue"
[system]
socket = "/run/mailcrane/submit.sock"
drop = "/var/spool/mailcrane/drop"
[account.a]
from = ["me@example.org"]
smarthost = "smtp+insecure://192.0.2.1"
auth = "none"
`, 0o644)
	before := u.says(here)
	u.refused(sysexits.Unavailable, "mailcrane service install", "no", "mailcrane agent")
	u.does("mailcrane service install --system", string(Installed))
	u.does("mailcrane service install --system", string(Unchanged))
	u.refused(sysexits.Unavailable, "mailcrane service status --system", "stopped")
	u.does("rc-update show default", "mailcrane")
	u.does("mailcrane service start --system")
	u.does("mailcrane service status --system", "running")
	const answers = "mailcrane status | grep -q 'running since'"
	u.await(answers)
	const running = "pgrep -x -u mailcrane mailcrane"
	pid := u.says(running)
	// It was told to end when idle, and nothing starts it again.
	u.refused(1, "pgrep -f idle-exit")
	u.does("stat --format %a:%U:%G /var/spool/mailcrane/drop", "3733:mailcrane:mailcrane")
	u.does("stat --format %a /run/mailcrane/submit.sock", "666")

	u.says("kill -KILL " + strings.TrimSpace(pid))
	u.await("test -n \"$(" + running + ")\" && " + answers)
	if now := u.says(running); now == pid {
		t.Error("the agent that was killed is still there")
	}
	u.says("cp " + installed + " /usr/local/bin/other")
	u.does("other service install --system", string(Replaced))
	u.await(answers)
	u.does("mailcrane service install --system", string(Replaced))
	u.does("mailcrane service stop --system")
	u.refused(1, running)
	u.does("mailcrane service uninstall --system", string(Removed), "mail and state stay in")
	u.says("rm -r /usr/local/bin/other /var/spool/mailcrane /var/lib/mailcrane; userdel mailcrane")
	if after := u.says(here); after != before {
		t.Errorf("left behind, or gone:\n%s", difference(before, after))
	}
}
