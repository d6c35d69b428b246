package installer

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
)

const serverConfig = `delivery_mode = "queue"
[queue]
directory = "/var/spool/mailcrane/queue"
[mta]
hostname = "mx.example.org"
local = ["example.org"]
%s
[mta.deliver]
luser_relay = "relay:[192.0.2.1]"
[mta.policy]
accept_unresolvable_domains = true
[mta.map]
access = "/etc/mail/access"
[mta.tls]
cert = "/etc/mailcrane/tls/cert.pem"
key  = "/etc/mailcrane/tls/key.pem"
[[mta.listen]]
address = "127.0.0.1:25"
[[mta.listen]]
address = ":587"
`

// A submitter is a client of the server in the machine.
type submitter struct {
	net.Conn
	in *bufio.Reader
}

func connect(m *lab.Machine) (*submitter, error) {
	c, err := m.Dial("127.0.0.1:25")
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	s := &submitter{c, bufio.NewReader(c)}
	_, err = s.reply()
	return s, err
}

func (s *submitter) reply() (string, error) {
	for {
		line, err := s.in.ReadString('\n')
		if err != nil || len(line) > 3 && line[3] == ' ' {
			return line, err
		}
	}
}

func (s *submitter) ask(line string) (string, error) {
	if _, err := fmt.Fprint(s, line+"\r\n"); err != nil {
		return "", err
	}
	return s.reply()
}

// mail sends a message of that Subject; the last reply is that to it.
func (s *submitter) mail(subject string) (reply string, err error) {
	for _, line := range []string{
		"EHLO client.example.net", "MAIL FROM:<me@example.net>", "RCPT TO:<you@example.org>", "DATA", "Subject: " + subject + "\r\n\r\nx\r\n.",
	} {
		if reply, err = s.ask(line); err != nil || reply[0] > '3' {
			return reply, err
		}
	}
	return reply, nil
}

// shown is the certificate that the server shows now.
func shown(t *testing.T, m *lab.Machine) string {
	t.Helper()
	s, err := connect(m)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, line := range []string{"EHLO client.example.net", "STARTTLS"} {
		if _, err := s.ask(line); err != nil {
			t.Fatal(err)
		}
	}
	secure := tls.Client(s, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // it is looked at
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	return secure.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// certify gives the server a certificate.
func certify(t *testing.T, m *lab.Machine, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"mx.example.org"}}
	template.Subject.CommonName = name
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	u := root(t, m)
	m.Write("/etc/mailcrane/tls/cert.new", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o644)
	m.Write("/etc/mailcrane/tls/key.new", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), 0o600)
	u.says("cd /etc/mailcrane/tls && chown mailcrane key.new && mv key.new key.pem && mv cert.new cert.pem")
}

// queued are the Subjects of the messages in the queue.
func queued(t *testing.T, m *lab.Machine) string {
	t.Helper()
	return root(t, m).says("grep -rhs '^Subject: ' /var/spool/mailcrane/queue/queue | tr -d '\\r'")
}

// installServer boots a machine with the server installed and not started; more is
// for its configuration.
func installServer(t *testing.T, more string) (*lab.Machine, typist) {
	t.Helper()
	m := bootWithMailcrane(t)
	u := root(t, m)
	m.Write("/etc/mailcrane/mailcrane.toml", fmt.Sprintf(serverConfig, more), 0o644)
	m.Write("/etc/mail/access", "From:bad.example 550 no\n", 0o644)
	u.does("mailcrane service install --system", string(Installed))
	certify(t, m, "one")
	return m, u
}

// Coverage: A14, A33.
func TestAServerIsAServiceThatIsNeverRootAndLosesNoClient(t *testing.T) {
	m, u := installServer(t, "")
	defer func() {
		if t.Failed() {
			t.Log(u.says("journalctl -o cat -t mailcrane | tail -n 40"))
		}
	}()
	u.does("mailcrane service start --system")
	u.does("mailcrane service status --system", "running since")
	u.does("systemctl show mailcrane --property=User,Type,ActiveState", "User=mailcrane", "Type=notify", "ActiveState=active")
	u.does("systemctl is-enabled mailcrane mailcrane-mta.socket mailcrane-mta-any.socket", "enabled")
	pid := u.says("systemctl show -P MainPID mailcrane")
	if caps := u.says("grep -E '^(Uid|CapEff|CapPrm):' /proc/" + strings.TrimSpace(pid) + "/status"); !strings.Contains(caps, "CapEff:\t0000000000000000") || strings.Contains(caps, "Uid:\t0") {
		t.Errorf("the server has rights:\n%s", caps)
	}
	s, err := connect(m)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if reply, err := s.mail("first"); err != nil || reply[:3] != "250" {
		t.Fatalf("%q, %v\n%s", reply, err, u.says("journalctl -t mailcrane"))
	}
	if got := queued(t, m); got != "Subject: first\n" {
		t.Fatalf("in the queue: %q", got)
	}

	t.Run("a reload in a stream of connections", func(t *testing.T) {
		stream(t, m, false, func() { root(t, m).does("systemctl reload mailcrane") })
		if again := u.says("systemctl show -P MainPID mailcrane"); again != pid {
			t.Error("it was started anew")
		}
		if reply, err := s.ask("NOOP"); err != nil || reply[:3] != "250" {
			t.Errorf("who was connected before: %q, %v", reply, err)
		}
	})
	t.Run("a changed map and a changed certificate", func(t *testing.T) {
		if got := shown(t, m); got != "one" {
			t.Errorf("the certificate is %q", got)
		}
		certify(t, m, "two")
		m.Write("/etc/mail/access", "From:me@example.net\tERROR:5.7.1:550 not you\n", 0o644)
		untilTold(t, m, "not you")
		if got := shown(t, m); got != "two" {
			t.Errorf("the certificate is %q", got)
		}
		m.Write("/etc/mail/access", "From:bad.example\t550 no\n", 0o644)
		untilTold(t, m, "250")
	})
	t.Run("a wrong configuration", func(t *testing.T) {
		u := root(t, m)
		m.Write("/etc/mailcrane/mailcrane.toml", fmt.Sprintf(serverConfig, "lokal = 1"), 0o644)
		u.does("systemctl reload mailcrane")
		u.await("journalctl -t mailcrane | grep 'nothing was read anew' | grep -q 'lokal.*next='")
		u.await("systemctl show -P StatusText mailcrane | grep -q 'the one before goes on'")
		u.does("systemctl is-active mailcrane", "active")
		stream(t, m, false, func() {})
		m.Write("/etc/mailcrane/mailcrane.toml", fmt.Sprintf(serverConfig, ""), 0o644)
		u.does("systemctl reload mailcrane")
	})
	t.Run("a restart", func(t *testing.T) {
		stream(t, m, true, func() { root(t, m).does("systemctl restart mailcrane") })
	})
	t.Run("a stop", func(t *testing.T) {
		c, err := connect(m)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		root(t, m).does("mailcrane service stop --system")
		if reply, err := c.reply(); err != nil || reply[:3] != "421" {
			t.Errorf("an idle client hears %q, %v", reply, err)
		}
		if c, err := connect(m); err == nil {
			c.Close()
			t.Error("it is served after the stop")
		}
		root(t, m).refused(sysexits.Unavailable, "mailcrane service status --system", "stopped")
	})
	u.does("mailcrane service uninstall --system", string(Removed))
	for _, file := range files(t, m, "/etc/systemd/system") {
		if strings.Contains(file, "mailcrane") {
			t.Errorf("left: %s", file)
		}
	}
}

// untilTold sends messages until the server's answer has want in it: it looks at
// its maps once a second.
func untilTold(t *testing.T, m *lab.Machine, want string) {
	t.Helper()
	reply := ""
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		c, err := connect(m)
		if err != nil {
			t.Fatal(err)
		}
		reply, _ = c.mail("trial") // "" where it failed
		c.Close()
		if strings.Contains(reply, want) {
			return
		}
		_ = m.Command("sleep", "0.1").Run() // the wait is the machine's
	}
	t.Errorf("the old map is used: %q", reply)
}

// stream sends messages by many connections, and does something in between. No
// connection is refused, and each message that was told 250 is in the queue. Where
// the server ends, a client may hear 421 and comes again.
func stream(t *testing.T, m *lab.Machine, ends bool, do func()) {
	t.Helper()
	const clients = 6
	var told sync.Map
	var stop atomic.Bool
	var sent atomic.Int64
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for n := 0; !stop.Load(); n++ {
				subject := fmt.Sprintf("%s-%d-%d", strings.ReplaceAll(t.Name(), "/", "-"), i, n)
				s, err := connect(m)
				if err != nil {
					if !ends || s == nil {
						t.Errorf("a client was refused: %v", err)
						return
					}
					continue
				}
				reply, err := s.mail(subject)
				s.Close()
				switch {
				case err == nil && reply[:3] == "250":
					told.Store(subject, true)
					sent.Add(1)
				case ends && (err != nil || reply[:3] == "421"):
				default:
					t.Errorf("%q, %v", reply, err)
					return
				}
			}
		})
	}
	wait := func(n int64) {
		for deadline := time.Now().Add(30 * time.Second); sent.Load() < n && !t.Failed() && time.Now().Before(deadline); {
			_ = m.Command("sleep", "0.01").Run()
		}
	}
	wait(20)
	do()
	wait(sent.Load() + 20)
	stop.Store(true)
	all.Wait()
	for _, subject := range missing(t, m, &told) {
		t.Errorf("told 250 and not in the queue: %s", subject)
	}
	t.Logf("%d messages", sent.Load())
}

// missing are the Subjects that are not in the queue. A message that is being sorted
// goes on as another one, and who reads the folder meanwhile may see neither: so
// what was not seen is looked for again for a while.
func missing(t *testing.T, m *lab.Machine, told *sync.Map) (all []any) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		got := queued(t, m)
		all = nil
		told.Range(func(subject, _ any) bool {
			if strings.Contains(got, "Subject: "+subject.(string)+"\n") {
				told.Delete(subject)
			} else {
				all = append(all, subject)
			}
			return true
		})
		if len(all) == 0 || time.Now().After(deadline) {
			return all
		}
	}
}
