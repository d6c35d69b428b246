package checkup

import (
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Coverage: doctor.
func TestAHealthySetUpIsFoundSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.queued(2000)
	all := w.look()
	if bad := worst(all); len(bad) > 0 {
		t.Errorf("a false alarm: %+v", bad)
	}
	for _, id := range []string{"configuration", "spool", "clock", "name", "port", "certificate", "offers", "login", "link", "agent"} {
		if !found(all, id) {
			t.Errorf("nothing is said of %s", id)
		}
	}
}

func found(all []Finding, id string) bool {
	for _, f := range all {
		if f.ID == id {
			return true
		}
	}
	return false
}

// A broken set-up is made for real, found, and where a command can mend it here,
// mended by it: after that doctor is content.
//
// Coverage: doctor.
func TestBrokenSetUpsAreFoundWithTheirMend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why  string
		make func(w *world)
		id   string
		// says is in what is found; command is what is to be typed, with FILE and HOME
		// for those; do is in the words.
		says, command, do string
		state             State // Broken where it is not set
		// mends: the command is typed, with this input. by mends where the command
		// cannot be typed here.
		mends bool
		input string
		by    func(w *world)
	}{
		{
			why: "a key that nobody knows", make: func(w *world) { w.replace("user =", "usr =") },
			id: "configuration", says: "mailcrane.toml:4", command: "${EDITOR:-vi} +4 FILE", by: func(w *world) { w.replace("usr =", "user =") },
		},
		{
			why: "no account at all", make: func(w *world) { w.write(w.file, "delivery_mode = \"deferred\"\n") },
			id: "no-account", says: "has no [account]", command: "mailcrane setup",
		},
		{
			why: "others may write the configuration", make: func(w *world) { w.chmod(w.file, 0o666) },
			id: "configuration-rights", says: "mode 0666", command: "chmod go-w FILE", mends: true,
		},
		{
			why: "a command with a password that others read",
			make: func(w *world) {
				w.replace(`secret = "file:~/password"`, `secret = "command:cat `+w.home+`/password"`)
				w.chmod(w.file, 0o644)
			},
			id: "configuration-rights", state: Warning, says: "can be read by other users", command: "chmod 600 FILE", mends: true,
		},
		{
			why: "two accounts, and none is the default", make: func(w *world) {
				text, err := os.ReadFile(w.file)
				w.made(err)
				w.write(w.file, string(text)+strings.Replace(string(text), "[account.work]", "[account.home]", 1))
			},
			id: "no-default-account", state: Warning, says: "no account is the default", command: `sed -i '1i default_account = "home"' FILE`, mends: true,
		},
		{
			why: "others get into the queue", make: func(w *world) { w.queued(10); w.chmod(w.spoolDir(), 0o755) },
			id: "spool-rights", says: "mode 0755", command: "chmod 700 HOME/.local/state/mailcrane/spool", mends: true,
		},
		{
			why: "a file in the place of the queue", make: func(w *world) { w.write(w.spoolDir(), "") },
			id: "spool-no-directory", says: "is none", command: "mv HOME/.local/state/mailcrane/spool HOME/.local/state/mailcrane/spool.old", mends: true,
		},
		{
			why: "a file that is no message", make: func(w *world) {
				w.queued(10)
				w.write(filepath.Join(w.spoolDir(), "damaged/x"), "?")
				w.write(filepath.Join(w.spoolDir(), "damaged/x.why"), "it is no message\n")
			},
			id: "damaged", state: Warning, says: "1 file set aside", command: "cat HOME/.local/state/mailcrane/spool/damaged/*.why",
		},
		{
			why: "a clock that has lost the year", make: func(w *world) {
				w.queued(10)
				w.clock = func() time.Time { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }
				w.offline = true
			},
			id: "clock-behind", says: "the clock says 1 January 2024", command: "timedatectl set-ntp true",
			by: func(w *world) { w.clock, w.offline = now, false },
		},
		{
			why: "there is no such name", make: func(w *world) { w.names.behave(func(s *nameServer) { s.code = dnsmessage.RCodeNameError }) },
			id: "name-missing", says: "there is no name " + host, command: "${EDITOR:-vi} +3 FILE", do: "correct the name",
		},
		{
			why: "the name server cannot find it out", make: func(w *world) { w.names.behave(func(s *nameServer) { s.code = dnsmessage.RCodeServerFailure }) },
			id: "name-failure", says: "could not find out where", command: "resolvectl query " + host,
		},
		{
			why: "DNSSEC is broken", make: func(w *world) {
				w.names.behave(func(s *nameServer) { s.code, s.checked = dnsmessage.RCodeServerFailure, true })
			},
			id: "name-dnssec", says: "DNSSEC", command: "resolvectl query " + host, do: "clock is right",
		},
		{
			why: "the name has no address", make: func(w *world) { w.names.behave(func(s *nameServer) { s.empty = true }) },
			id: "name-without-address", says: "has no address", command: "${EDITOR:-vi} +3 FILE",
		},
		{
			why: "nobody listens where the name server should be", make: func(w *world) { w.names.conn.Close() },
			id: "name-server-silent", says: "the name server does not answer", command: "mailcrane status",
		},
		{
			why: "no name server is known", make: func(w *world) {
				w.names.conn.Close()
				w.write(filepath.Join(w.root, "etc/resolv.conf"), "# none\n")
			},
			id: "no-name-server", says: "knows no name server", command: "nmcli networking off; nmcli networking on",
		},
		{
			why: "the port is closed, and another works", make: func(w *world) { delete(w.ports, "465") },
			id: "port-closed", says: "port 465 of " + host + " is closed", command: `sed -i '3s|"[^"]*"|"smtp://smtp.example.org:587"|' FILE`, mends: true,
		},
		{
			why: "all ports are closed", make: func(w *world) { clear(w.ports) },
			id: "port-closed", says: "is closed", command: "mailcrane status", do: "try another network",
		},
		{
			why: "the provider lets nothing through at port 25", make: func(w *world) {
				w.ports["25"] = blackHole(w.t)
				w.configure("smtp://"+host+":25", "")
			},
			id: "port-filtered", says: "port 25 of " + host + " does not answer", command: `sed -i '3s|"[^"]*"|"smtps://smtp.example.org:465"|' FILE`, mends: true,
		},
		{
			why: "TLS at once on the port for STARTTLS", make: func(w *world) { w.configure("smtps://"+host+":587", "") },
			id: "port-mode", says: "wants STARTTLS", command: `sed -i '3s|"[^"]*"|"smtp://smtp.example.org:587"|' FILE`, mends: true,
		},
		{
			why: "STARTTLS on the port for TLS at once", make: func(w *world) { w.configure("smtp://"+host+":465", "") },
			id: "port-mode", says: "speaks TLS at once", command: `sed -i '3s|"[^"]*"|"smtps://smtp.example.org:465"|' FILE`, mends: true,
		},
		{
			why: "a captive portal", make: func(w *world) {
				page := webServer(w.t)
				w.ports = map[string]string{"465": page, "587": page, "25": page, "80": page}
			},
			id: "portal", says: "log in on its page", command: "xdg-open http://login.cafe.example/hello",
		},
		{
			why: "the certificate has ended", make: func(w *world) { w.shows(w.authority.issue(host, now().AddDate(-1, 0, 0), now().AddDate(0, 0, -3))) },
			id: "certificate-expired", says: "ended on", command: "timedatectl", do: "tell the server's administrator",
		},
		{
			why: "the certificate is good only later", make: func(w *world) { w.shows(w.authority.issue(host, now().AddDate(0, 0, 3), now().AddDate(1, 0, 0))) },
			id: "certificate-early", says: "good only from", command: "timedatectl set-ntp true",
		},
		{
			why: "the certificate is another's", make: func(w *world) {
				w.shows(w.authority.issue("www.example.net", now().AddDate(-1, 0, 0), now().AddDate(1, 0, 0)))
			},
			id: "certificate-name", says: "is for www.example.net, not for " + host, command: "${EDITOR:-vi} +3 FILE",
		},
		{
			why: "nobody has signed the certificate", make: func(w *world) { w.shows(selfSigned(w.t, host)) },
			id: "certificate-self-signed", says: "signed by nobody but itself", do: "tls.pin = [\"sha256:", command: "${EDITOR:-vi} +3 FILE",
		},
		{
			why: "a stranger has signed the certificate", make: func(w *world) {
				w.shows(newAuthority(w.t, "a stranger").issue(host, now().AddDate(-1, 0, 0), now().AddDate(1, 0, 0)))
			},
			id: "certificate-authority", says: `signed by "a stranger"`, do: "set tls.ca", command: "${EDITOR:-vi} +3 FILE",
		},
		{
			why: "no authority is known", make: func(w *world) {
				w.replace("tls = ", "# tls = ")
				w.removed(filepath.Join(w.root, "etc/ssl"))
			},
			id: "no-authorities", says: "no list of certificate authorities", command: "apt-get install ca-certificates",
		},
		{
			why: "the certificate ends soon", make: func(w *world) { w.shows(w.authority.issue(host, now().AddDate(-1, 0, 0), now().AddDate(0, 0, 5))) },
			id: "certificate-ending", state: Warning, says: "ends on", do: "administrator",
			command: "openssl s_client -connect smtp.example.org:465 -servername smtp.example.org </dev/null | openssl x509 -noout -dates",
		},
		{
			why: "no STARTTLS", make: func(w *world) {
				w.server.noTLS = true
				w.ports["587"] = w.server.listen(false)
				w.configure("smtp://"+host+":587", "")
			},
			id: "no-starttls", says: "STARTTLS", command: `sed -i '3s|"[^"]*"|"smtps://smtp.example.org:465"|' FILE`, mends: true,
		},
		{
			why: "no log-in is offered", make: func(w *world) { w.server.mechs = nil; w.ports["465"] = w.server.listen(true) },
			id: "no-auth", says: "offers no log-in", command: `sed -i '3a auth = "none"' FILE`, mends: true,
		},
		{
			why: "another log-in is offered", make: func(w *world) { w.configure("smtps://"+host, "auth = \"cram-md5\"\n") },
			id: "auth-mechanism", says: "cram-md5", command: `sed -i '7s|"[^"]*"|"auto"|' FILE`, mends: true,
		},
		{
			why: "the password is wrong", make: func(w *world) { w.write(filepath.Join(w.home, "password"), "wrong\n") },
			id: "login-refused", says: "535", command: "(umask 077; cat > HOME/password)", mends: true, input: password + "\n",
		},
		{
			why: "others read the password", make: func(w *world) { w.chmod(filepath.Join(w.home, "password"), 0o644) },
			id: "secret-file", says: "mode 0644", command: "chmod 600 HOME/password", mends: true,
		},
		{
			why: "there is no password", make: func(w *world) { w.removed(filepath.Join(w.home, "password")) },
			id: "secret-file", says: "is not there", command: "(umask 077; cat > HOME/password)", mends: true, input: password + "\n",
		},
		{
			why: "the address is not ours", make: func(w *world) { w.server.refuses = me },
			id: "sender-refused", says: "553", command: "${EDITOR:-vi} +2 FILE", by: func(w *world) { w.server.refuses = "" },
		},
		{
			why: "what waits is too large", make: func(w *world) {
				w.server.size = 1000
				w.ports["465"] = w.server.listen(true)
				w.queued(5000)
			},
			id: "size-limit", says: "too large for the server", command: "mailcrane queue show ID", do: "remove it",
		},
		{
			why: "no sendmail", make: func(w *world) { w.removed(filepath.Join(w.root, "usr/sbin/sendmail")) },
			id: "link-missing", state: Warning, says: "there is no /usr/sbin/sendmail", command: "mailcrane service link", by: (*world).linked,
		},
		{
			why: "another's sendmail", make: func(w *world) { w.linkTo("/usr/sbin/exim4"); w.write(filepath.Join(w.root, "usr/sbin/exim4"), "") },
			id: "link-foreign", state: Warning, says: "leads to /usr/sbin/exim4", command: "mailcrane service link --replace", by: (*world).linked,
		},
		{
			why: "a sendmail that leads nowhere", make: func(w *world) { w.linkTo("../lib/gone/sendmail") },
			id: "link-dangling", says: "which is not there", command: "mailcrane service link --replace", by: (*world).linked,
		},
		{
			why: "somebody listens where we are to", make: func(w *world) { w.taken("2527") },
			id: "listen-taken", says: "somebody else listens on port 2527", command: "ss -ltnp 'sport = :2527'", by: func(w *world) { w.replace("2527", "2528") },
		},
		{
			why: "the agent is stuck", make: func(w *world) { w.agent = &Agent{Silent: true} },
			id: "agent-silent", says: "does not answer", command: "mailcrane service restart", by: func(w *world) { w.agent = &Agent{PID: 1} },
		},
		{
			why: "the agent works by the old configuration", make: func(w *world) { w.agent = &Agent{Outdated: true} },
			id: "agent-outdated", state: Warning, says: "was changed", command: "mailcrane service restart", by: func(w *world) { w.agent = &Agent{PID: 1} },
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.make(w)
			f := w.only(w.look())
			want := strings.NewReplacer("FILE", w.file, "HOME", w.home).Replace(c.command)
			if strings.HasSuffix(want, "ID") {
				want = strings.TrimSuffix(want, "ID") + f.Command[strings.LastIndexByte(f.Command, ' ')+1:]
			}
			if os.Getuid() != 0 {
				want, f.Command = strings.TrimPrefix(want, "sudo "), strings.TrimPrefix(f.Command, "sudo ")
			}
			state := Broken
			if c.state != "" {
				state = c.state
			}
			if f.ID != c.id || f.State != state || f.Command != want || !strings.Contains(f.What, c.says) || !strings.Contains(f.Mend, c.do) || f.Why == "" || (f.Code != 0) != (state == Broken) {
				t.Errorf("found %+v\nwant %s %s, %q, command %q, mend %q", f, state, c.id, c.says, want, c.do)
			}
			if n := w.server.refused(); n > 1 {
				t.Errorf("the wrong password was sent %d times", n)
			}
			switch {
			case c.mends:
				w.typed(f.Command, c.input)
			case c.by != nil:
				c.by(w)
			default:
				return
			}
			if bad := worst(w.look()); len(bad) > 0 {
				t.Errorf("after the mend: %+v", bad)
			}
		})
	}
}

// shows has the server show that certificate.
func (w *world) shows(certificate tls.Certificate) {
	w.t.Helper()
	w.server.certificate = certificate
	w.ports["465"], w.ports["587"] = w.server.listen(true), w.server.listen(false)
}

func (w *world) linkTo(target string) {
	w.t.Helper()
	path := filepath.Join(w.root, "usr/sbin/sendmail")
	w.removed(path)
	w.made(os.Symlink(target, path))
}

// taken has somebody listen where the configuration wants us to.
func (w *world) taken(port string) {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	w.made(err)
	w.t.Cleanup(func() { l.Close() })
	text, err := os.ReadFile(w.file)
	w.made(err)
	w.write(w.file, string(text)+"[listen]\nmsp = [\"127.0.0.1:"+port+"\"]\n")
	w.agent = nil
}

func TestAnotherMailProgramThatRunsIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sleep, err := exec.LookPath("sleep")
	w.made(err)
	program, err := os.ReadFile(sleep)
	w.made(err)
	path := filepath.Join(w.home, "sbin/nullmailer-send")
	w.write(path, string(program))
	w.chmod(path, 0o700)
	cmd := exec.Command(path, "60")
	w.made(cmd.Start())
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	for _, f := range w.look() {
		if f.ID == "other-mta" && f.State == Note && strings.Contains(f.What, "nullmailer") && strings.HasPrefix(f.Command, "systemctl disable --now ") && strings.Contains(f.Command, "nullmailer") {
			return
		}
	}
	t.Error("nullmailer was not seen")
}
