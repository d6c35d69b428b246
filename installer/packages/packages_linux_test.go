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

// account gives the machine an account at the smarthost, by hand.
func (g guest) account(host lab.Smarthost, admin string) {
	g.t.Helper()
	ca, err := os.ReadFile(host.CAFile)
	if err != nil {
		g.t.Fatal(err)
	}
	g.Write("/etc/mailcrane/ca.pem", string(ca), 0o644)
	g.Write("/etc/mailcrane/password", host.Password+"\n", 0o600)
	g.root("chown mailcrane: /etc/mailcrane/password")
	g.root(fmt.Sprintf(`sed -i 's/^#admin .*/admin = "%s"/' /etc/mailcrane/mailcrane.toml`, admin))
	g.root(fmt.Sprintf(`cat >>/etc/mailcrane/mailcrane.toml <<'END'
[account.machine]
from      = ["machine@example.test"]
smarthost = %q
user      = %q
secret    = "file:/etc/mailcrane/password"
tls       = { ca = "/etc/mailcrane/ca.pem" }
END`, host.ImplicitURL(), host.User))
}

// cronMailsRoot has the machine's cron run a job of root's that prints words.
func (g guest) cronMailsRoot(words string) {
	g.Write("/etc/cron.d/words", "@reboot root echo "+words+"\n", 0o644)
	g.root("rm -f /run/crond.reboot; systemctl restart cron")
}

func TestADebianPackageFromInstallToPurge(t *testing.T) {
	deb := build(t, "deb")
	host := lab.Postfix(t)
	g := guest{lab.Systemd(t), t}
	box := host.Mailbox(t)
	admin := box.Address("admin")
	before := g.files()
	inside := g.Serve(host)

	g.Copy(deb, "/tmp/mailcrane.deb")
	g.root("dpkg -i /tmp/mailcrane.deb")
	g.root("systemctl is-active --quiet mailcrane-submit.socket")
	if out := g.root("ls -ld /var/spool/mailcrane/drop"); !strings.HasPrefix(out, "drwx-ws-wt") {
		t.Errorf("the drop directory: %s", out)
	}

	// What comes before there is an account is kept, whoever it is from, and
	// goes when there is one.
	g.check("bob's mail", g.As("bob", nil, "sh", "-c", "printf 'Subject: early\n\nearly\n' | sendmail "+admin))
	g.account(inside, admin)
	g.root("mailcrane service restart --system || systemctl restart mailcrane")
	if got := box.Wait(admin); !bytes.Contains(got.Body(), []byte("early")) {
		t.Errorf("bob's mail arrived as %q", got.Raw)
	}

	g.cronMailsRoot("printed by cron")
	mails := box.WaitN(admin, 2)
	if !bytes.Contains(mails[1].Body(), []byte("printed by cron")) {
		t.Errorf("cron's mail arrived as %q", mails[1].Raw)
	}

	g.root("dpkg --purge mailcrane; rm -f /etc/cron.d/words")
	after := g.files()
	for _, file := range after {
		if !slices.Contains(before, file) {
			t.Errorf("left behind: %s", file)
		}
	}
	for _, name := range []string{"passwd", "group"} {
		if out := g.root("cat /etc/" + name); strings.Contains(out, "mailcrane") {
			t.Errorf("/etc/%s still names mailcrane", name)
		}
	}
}
