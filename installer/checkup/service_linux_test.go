package checkup

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
	"mailcrane/smarthost/relay"
)

// A machineWorld is a machine that systemd has booted, with the machine's own
// service of mailcrane and a smarthost in reach.
type machineWorld struct {
	t       *testing.T
	machine *lab.Machine
	host    lab.Smarthost
	box     *lab.Mailbox
	pin     string // of the smarthost's certificate
}

func bootMachine(t *testing.T) *machineWorld {
	t.Helper()
	m := &machineWorld{t: t, machine: lab.Systemd(t), host: lab.Postfix(t)}
	m.box, m.pin = m.host.Mailbox(t), pinOf(t, m.host)
	m.host = m.machine.Serve(m.host)
	for _, name := range []string{"mailcrane", "sendmail"} {
		m.machine.Copy(filepath.Join(programs(), name), "/usr/local/lib/mailcrane/"+name)
	}
	m.does("ln -s /usr/local/lib/mailcrane/mailcrane /usr/local/bin/mailcrane")
	m.does("/usr/local/lib/mailcrane/mailcrane service link")
	// It types the password in the place of a person.
	m.machine.Write("/usr/local/bin/systemd-ask-password", "#!/bin/sh\nprintf %s '"+m.host.Password+"'\n", 0o755)
	return m
}

// pinOf is of the certificate that the smarthost shows.
func pinOf(t *testing.T, host lab.Smarthost) string {
	t.Helper()
	pem, err := os.ReadFile(host.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	conn, err := tls.Dial("tcp", host.Implicit, &tls.Config{RootCAs: roots, ServerName: host.Name})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return relay.CertificatePin(conn.ConnectionState().PeerCertificates[0]).String()
}

// configure writes the machine's configuration. The server is named by its address
// on the loopback, which is all the network there is.
func (m *machineWorld) configure(secret string) {
	m.machine.Write("/etc/mailcrane/mailcrane.toml", fmt.Sprintf(
		"[account.lab]\nfrom = [%q, \"*@example.test\"]\nsmarthost = \"smtps://%s\"\nuser = %q\nsecret = %q\ntls = { pin = [%q] }\n[queue]\ndirectory = \"/var/lib/mailcrane/queue\"\n",
		m.box.Address("me"), strings.Fields(m.does("getent hosts " + m.host.Name))[0]+":465", m.host.User, secret, m.pin), 0o644)
}

func (m *machineWorld) does(command string) string {
	m.t.Helper()
	out, err := m.machine.Command("sh", "-c", command).CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// typed runs a command that asks for a password on its standard input.
func (m *machineWorld) typed(command string) {
	m.t.Helper()
	cmd := m.machine.Command("sh", "-c", command)
	cmd.Stdin = strings.NewReader(m.host.Password + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// looks is what doctor finds for the machine's service.
func (m *machineWorld) looks() []Finding {
	m.t.Helper()
	out, _ := m.machine.Command("mailcrane", "doctor", "--system", "--json").Output() // it fails where something is broken
	var all []Finding
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var f Finding
		if err := dec.Decode(&f); err != nil {
			m.t.Fatalf("%v: %s", err, out)
		}
		all = append(all, f)
	}
	return all
}

func of(all []Finding, id string) Finding {
	for _, f := range all {
		if f.ID == id {
			return f
		}
	}
	return Finding{}
}

// arrives has the service send a letter by itself, which it cannot without the
// password.
func (m *machineWorld) arrives(name string) {
	m.t.Helper()
	to := m.box.Address(name)
	cmd := m.machine.Command("runuser", "-u", "mailcrane", "--", "env", "HOME=/var/lib/mailcrane", "sendmail", "-oi", "-f", m.box.Address("me"), to)
	cmd.Stdin = strings.NewReader("From: " + m.box.Address("me") + "\nSubject: " + name + "\n\nhello\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("sendmail: %v\n%s", err, out)
	}
	defer func() {
		if m.t.Failed() {
			m.t.Log(m.does("journalctl -t mailcrane --no-pager | tail -30; ls -lR /var/lib/mailcrane | head -40"))
		}
	}()
	if got := m.box.Wait(to); !strings.Contains(string(got.Body()), "hello") {
		m.t.Errorf("arrived: %q", got.Body())
	}
}

// Coverage: service-secret.
func TestTheMachinesServiceGetsItsPasswordAsDoctorSays(t *testing.T) {
	m := bootMachine(t)
	m.configure("keyring")
	m.does("useradd --system --user-group --home-dir /var/lib/mailcrane mailcrane")
	m.does("mailcrane service install --system && mailcrane service start --system")
	f := of(m.looks(), "service-keyring")
	if f.State != Broken || !strings.Contains(f.Command, "systemd-creds encrypt --name=mailcrane-lab") || !strings.Contains(f.Command, "LoadCredentialEncrypted=") {
		t.Fatalf("a keyring for the machine's service: %+v", f)
	}
	m.typed(f.Command)
	if f := of(m.looks(), "service-credential"); f.State != OK {
		t.Errorf("after the mend: %+v", m.looks())
	}
	if said := m.does("systemctl is-active mailcrane"); !strings.Contains(said, "active") {
		t.Errorf("the service: %s", said)
	}
	if held := m.does("cat /proc/$(systemctl show -P MainPID mailcrane)/environ | tr '\\0' '\\n'"); strings.Contains(held, m.host.Password) || !strings.Contains(held, "CREDENTIALS_DIRECTORY=") {
		t.Errorf("the service has in its environment: %s", held)
	}
	m.arrives("credential")
	if f := of(m.looks(), "login"); f.State != OK || !strings.HasPrefix(f.What, "the service got in") {
		t.Errorf("the log-in of the service: %+v", f)
	}
	if kept := m.does("cat /etc/credstore.encrypted/mailcrane-lab"); strings.Contains(kept, m.host.Password) {
		t.Error("the credential is not encrypted")
	}

	t.Run("a credential of another name", func(t *testing.T) {
		m.does("sed -i 's/credential:mailcrane-lab/credential:another/' /etc/mailcrane/mailcrane.toml")
		f := of(m.looks(), "service-credential")
		if f.State != Broken || !strings.Contains(f.What, "does not load the credential another") {
			t.Fatalf("found %+v", f)
		}
		m.typed(f.Command)
		if f := of(m.looks(), "service-credential"); f.State != OK {
			t.Errorf("after the mend: %+v", f)
		}
	})
	t.Run("a credential that cannot be decrypted", func(t *testing.T) {
		m.does("head -c 100 /dev/urandom | base64 >/etc/credstore.encrypted/another")
		f := of(m.looks(), "service-credential")
		if f.State != Broken || !strings.Contains(f.What, "cannot be decrypted") {
			t.Fatalf("found %+v", f)
		}
		m.typed(f.Command)
		if f := of(m.looks(), "service-credential"); f.State != OK {
			t.Errorf("after the mend: %+v", f)
		}
	})
	t.Run("a file in a home", func(t *testing.T) {
		m.does("echo x >/root/password && chmod 600 /root/password && sed -i 's|credential:another|file:/root/password|' /etc/mailcrane/mailcrane.toml")
		if f := of(m.looks(), "service-file"); f.State != Broken || !strings.Contains(f.What, "sandbox hides") {
			t.Errorf("found %+v", f)
		}
	})
	t.Run("a file of root's", func(t *testing.T) {
		m.machine.Write("/etc/mailcrane/password", m.host.Password+"\n", 0o600)
		m.does("sed -i 's|file:/root/password|file:/etc/mailcrane/password|' /etc/mailcrane/mailcrane.toml")
		f := of(m.looks(), "service-file")
		if f.State != Broken || f.Command != "chown mailcrane /etc/mailcrane/password && chmod 600 /etc/mailcrane/password" {
			t.Fatalf("found %+v", f)
		}
		m.does(f.Command + " && systemctl restart mailcrane")
		if f := of(m.looks(), "service-file"); f.State != OK {
			t.Errorf("after the mend: %+v", f)
		}
		m.arrives("file")
	})
	t.Run("a command", func(t *testing.T) {
		m.does("sed -i 's|file:/etc/mailcrane/password|command:gpg -d /etc/mailcrane/password.gpg|' /etc/mailcrane/mailcrane.toml")
		if f := of(m.looks(), "service-command"); f.State != Warning || !strings.Contains(f.What, "gpg") {
			t.Errorf("one that asks somebody: found %+v", f)
		}
		m.does("sed -i 's|command:gpg -d /etc/mailcrane/password.gpg|command:cat /etc/mailcrane/password|' /etc/mailcrane/mailcrane.toml && systemctl restart mailcrane")
		if f := of(m.looks(), "service-command"); f.State != OK {
			t.Errorf("one that asks nobody: found %+v", f)
		}
		m.arrives("command")
	})
}
