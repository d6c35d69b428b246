// Package packages has no code: it holds what the Debian and the RPM package
// are made of, and the tests that install them.
package packages

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// build makes the packages, and is the path of the one of that kind.
func build(t *testing.T, kind string) string {
	t.Helper()
	if _, err := exec.LookPath("nfpm"); err != nil {
		lab.Missing(t, "nfpm", "go install github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4")
	}
	cmd := exec.Command("./build.sh")
	cmd.Env = append(os.Environ(), "VERSION=0.0.1", "KIND="+kind, "DIST="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	words := strings.Fields(string(out))
	return words[len(words)-1]
}

// A guest is the machine that a package is installed in.
type guest struct {
	*lab.Machine
	t *testing.T
}

// root runs a line of the shell, which must succeed.
func (g guest) root(line string) string {
	g.t.Helper()
	return g.check(line, g.Command("sh", "-c", line))
}

func (g guest) check(line string, cmd *exec.Cmd) string {
	g.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		g.t.Fatalf("%s: %v\n%s%s", line, err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// files are all files of the machine but those that any package, any boot and
// any process changes.
func (g guest) files() []string {
	g.t.Helper()
	var all []string
	root := g.Path("/")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		inside := "/" + strings.TrimPrefix(strings.TrimPrefix(path, root), "/")
		switch inside {
		case "/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/var/lib/dpkg", "/var/log", "/var/cache", "/var/lib/systemd", "/var/backups", "/var/spool/cron":
			return fs.SkipDir
		}
		if err != nil {
			return err
		}
		line := inside
		if !d.IsDir() {
			info, err := d.Info()
			if err != nil {
				return err
			}
			line = fmt.Sprintf("%s %v %d", inside, info.Mode(), info.Size())
		}
		all = append(all, line)
		return nil
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return all
}

// trust has the machine trust the smarthost's certificate, as one of a public
// authority.
func (g guest) trust(host lab.Smarthost) {
	g.t.Helper()
	ca, err := os.ReadFile(host.CAFile)
	if err != nil {
		g.t.Fatal(err)
	}
	g.Write("/usr/local/share/ca-certificates/smarthost.crt", string(ca), 0o644)
	g.root("update-ca-certificates")
}

// cronMailsRoot has the machine's cron run a job of root's that prints words.
func (g guest) cronMailsRoot(words string) {
	g.Write("/etc/cron.d/words", "@reboot root echo "+words+"\n", 0o644)
	g.root("rm -f /run/crond.reboot; systemctl restart cron")
}

// setUp has root type the set-up, whose answers are flags here.
func (g guest) setUp(host lab.Smarthost, admin string) {
	g.t.Helper()
	cmd := g.Command("mailcrane", "setup", "--system", "--yes", "--smarthost", host.ImplicitURL(), "--user", host.User,
		"--password-file", "-", "--secret", "file", admin)
	cmd.Stdin = strings.NewReader(host.Password + "\n")
	g.check("mailcrane setup", cmd)
}

// has waits for a message whose body holds words.
func has(t *testing.T, box *lab.Mailbox, to, words string, n int) {
	t.Helper()
	for _, mail := range box.WaitN(to, n) {
		if bytes.Contains(mail.Body(), []byte(words)) {
			return
		}
	}
	t.Errorf("of %d messages for %s none says %q", n, to, words)
}

// submit has bob hand in a message.
func (g guest) submit(words, to string) {
	g.t.Helper()
	cmd := g.As("bob", nil, "sendmail", to)
	cmd.Stdin = strings.NewReader("Subject: " + words + "\n\n" + words + "\n")
	g.check("sendmail", cmd)
}

// leavesNothing says that nothing is there but what was before.
func (g guest) leavesNothing(before []string) {
	g.t.Helper()
	for _, file := range g.files() {
		if !slices.Contains(before, file) {
			g.t.Errorf("left behind: %s", file)
		}
	}
	if out := g.root("cat /etc/passwd /etc/group"); strings.Contains(out, "mailcrane") {
		g.t.Error("the user or the group mailcrane is left behind")
	}
}

func TestADebianPackageFromInstallToPurge(t *testing.T) {
	deb := build(t, "deb")
	host := lab.Postfix(t)
	g := guest{lab.Systemd(t), t}
	box := host.Mailbox(t)
	admin := box.Address("admin")
	inside := g.Serve(host)
	g.trust(host)
	g.Copy(deb, "/tmp/mailcrane.deb")
	before := g.files()

	g.root("dpkg -i /tmp/mailcrane.deb")
	begin := time.Now()
	g.root("systemctl is-active --quiet mailcrane-submit.socket mailcrane.path")
	if out := g.root("ls -ld /var/spool/mailcrane/drop"); !strings.HasPrefix(out, "drwx-ws-wt") {
		t.Errorf("the drop directory: %s", out)
	}

	// What comes before there is an account is kept, whoever it is from, and
	// goes when there is one.
	g.submit("early", admin)
	g.setUp(inside, admin)
	has(t, box, admin, "mailcrane setup", 2)
	took := time.Since(begin)
	t.Logf("from the package installed to the first message accepted: %v", took.Round(time.Millisecond))
	if took > time.Minute {
		t.Errorf("that is more than a minute")
	}
	has(t, box, admin, "early", 2)

	g.cronMailsRoot("printed by cron")
	has(t, box, admin, "printed by cron", 3)

	// The next version is installed over this one, and goes on.
	g.root("dpkg -i /tmp/mailcrane.deb; systemctl is-active --quiet mailcrane.service mailcrane.path")
	g.submit("late", admin)
	has(t, box, admin, "late", 4)

	g.root("rm /etc/cron.d/words; dpkg --purge mailcrane")
	g.leavesNothing(before)
}

func TestAPurgeLeavesMailThatWaits(t *testing.T) {
	deb := build(t, "deb")
	g := guest{lab.Systemd(t), t}
	g.Copy(deb, "/tmp/mailcrane.deb")
	before := g.files()
	g.root("dpkg -i /tmp/mailcrane.deb")
	g.submit("waits", "ann@example.test")
	out := g.root("dpkg --purge mailcrane 2>&1")
	if !strings.Contains(out, "mail still waits in /var/spool/mailcrane") {
		t.Errorf("it says: %s", out)
	}
	if g.root("grep -l waits /var/spool/mailcrane/queue/queue/*") == "" {
		t.Error("the message is gone")
	}
	// Installed again, it has the mail; and when that has been seen to, nothing
	// is left.
	g.root("dpkg -i /tmp/mailcrane.deb")
	g.root("mailcrane queue remove $(mailcrane queue list --json | sed 's/.*\"id\":\"\\([^\"]*\\).*/\\1/')")
	g.root("dpkg --purge mailcrane")
	g.leavesNothing(before)
}

// TestAnRPMFromInstallToErase is on a Debian, by rpm's own program: its scripts
// run as they would elsewhere, with sendmail as an alternative.
func TestAnRPMFromInstallToErase(t *testing.T) {
	pack := build(t, "rpm")
	g := guest{lab.Systemd(t), t}
	g.Copy(pack, "/tmp/mailcrane.rpm")
	before := g.files()
	g.root("rpm --install --nodeps --dbpath /var/tmp/rpmdb /tmp/mailcrane.rpm")
	g.root("systemctl is-active --quiet mailcrane-submit.socket mailcrane.path")
	if out := g.root("readlink -f /usr/sbin/sendmail"); out != "/usr/lib/mailcrane/sendmail\n" {
		t.Errorf("sendmail is %s", out)
	}
	g.submit("waits", "ann@example.test")
	g.root("mailcrane queue remove $(mailcrane queue list --json | sed 's/.*\"id\":\"\\([^\"]*\\).*/\\1/')")
	g.root("rpm --erase --nodeps --dbpath /var/tmp/rpmdb mailcrane")
	for _, file := range g.files() {
		if !slices.Contains(before, file) &&
			!strings.HasPrefix(file, "/var/spool/mailcrane") && !strings.HasPrefix(file, "/var/lib/mailcrane") {
			t.Errorf("left behind: %s", file)
		}
	}
}
