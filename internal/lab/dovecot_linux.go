package lab

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A Dovecot delivers by LMTP to the mailboxes of any user, each below Mail. The
// user "full" has a quota of one kilobyte, and "nobody" is not there.
type Dovecot struct {
	Socket, TCP string
	Mail        string
}

// StartDovecot starts one that ends with the test.
func StartDovecot(t testing.TB) Dovecot {
	t.Helper()
	needRoot(t, "Dovecot")
	root := filepath.Join(Root(), "dovecot/root")
	if _, err := os.Stat(filepath.Join(root, "usr/lib/dovecot/lmtp")); err != nil {
		Missing(t, "Dovecot with LMTP", "internal/lab/lab.sh install mailboxes")
	}
	base, err := os.MkdirTemp(filepath.Join(root, "run"), "lmtp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	inside := "/run/" + filepath.Base(base)
	tcp := free(t)
	_, port, _ := net.SplitHostPort(tcp)
	conf := fmt.Sprintf(dovecotConf, inside, port)
	passwd := "full:{PLAIN}x:5000:5000::" + inside + "/mail/full::userdb_quota_rule=*:bytes=1000\n"
	for _, name := range []string{"alice", "bob", "carol"} {
		passwd += name + ":{PLAIN}x:5000:5000::" + inside + "/mail/" + name + "::\n"
	}
	if err := firstOf(os.Chmod(base, 0o755), os.Mkdir(base+"/mail", 0o755), os.Chown(base+"/mail", 5000, 5000),
		os.WriteFile(base+"/lab.conf", []byte(conf), 0o600), os.WriteFile(base+"/passwd", []byte(passwd), 0o644)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("chroot", root, "/usr/sbin/dovecot", "-F", "-c", inside+"/lab.conf")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		cmd.Wait()                          //nolint:errcheck // by a signal
		if t.Failed() {
			log, _ := os.ReadFile(base + "/log")
			t.Logf("Dovecot said: %s%s", said.String(), log)
		}
	})
	d := Dovecot{base + "/lmtp", tcp, base + "/mail"}
	for range 200 {
		if conn, err := net.Dial("unix", d.Socket); err == nil {
			conn.Close()
			return d
		}
		time.Sleep(50 * time.Millisecond)
	}
	log, _ := os.ReadFile(base + "/log")
	t.Fatalf("Dovecot does not listen: %s%s", said.String(), log)
	return d
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

const dovecotConf = `
base_dir = %[1]s
state_dir = %[1]s
log_path = %[1]s/log
protocols = lmtp
ssl = no
mail_location = maildir:~/Maildir
mail_plugins = quota
postmaster_address = postmaster@example.org
auth_username_format = %%Ln
recipient_delimiter = +
default_login_user = nobody
default_internal_user = dovecot
first_valid_uid = 100
passdb {
  driver = passwd-file
  args = %[1]s/passwd
}
userdb {
  driver = passwd-file
  args = %[1]s/passwd
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_grace = 0
}
service lmtp {
  unix_listener lmtp {
    mode = 0666
  }
  inet_listener lmtp {
    address = 127.0.0.1
    port = %[2]s
  }
}
service anvil {
  client_limit = 1000
}
`
