package installer

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
)

// namesOfSendmail shows each name, where it leads, and what runs by it.
const namesOfSendmail = `ls -l --time-style=+ /usr/sbin/sendmail* /usr/lib/sendmail* /usr/bin/mailq* /usr/bin/newaliases* /etc/alternatives/*mail* 2>/dev/null; dpkg-divert --list; cat /usr/sbin/sendmail 2>/dev/null | head -c 100`

func bootWithShim(t *testing.T) (*lab.Machine, typist) {
	t.Helper()
	m := lab.Systemd(t)
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir+"/", "../cmd/mailcrane", "../cmd/sendmail")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"mailcrane", "sendmail"} {
		m.Copy(filepath.Join(dir, name), "/usr/local/lib/mailcrane/"+name)
	}
	u := root(t, m)
	u.does("ln -s ../lib/mailcrane/mailcrane /usr/local/bin/mailcrane")
	return m, u
}

func TestNamesOfSendmailOnADebianGoAndComeBack(t *testing.T) {
	m, u := bootWithShim(t)
	bare := u.says(namesOfSendmail)

	u.does("mailcrane service link", "/usr/sbin/sendmail is mailcrane's now")
	u.does("readlink /usr/sbin/sendmail", "/etc/alternatives/")
	u.does("mailcrane service link", "already")
	u.says("printf 'Subject: x\n\nx\n' | /usr/sbin/sendmail -f me@example.org you@example.org; mailq | grep -q you@example.org")
	u.does("mailcrane service unlink", "/usr/sbin/sendmail is taken away")
	if now := u.says(namesOfSendmail); now != bare {
		t.Errorf("before:\n%safter:\n%s", bare, now)
	}

	// A package of another mail program.
	m.Write("/tmp/mta/DEBIAN/control", "Package: othermta\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n", 0o644)
	m.Write("/tmp/mta/usr/sbin/sendmail", "#!/bin/sh\necho theirs 1\n", 0o755)
	u.says("ln -s sendmail /tmp/mta/usr/sbin/x && mkdir -p /tmp/mta/usr/bin && ln -s ../sbin/sendmail /tmp/mta/usr/bin/mailq && dpkg-deb --build /tmp/mta /tmp/mta.deb && dpkg -i /tmp/mta.deb")
	theirs := u.says(namesOfSendmail)
	u.refused(sysexits.CantCreat, "mailcrane service link", "/usr/sbin/sendmail belongs to the package othermta", "--replace")
	if now := u.says(namesOfSendmail); now != theirs {
		t.Errorf("a refusal changed:\n%s", now)
	}
	u.does("mailcrane service link --replace", "kept as /usr/sbin/sendmail.mailcrane-saved")
	u.does("readlink /usr/sbin/sendmail", "/usr/local/lib/mailcrane/sendmail")
	// An upgrade of theirs leaves ours alone.
	u.says("sed -i s/Version:.*/Version:2/ /tmp/mta/DEBIAN/control && echo 'echo theirs 2' >>/tmp/mta/usr/sbin/sendmail && dpkg-deb --build /tmp/mta /tmp/mta.deb && dpkg -i /tmp/mta.deb")
	u.does("readlink /usr/sbin/sendmail", "/usr/local/lib/mailcrane/sendmail")
	u.does("mailcrane service unlink", "/usr/sbin/sendmail is as it was before")
	u.does("/usr/sbin/sendmail", "theirs 2")
	if now := u.says(namesOfSendmail + "; dpkg --verify othermta"); strings.Contains(now, "mailcrane") || strings.Contains(now, "??") {
		t.Errorf("left:\n%s", now)
	}
}

func TestAGroupOfTheAlternativesIsJoinedAndLeft(t *testing.T) {
	m, u := bootWithShim(t)
	m.Write("/usr/sbin/sendmail.postfix", "#!/bin/sh\necho postfix\n", 0o755)
	m.Write("/usr/sbin/sendmail.exim", "#!/bin/sh\necho exim\n", 0o755)
	m.Write("/usr/bin/mailq.postfix", "#!/bin/sh\necho postfix\n", 0o755)
	u.says("update-alternatives --install /usr/sbin/sendmail mta /usr/sbin/sendmail.postfix 30 --slave /usr/bin/mailq mta-mailq /usr/bin/mailq.postfix; update-alternatives --install /usr/sbin/sendmail mta /usr/sbin/sendmail.exim 20")
	for _, choice := range []string{"update-alternatives --auto mta", "update-alternatives --set mta /usr/sbin/sendmail.exim", "update-alternatives --set mta /usr/sbin/sendmail.postfix"} {
		t.Run(choice, func(t *testing.T) {
			u.t = t
			u.says(choice)
			state := "update-alternatives --query mta;" + namesOfSendmail
			before := u.says(state)
			u.refused(sysexits.CantCreat, "mailcrane service link", "--replace")
			u.does("mailcrane service link --replace")
			u.does("readlink -f /usr/sbin/sendmail", "/usr/local/lib/mailcrane/sendmail")
			u.does("readlink -f /usr/bin/mailq", "/usr/local/lib/mailcrane/sendmail")
			u.does("mailcrane service unlink")
			if after := u.says(state); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}
