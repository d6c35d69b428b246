package installer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
)

// theWholeDisk is every path of the machine that an installation could have
// made: not what systemd itself writes down, and not the locks and back-ups of
// those who keep the list of users.
const theWholeDisk = `find / -xdev \( -path /proc -o -path /sys -o -path /run/systemd -o -path /run/log -o -path /var/log -o -path /tmp -o -path /var/tmp \) -prune -o -print | grep -vE '^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|^/etc/\.pwd\.lock$|^/run/(user|credentials|utmp)|/\.cache(/|$)|^/var/lib/systemd/' | sort`

func (u typist) says(script string) string {
	u.t.Helper()
	r := u.run("sh", "-c", script)
	if r.code != 0 {
		u.t.Fatalf("%s: %d\n%s", script, r.code, r.stderr)
	}
	return r.stdout
}

// idleConfig has the agent send to the smarthost and listen on addresses.
func idleConfig(host lab.Smarthost, system, listen string) string {
	return fmt.Sprintf(`%s
[listen]
msp = [%s]
[account.a]
from = ["me@example.org", "*@example.org"]
smarthost = %q
auth = "none"
`, system, listen, host.PlainURL())
}

// sooner lets the tests wait a second for what takes half a minute.
func sooner(t *testing.T, m *lab.Machine, u typist, folder string) {
	t.Helper()
	unit := u.says("cat " + folder + "/mailcrane.service")
	start := regexp.MustCompile(`(?m)^ExecStart=.*$`).FindString(unit)
	if !strings.Contains(start, `"30s"`) {
		t.Fatalf("the agent does not end when idle: %s", start)
	}
	m.Write(folder+"/mailcrane.service.d/sooner.conf", "[Unit]\nStartLimitBurst=1000\n[Service]\nExecStart=\n"+strings.Replace(start, `"30s"`, `"1s"`, 1)+"\n", 0o644)
}

func TestAUsersAgentIsStartedByMailAndEndsWithoutIt(t *testing.T) {
	m := bootWithMailcrane(t)
	host := online(t, m)
	box := lab.Postfix(t).Mailbox(t)
	u := bob(t, m)
	m.Write("/etc/mailcrane/mailcrane.toml", idleConfig(host, "", `"127.0.0.1:2525", "unix:/run/user/1000/mailcrane/sock"`), 0o644)
	u.does("mkdir -p /home/bob/.config")
	before := root(t, m).says(theWholeDisk)

	u.does("mailcrane service install", string(Installed))
	sooner(t, m, root(t, m), "/home/bob/.config/systemd/user")
	u.does("systemctl --user daemon-reload")
	u.does("mailcrane service start")
	u.does("systemctl --user show mailcrane --property=Type,StatusText", "Type=notify")
	idle := "mailcrane service status | grep -q 'idle: nothing is queued, and mail starts it' && ! pgrep -x mailcrane"
	u.await(idle)

	for i, submit := range []string{
		`printf 'Subject: shim\n\nx\n' | mailcrane sendmail -f me@example.org %s`,
		overSMTP,
	} {
		to := box.Address(fmt.Sprintf("cold%d", i))
		began := time.Now()
		u.says(fmt.Sprintf(submit, to))
		box.Wait(to)
		t.Logf("from nothing to delivered: %v", time.Since(began).Round(time.Millisecond))
		u.await(idle)
	}
	u.does("systemctl --user show mailcrane --property=NRestarts,Result", "NRestarts=0", "Result=success")
	if mode := strings.TrimSpace(u.says("stat --format %a /run/user/1000/mailcrane/sock")); mode != "600" {
		t.Errorf("the socket has mode %s", mode)
	}

	u.does("mailcrane service install", string(Unchanged))
	u.does("mailcrane service stop")
	u.refused(sysexits.Unavailable, "mailcrane service status", "stopped")
	u.says(`printf 'Subject: later\n\nx\n' | mailcrane sendmail -f me@example.org later@example.org`)
	u.refused(sysexits.Unavailable, "mailcrane service status", "stopped")

	root(t, m).says("rm -r /home/bob/.config/systemd/user/mailcrane.service.d")
	u.does("mailcrane service uninstall", string(Removed))
	if n := strings.TrimSpace(u.says("ls /home/bob/.local/state/mailcrane/spool/queue | wc -l")); n != "1" {
		t.Errorf("%s messages in the spool", n)
	}
	root(t, m).says("rm -r /home/bob/.local /run/user/1000/mailcrane")
	if after := root(t, m).says(theWholeDisk); after != before {
		t.Errorf("left behind, or gone:\n%s", difference(before, after))
	}
}

// overSMTP hands a message in on the port.
const overSMTP = `printf 'HELO x\r\nMAIL FROM:<me@example.org>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: port\r\n\r\nx\r\n.\r\nQUIT\r\n' | bash -c 'exec 3<>/dev/tcp/127.0.0.1/2525; cat >&3; cat <&3' >/tmp/said; grep -q '^250 .* queued' /tmp/said || { cat /tmp/said >&2; exit 1; }`

// online gives the machine a way out, as far as its kernel can tell.
func online(t *testing.T, m *lab.Machine) lab.Smarthost {
	t.Helper()
	net := "--net=" + filepath.Join(filepath.Dir(strings.TrimSuffix(m.Path("/"), "/")), "ns/net")
	for _, command := range []string{
		"link add out type veth peer name beyond", "link set beyond up", "addr add 192.0.2.1/24 dev out", "link set out up", "route add default via 192.0.2.2",
	} {
		if out, err := exec.Command("nsenter", append([]string{net, "ip"}, strings.Fields(command)...)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", command, err, out)
		}
	}
	return m.Serve(lab.Postfix(t))
}

func difference(before, after string) string {
	var out strings.Builder
	was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
	count := map[string]int{}
	for _, l := range was {
		count[l]--
	}
	for _, l := range is {
		count[l]++
	}
	for l, n := range count {
		if n != 0 {
			fmt.Fprintf(&out, "%+d %s\n", n, l)
		}
	}
	return out.String()
}

func TestTheMachinesAgentIsStartedByItsSocketAndKeepsItsSpool(t *testing.T) {
	m := bootWithMailcrane(t)
	host := online(t, m)
	box := lab.Postfix(t).Mailbox(t)
	u := root(t, m)
	const system = "[queue]\ndirectory = \"/var/spool/mailcrane/queue\"\n[system]\nsocket = \"/run/mailcrane/submit.sock\"\ndrop = \"/var/spool/mailcrane/drop\"\n"
	m.Write("/etc/mailcrane/mailcrane.toml", idleConfig(host, system, `"127.0.0.1:2525"`), 0o644)
	before := u.says(theWholeDisk)
	u.does("mailcrane service install --system", string(Installed))
	u.does("stat --format %a:%U:%G /var/spool/mailcrane/drop", "3733:mailcrane:mailcrane")
	u.does("stat --format %a:%U /var/spool/mailcrane/queue", "700:mailcrane")
	sooner(t, m, u, "/etc/systemd/system")
	u.does("systemctl daemon-reload")
	u.does("mailcrane service start --system")
	u.does("stat --format %a /run/mailcrane/submit.sock", "666")
	idle := "mailcrane service status --system | grep -q 'idle: nothing is queued' && ! pgrep -x mailcrane"
	u.await(idle)
	to := box.Address("cold")
	u.says(fmt.Sprintf(overSMTP, to))
	box.Wait(to)
	u.await(idle)
	// An ordinary user, by the socket of the machine; then by the drop directory,
	// as while nothing answers on the socket. The disk is an overlay here, where a
	// file has another device than its directory: a dropped message was taken for
	// one that somebody had put in its place, and set aside.
	user := bob(t, m)
	for i, begin := range []string{"", "systemctl stop mailcrane-submit.socket"} {
		if begin != "" {
			u.says(begin)
		}
		to := box.Address(fmt.Sprintf("user%d", i))
		began := time.Now()
		user.says(fmt.Sprintf(`printf 'Subject: from a user\n\nx\n' | mailcrane sendmail %s`, to))
		box.Wait(to)
		t.Logf("from nothing to delivered: %v", time.Since(began).Round(time.Millisecond))
		u.await(idle)
	}
	u.says("rm -r /etc/systemd/system/mailcrane.service.d")
	u.does("mailcrane service uninstall --system", string(Removed), "mail and state stay in")
	u.does("id mailcrane")
	u.says("rm -r /var/spool/mailcrane /var/lib/mailcrane; userdel mailcrane")
	if after := u.says(theWholeDisk); after != before {
		t.Errorf("left behind, or gone:\n%s", difference(before, after))
	}
}

func TestUninstallingWhatNeverRanLeavesNothingNotEvenItsUser(t *testing.T) {
	m := bootWithMailcrane(t)
	u := root(t, m)
	before := u.says(theWholeDisk)
	u.does("mailcrane service install --system", string(Installed))
	u.does("id mailcrane")
	u.does("mailcrane service uninstall --system", string(Removed))
	u.refused(1, "id mailcrane")
	u.does("mailcrane service uninstall --system", string(Absent))
	if after := u.says(theWholeDisk); after != before {
		t.Errorf("left behind, or gone:\n%s", difference(before, after))
	}
	if _, err := os.Stat(m.Path("/etc/systemd/system/paths.target.wants")); err == nil {
		t.Error("a folder for what it was wanted by is left")
	}
}

// The sandbox must not keep the agent from its work: a message leaves by TLS
// with a password that systemd has decrypted.
func TestACredentialIsDecryptedForTheSandboxedAgent(t *testing.T) {
	m := bootWithMailcrane(t)
	host := online(t, m)
	box := lab.Postfix(t).Mailbox(t)
	u := root(t, m)
	m.Write("/etc/mailcrane/ca.pem", readFile(t, host.CAFile), 0o644)
	m.Write("/etc/mailcrane/mailcrane.toml", fmt.Sprintf(`[listen]
msp = ["127.0.0.1:2525"]
[account.a]
from = ["me@example.org", "*@example.org"]
smarthost = %q
user = %q
secret = "credential:smarthost"
tls = { ca = "/etc/mailcrane/ca.pem" }
`, host.StartTLSURL(), host.User), 0o644)
	said := u.says("mailcrane service install --system")
	want := "systemd-creds encrypt --name=smarthost - /etc/credstore.encrypted/mailcrane.smarthost"
	if !strings.Contains(said, want) {
		t.Errorf("it does not say how to put the secret there:\n%s", said)
	}
	u.says("systemd-creds setup && mkdir -p /etc/credstore.encrypted && printf %s '" + host.Password + "' | " + strings.Replace(want, "encrypt", "encrypt --with-key=host", 1))
	if strings.Contains(readFile(t, m.Path("/etc/credstore.encrypted/mailcrane.smarthost")), host.Password) {
		t.Error("it is not encrypted")
	}
	u.does("mailcrane service start --system")
	to := box.Address("sealed")
	u.says(fmt.Sprintf(overSMTP, to))
	box.Wait(to)
	exposure := u.says("systemd-analyze security --no-pager mailcrane.service | tail -n 1")
	t.Log(exposure)
	u.does("systemd-analyze security --threshold=20 mailcrane.service") // in tenths
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
