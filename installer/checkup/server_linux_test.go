package checkup

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// An authority signs certificates.
type authority struct {
	t    testing.TB
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a := &authority{t: t, file: filepath.Join(t.TempDir(), "ca.pem")}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: now().AddDate(-9, 0, 0), NotAfter: now().AddDate(9, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = newKey(t)
	der := sign(t, template, template, a.key, a.key)
	a.cert, _ = x509.ParseCertificate(der)
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// issue makes a certificate for a name.
func (a *authority) issue(name string, from, until time.Time) tls.Certificate {
	key := newKey(a.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: from, NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	return tls.Certificate{Certificate: [][]byte{sign(a.t, template, a.cert, key, a.key)}, PrivateKey: key}
}

// selfSigned is what nobody else has signed.
func selfSigned(t testing.TB, name string) tls.Certificate {
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: now().AddDate(-1, 0, 0), NotAfter: now().AddDate(1, 0, 0),
	}
	return tls.Certificate{Certificate: [][]byte{sign(t, template, template, key, key)}, PrivateKey: key}
}

// A server is a real one, of go-smtp, that can be told to do otherwise before it
// listens again.
type server struct {
	t           testing.TB
	certificate tls.Certificate
	password    string
	mechs       []string
	size        int64
	refuses     string // this sender
	noTLS       bool

	mu       sync.Mutex
	refusals int
}

func newServer(t testing.TB, certificate tls.Certificate) *server {
	return &server{t: t, certificate: certificate, password: password, mechs: []string{"PLAIN"}, size: 50 << 20}
}

// listen is at a new port, with TLS at once or by STARTTLS.
func (s *server) listen(implicit bool) string {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	address := l.Addr().String()
	smtpServer := smtp.NewServer(s)
	smtpServer.Domain, smtpServer.MaxMessageBytes, smtpServer.ErrorLog = host, s.size, log.New(io.Discard, "", 0)
	settings := &tls.Config{Certificates: []tls.Certificate{s.certificate}}
	switch {
	case implicit:
		l = tls.NewListener(l, settings)
	case !s.noTLS:
		smtpServer.TLSConfig = settings
	}
	go smtpServer.Serve(l)
	s.t.Cleanup(func() { smtpServer.Close() })
	return address
}

func (s *server) refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusals
}

// NewSession implements smtp.Backend.
func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) { return &inbound{s}, nil }

type inbound struct{ *server }

func (i *inbound) AuthMechanisms() []string { return i.mechs }

func (i *inbound) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, secret string) error {
		i.mu.Lock()
		defer i.mu.Unlock()
		if user != me || secret != i.password {
			i.refusals++
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "wrong user or password"}
		}
		return nil
	}), nil
}

func (i *inbound) Mail(from string, _ *smtp.MailOptions) error {
	if from == i.refuses {
		return &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "not your address"}
	}
	return nil
}

func (i *inbound) Rcpt(string, *smtp.RcptOptions) error { return errors.New("doctor sends no mail") }

func (i *inbound) Data(io.Reader) error { return errors.New("doctor sends no mail") }
func (i *inbound) Reset()               {}
func (i *inbound) Logout() error        { return nil }

// webServer leads every page to a portal's, as a captive portal does.
func webServer(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = bufio.NewReader(conn).ReadString('\n')
				fmt.Fprint(conn, "HTTP/1.1 302 Found\r\nLocation: http://login.cafe.example/hello\r\nContent-Length: 0\r\n\r\n")
			}()
		}
	}()
	return l.Addr().String()
}

// blackHole is a port that answers no connect: its queue is full, and nobody
// accepts.
func blackHole(t testing.TB) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err == nil {
		err = unix.Listen(fd, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
	for range 3 {
		if conn, err := net.DialTimeout("tcp", address, 100*time.Millisecond); err == nil {
			t.Cleanup(func() { conn.Close() })
		}
	}
	return address
}

// A nameServer answers over UDP. It knows the smarthost.
type nameServer struct {
	address string
	conn    net.PacketConn

	mu sync.Mutex
	// code is what it says of any name; checked, that it says so only to who has
	// not asked it to leave DNSSEC aside. empty: the name is there, without address.
	code           dnsmessage.RCode
	checked, empty bool
	mute           bool
}

func newNameServer(t testing.TB) *nameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{conn: conn, address: conn.LocalAddr().String()}
	t.Cleanup(func() { conn.Close() })
	go s.serve()
	return s
}

// dial leads whoever asks a name server to this one.
func (s *nameServer) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	if strings.HasPrefix(network, "tcp") {
		return nil, errors.New("only UDP is served here")
	}
	return new(net.Dialer).DialContext(ctx, network, s.address)
}

func (s *nameServer) behave(change func(*nameServer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *nameServer) serve() {
	packet := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(packet)
		if err != nil {
			return
		}
		var asked dnsmessage.Message
		if asked.Unpack(packet[:n]) != nil || len(asked.Questions) == 0 {
			continue
		}
		if answer, ok := s.answer(asked); ok {
			_, _ = s.conn.WriteTo(answer, from)
		}
	}
}

func (s *nameServer) answer(asked dnsmessage.Message) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	unchecked := asked.CheckingDisabled
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: asked.ID, Response: true, RecursionAvailable: true}, Questions: asked.Questions}
	if !s.checked || !unchecked {
		reply.RCode = s.code
	}
	q := asked.Questions[0]
	if reply.RCode == dnsmessage.RCodeSuccess && q.Type == dnsmessage.TypeA && !s.empty {
		reply.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
			Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 25}},
		}}
	}
	packet, err := reply.Pack()
	return packet, err == nil && !s.mute
}
