package checkup

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
)

// byService is what root sees of a machine's service that runs as the user nobody.
func byService(t *testing.T) (w *world, service int) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to give files away")
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	w = byUnit(t, "User=nobody\n")
	w.system = true
	w.made(os.MkdirAll(filepath.Dir(w.root+w.home), 0o755))
	w.made(os.Symlink(w.home, w.root+w.home))
	w.queued(10)
	service, err = strconv.Atoi(u.Uid)
	w.made(err)
	w.made(os.Chown(w.spoolDir(), service, -1))
	w.made(os.Chown(w.home+"/password", service, -1))
	return w, service
}

func TestRootSeesThePasswordOfTheServiceAsTheServiceDoes(t *testing.T) {
	t.Parallel()
	w, _ := byService(t)
	all := w.look()
	if bad := worst(all); len(bad) > 0 || of(all, "login").State != OK {
		t.Errorf("the password file of the service's user: %+v", bad)
	}
	w.made(os.Chown(w.home+"/password", 0, 0))
	if f := w.only(w.look()); f.ID != "service-file" || f.Command != fmt.Sprintf("chown nobody %s/password && chmod 600 %s/password", w.home, w.home) {
		t.Errorf("one of root's: %+v", f)
	}
}

func TestTheQueueOfTheServiceIsTheServices(t *testing.T) {
	t.Parallel()
	w, _ := byService(t)
	w.made(os.Chown(w.spoolDir(), 0, 0))
	if f := w.only(w.look()); f.ID != "spool-owner" || f.Command != "chown -R nobody: "+w.spoolDir() || !strings.Contains(f.Why, "nobody") {
		t.Errorf("a queue of root's: %+v", f)
	}
	w.removed(w.spoolDir())
	if f := w.only(w.look()); f.ID != "spool-missing" || f.Command != "install -d -m 700 -o nobody -g nobody "+w.spoolDir()+" && systemctl restart mailcrane" {
		t.Errorf("no queue: %+v", f)
	}
}

func TestAUserIsNotToldToTakeTheMachinesQueue(t *testing.T) {
	t.Parallel()
	w, service := byService(t)
	w.uid = service + 1
	all := w.look()
	if bad := worst(all); len(bad) > 0 || of(all, "limited").Command != "sudo mailcrane doctor --system" {
		t.Errorf("of the machine's queue and password, which are closed to that user: %+v", bad)
	}
}

// A log-in with tokens is noted in the queue's directory, and kept in a file or the
// keyring.
func TestALogInWithTokensIsFoundAsItIs(t *testing.T) {
	t.Parallel()
	byTokens := func(t *testing.T, secret string) *world {
		w := byUnit(t, "")
		w.offline = true
		w.replace(`"file:~/password"`, `"`+secret+`"`+"\noauth = { issuer = \"https://issuer.example\", client_id = \"me\" }")
		return w
	}
	t.Run("nobody has logged in", func(t *testing.T) {
		t.Parallel()
		w := byTokens(t, "file:~/login")
		if f := of(w.look(), "login-missing"); f.State != Broken || f.Command != "mailcrane login work" || strings.Contains(f.Why, "password") {
			t.Errorf("found %+v", f)
		}
	})
	t.Run("somebody has", func(t *testing.T) {
		t.Parallel()
		w := byTokens(t, "file:~/login")
		w.write(w.home+"/login", "{}\n")
		if bad := worst(w.look()); len(bad) > 0 {
			t.Errorf("found %+v", bad)
		}
	})
	t.Run("it ends soon", func(t *testing.T) {
		t.Parallel()
		w := byTokens(t, "file:~/login")
		w.write(w.home+"/login", "{}\n")
		w.queued(10)
		o := w.options()
		standing := fmt.Sprintf(`{"since":%q,"ends":%q,"party":%q}`, now().AddDate(0, 0, -6).Format(time.RFC3339), now().AddDate(0, 0, 1).Format(time.RFC3339), partyOf(o.Config.Accounts[0]))
		w.made(o.Spool.KeepKnown("login-work", standing))
		if f := of(w.look(), "login-ending"); f.State != Warning || f.Command != "mailcrane login work" {
			t.Errorf("found %+v", f)
		}
	})
	t.Run("a keyring at boot", func(t *testing.T) {
		t.Parallel()
		w := byTokens(t, "keyring")
		w.write(w.root+"/var/lib/systemd/linger/me", "")
		// A credential cannot be replaced, and the configuration refuses it.
		if f := of(w.look(), "service-keyring"); f.State != Warning || !strings.Contains(f.Command, "/login.work") || !strings.Contains(f.Command, "&& mailcrane login work &&") {
			t.Errorf("found %+v", f)
		}
	})
	t.Run("a file that the sandbox does not let the service write", func(t *testing.T) {
		t.Parallel()
		w := byTokens(t, "file:~/login")
		w.system = true
		w.uid = 0
		w.said["show mailcrane.service"] += "User=nobody\nProtectSystem=strict\n"
		w.write(w.home+"/login", "{}\n")
		if f := of(w.look(), "service-file"); f.State != Broken || !strings.Contains(f.What, "may not replace") || !strings.Contains(f.Command, "file:/var/lib/mailcrane/login.work") {
			t.Errorf("found %+v", f)
		}
	})
}

// partyOf is by what package oauth knows whose note it is.
func partyOf(a *config.Account) string {
	sum := sha256.Sum256([]byte(a.OAuth.Issuer + "\n" + a.OAuth.ClientID + "\n" + a.User))
	return hex.EncodeToString(sum[:])[:16]
}
