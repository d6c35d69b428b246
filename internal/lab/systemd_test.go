package lab

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestSystemdRunsUnitsOfTheSystemAndOfAUser(t *testing.T) {
	m := Systemd(t)
	m.Write("/etc/systemd/system/once.service", "[Service]\nType=oneshot\nDynamicUser=yes\nStateDirectory=once\nExecStart=touch /var/lib/once/ran\n", 0o644)
	if out, err := m.Command("sh", "-c", "systemctl daemon-reload && systemctl start once && test -e /var/lib/once/ran").CombinedOutput(); err != nil {
		t.Errorf("the system's: %v\n%s", err, out)
	}
	m.Write("/etc/systemd/user/once.service", "[Service]\nType=oneshot\nExecStart=touch %h/ran\n", 0o644)
	if out, err := m.Session("bob", "sh", "-c", "systemctl --user daemon-reload && systemctl --user start once && test -O ~/ran").CombinedOutput(); err != nil {
		t.Errorf("bob's: %v\n%s", err, out)
	}
	if _, err := os.Stat(m.Path("/home/bob/ran")); err != nil {
		t.Errorf("from this machine: %v", err)
	}
	for name, cmd := range map[string]*exec.Cmd{
		"bob without a session":          m.As("bob", nil, "systemctl", "--user", "show", "once"),
		"alice, who has no user manager": m.Session("alice", "systemctl", "--user", "show", "once"),
	} {
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "Failed to connect") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestSystemdMachinesAreApartAndGoWithTheTest(t *testing.T) {
	var gone string
	t.Run("one", func(t *testing.T) {
		m, beside := Systemd(t), Systemd(t)
		m.Write("/etc/mine", "", 0o644)
		if _, err := os.Stat(beside.Path("/etc/mine")); err == nil {
			t.Error("what one machine writes is in the other")
		}
		gone = m.Path("/etc")
	})
	if _, err := os.Stat(gone); err == nil {
		t.Error("the machine still runs")
	}
	if _, err := os.Stat(Systemd(t).Path("/etc/mine")); err == nil {
		t.Error("the next machine has what the last one wrote")
	}
}
