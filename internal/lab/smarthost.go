package lab

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A Smarthost is a real mail server on loopback that wants AUTH over TLS and
// takes mail for every address, of up to 64 MB. At every port, recipients reject@, defer@ and drop@ of any
// domain (also reject+anything@ and reject.anything@) are answered 550, 450
// and 421.
type Smarthost struct {
	// Name is the host name in the good certificate, which is also good for
	// localhost, 127.0.0.1 and ::1.
	Name string
	// Addresses, host:port. Implicit is TLS at once; StartTLS offers AUTH and
	// takes mail after STARTTLS only; Plain has no STARTTLS and wants no AUTH,
	// which Postfix and Exim offer there in the clear.
	Implicit, StartTLS, Plain string
	// Picky is TLS at once, and refuses much more: senders mail-550+… and
	// mail-450+… at MAIL with that code, data-550+… and data-450+… before the data
	// (Exim, where that comes by BDAT, after it), end-550+… and end-450+… after it;
	// 550 after the data for a Subject that begins with "refuse". It takes ten
	// recipients at a time, and ends a long session by 421: Postfix after twelve
	// refusals, the others at the 13th MAIL. Postfix refuses a client that does
	// not await the answer to EHLO.
	Picky string
	// As Implicit and StartTLS, with an expired certificate and with one for
	// other.test.
	Expired, ExpiredStartTLS     string
	WrongName, WrongNameStartTLS string
	// CAFile is the lab's CA in PEM.
	CAFile string
	// ClientCert and ClientKey are files with a certificate of the lab's CA
	// for User.
	ClientCert, ClientKey string
	User, Password        string
	// Sink is the Maildir that all mail lands in; use Mailbox to read it.
	Sink string
}

// Postfix is a running Postfix with Dovecot SASL (OpenSSL): CHUNKING without
// BINARYMIME, PIPELINING, 8BITMIME, SMTPUTF8, DSN; AUTH PLAIN, LOGIN, CRAM-MD5,
// SCRAM-SHA-256.
func Postfix(t testing.TB) Smarthost {
	t.Helper()
	return smarthost(t, "postfix", "Postfix")
}

// Exim is a running Exim (GnuTLS) that offers what Postfix does, and AUTH
// EXTERNAL for ClientCert besides.
func Exim(t testing.TB) Smarthost {
	t.Helper()
	return smarthost(t, "exim", "Exim")
}

// OpenSMTPD is a running OpenSMTPD (OpenSSL): 8BITMIME and DSN; no PIPELINING,
// CHUNKING or SMTPUTF8; AUTH PLAIN and LOGIN. It appends Date and Message-ID to
// a header without them.
func OpenSMTPD(t testing.TB) Smarthost {
	t.Helper()
	return smarthost(t, "opensmtpd", "OpenSMTPD")
}

func smarthost(t testing.TB, part, name string) Smarthost {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(Root(), part, "smarthost.json"))
	if err != nil {
		Missing(t, name, "internal/lab/lab.sh install "+part)
	}
	var s Smarthost
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if s.Picky == "" {
		Missing(t, name+" as it is set up today", "internal/lab/lab.sh down "+part+"; internal/lab/lab.sh install "+part)
	}
	if !answers(s.Implicit) {
		needRoot(t, name)
		// The script holds a lock and leaves alone what runs, so tests of
		// several packages may get here at the same time.
		if out, err := exec.Command(script("lab.sh"), "up", part).CombinedOutput(); err != nil {
			t.Fatalf("cannot start %s: %v\n%s", name, err, out)
		}
	}
	return s
}

func answers(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// ImplicitURL is Implicit as an account's smarthost setting.
func (s Smarthost) ImplicitURL() string { return "smtps://" + s.Implicit }

// StartTLSURL is StartTLS as an account's smarthost setting.
func (s Smarthost) StartTLSURL() string { return "smtp://" + s.StartTLS }

// PlainURL is Plain as an account's smarthost setting.
func (s Smarthost) PlainURL() string { return "smtp+insecure://" + s.Plain }

// Log is the end of the smarthost's own log, for the message of a test that
// failed.
func (s Smarthost) Log() string {
	root, _, _ := strings.Cut(s.Sink, "/var/mail/")
	for _, name := range []string{"var/log/postfix.log", "var/log/exim4/mainlog", "var/log/smtpd.log"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			continue
		}
		const most = 8 << 10
		return string(data[max(0, len(data)-most):])
	}
	return ""
}

// DovecotAuth is the socket of the Dovecot that knows Postfix's users: PLAIN,
// LOGIN, CRAM-MD5, SCRAM-SHA-256. Postfix has to run.
func (s Smarthost) DovecotAuth() string {
	root, _, _ := strings.Cut(s.Sink, "/var/mail/")
	return filepath.Join(root, "run/dovecot/lab-auth")
}
