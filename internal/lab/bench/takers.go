//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"mailcrane/internal/lab"
)

// The ports on which the takers are asked.
const (
	portOurs = 12730 + iota
	portPostfix
	portExim
	portSendmail
)

// takers are ours, and the peers that are here.
func (w *workshop) takers(d *disk) ([]*taker, error) {
	us, err := w.takerOfOurs(d)
	if err != nil {
		return nil, err
	}
	all := []*taker{us}
	for _, peer := range []struct {
		name string
		make func(d *disk, root string) (*taker, error)
	}{{"postfix", postfixTaker}, {"exim", eximTaker}, {"sendmail", sendmailTaker}} {
		root := filepath.Join(lab.Root(), "peer-"+peer.name, "root")
		if _, err := os.Stat(root); err != nil || w.with != nil && !slices.Contains(w.with, peer.name) {
			continue
		}
		t, err := peer.make(d, root)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", peer.name, err)
		}
		all = append(all, t)
	}
	return all, nil
}

func (w *workshop) takerOfOurs(d *disk) (*taker, error) {
	program, err := w.build("./cmd/mailcrane")
	if err != nil {
		return nil, err
	}
	dir, err := w.folder("mta")
	if err != nil {
		return nil, err
	}
	// A run has nothing to do with taking in; the peers make none either. The mode
	// alone would not do: a change of this machine's networks, of which other
	// programs may make some, runs the queue. By dsmtp mail leaves when asked for.
	config, spool := filepath.Join(dir, "mailcrane.toml"), filepath.Join(d.dir, "mailcrane")
	table := filepath.Join(dir, "mailertable")
	if err := os.WriteFile(table, []byte(".test\tdsmtp:[192.0.2.1]\n"), 0o600); err != nil {
		return nil, err
	}
	held := fmt.Sprintf("map.mailertable = %q\ndont_blame_sendmail = [\"TrustStickyBit\"]", table)
	if err := os.WriteFile(config, ourServer(spool, "queue", held), 0o600); err != nil {
		return nil, err
	}
	t := &taker{name: ours, synced: "file and directory", queue: filepath.Join(spool, "queue"), port: portOurs}
	t.runs(program, "--config", config, "mta")
	return t, nil
}

// ourServer is the configuration of ours: mode says when it delivers, and more
// what else there is of [mta].
func ourServer(spool, mode, more string) []byte {
	const settings = `delivery_mode = %q
[queue]
directory = %q
[mta]
hostname = "bench.test"
local = ["bench.test"]
%s
[mta.policy]
accept_unresolvable_domains = true
[[mta.listen]]
address = "127.0.0.1:%d"
`
	return fmt.Appendf(nil, settings, mode, spool, more, portOurs)
}

// runs makes the taker a program in the foreground.
func (t *taker) runs(program string, args ...string) {
	var c *exec.Cmd
	t.up = func() error {
		c = exec.Command(program, args...)
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		return c.Start()
	}
	t.down = func() error {
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		_ = c.Wait() // how it ends says nothing
		return nil
	}
	t.process = func() (int, error) { return c.Process.Pid, nil }
}

// postfixTaker is a second instance, which holds what it takes in: nothing but
// the taking in is measured.
func postfixTaker(d *disk, root string) (*taker, error) {
	const dir, spool = "/etc/postfix-in", "/var/spool/postfix-in"
	master, err := os.ReadFile(filepath.Join(root, "etc/postfix/master.cf.proto"))
	if err != nil {
		return nil, err
	}
	text := strings.Replace(string(master), "smtp      inet", strconv.Itoa(portPostfix)+" inet", 1)
	files := map[string]string{
		"main.cf": `compatibility_level = 3.6
myhostname = bench.test
mydestination = bench.test
inet_interfaces = 127.0.0.1
queue_directory = ` + spool + `
data_directory = /var/lib/postfix-in
smtpd_recipient_restrictions = check_client_access static:HOLD, permit_mynetworks, reject
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_rate_limit = 0
maillog_file = /var/log/postfix-in.log
local_recipient_maps =
`,
		"master.cf": text,
	}
	for _, d := range []string{dir, spool, "/var/lib/postfix-in"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return nil, err
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	if text, err := exec.Command("chroot", root, "chown", "postfix", "/var/lib/postfix-in").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	own := filepath.Join(root, "etc/postfix/main.cf")
	if text, err := os.ReadFile(own); err == nil && !strings.Contains(string(text), dir) {
		if err := os.WriteFile(own, append(text, "alternate_config_directories = "+dir+"\n"...), 0o644); err != nil {
			return nil, err
		}
	}
	t := &taker{name: "postfix", synced: "file", queue: filepath.Join(root, spool, "hold"), port: portPostfix}
	call := func(action string) func() error {
		return func() error {
			// Its output would not end: the master process keeps it.
			if err := exec.Command("chroot", root, "/usr/sbin/postfix", "-c", dir, action).Run(); err != nil {
				return fmt.Errorf("postfix %s: %w; see %s", action, err, filepath.Join(root, "var/log/postfix-in.log"))
			}
			return nil
		}
	}
	t.up, t.down = call("start"), call("stop")
	if err := d.lend("postfix", filepath.Join(root, spool)); err != nil {
		return nil, err
	}
	t.process = pidFile(filepath.Join(root, spool, "pid/master.pid"))
	return t, nil
}

func eximTaker(d *disk, root string) (*taker, error) {
	const config = `primary_hostname = bench.test
queue_only
message_size_limit = 64M
keep_environment =
daemon_smtp_ports = %d
local_interfaces = 127.0.0.1
smtp_accept_max = 100
smtp_accept_queue_per_connection = 0
acl_smtp_rcpt = accept
rfc1413_query_timeout = 0s
begin acl
accept:
  accept
begin routers
all:
  driver = accept
  transport = none
begin transports
none:
  driver = appendfile
  file = /dev/null
  user = Debian-exim
`
	const path = "/etc/exim4/in.conf"
	if err := os.WriteFile(filepath.Join(root, path), fmt.Appendf(nil, config, portExim), 0o644); err != nil {
		return nil, err
	}
	t := &taker{name: "exim", synced: "file and directory", queue: filepath.Join(root, "var/spool/exim4/input"), port: portExim}
	if err := d.lend("exim", filepath.Join(root, "var/spool/exim4")); err != nil {
		return nil, err
	}
	t.runs("chroot", root, "/usr/sbin/exim4", "-C", path, "-bdf", "-odq")
	return t, nil
}

func sendmailTaker(d *disk, root string) (*taker, error) {
	const config = "/etc/mail/in.cf"
	cf, err := os.ReadFile(filepath.Join(root, "usr/share/sendmail/cf/debian/sendmail.cf"))
	if err != nil {
		cf, err = os.ReadFile(filepath.Join(root, "etc/mail/sendmail.cf"))
	}
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(root, config), cf, 0o644); err != nil {
		return nil, err
	}
	t := &taker{name: "sendmail", synced: "file and directory", queue: filepath.Join(root, "var/spool/mqueue"), port: portSendmail}
	if err := d.lend("sendmail", filepath.Join(root, "var/spool/mqueue")); err != nil {
		return nil, err
	}
	t.runs("chroot", root, "/usr/sbin/sendmail", "-C"+config, "-bD", "-odd", // mode d asks no names, which there are none of here
		"-OConnectionRateThrottle=0", "-OMaxDaemonChildren=0", "-ODaemonPortOptions=Addr=127.0.0.1,Port="+strconv.Itoa(portSendmail), "-OTimeout.ident=0", "-OPidFile=/run/sendmail-in.pid")
	return t, nil
}

// pidFile reads the process from a file that its server writes.
func pidFile(path string) func() (int, error) {
	return func() (int, error) {
		text, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(string(text)))
	}
}
