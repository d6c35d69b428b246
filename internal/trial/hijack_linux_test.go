package trial

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// loginPage is where the portal of the trials leads.
const loginPage = "http://" + lab.GatewayIP + "/login"

// A portal is a gateway that answers in the place of every server, until
// somebody logs in: then it hands connections on to the lab's Postfix.
type portal struct {
	*lab.Network
	t    testing.TB
	open atomic.Bool
	cert tls.Certificate // of the portal's own

	mu    sync.Mutex
	got   bytes.Buffer // each octet that it was sent while it was closed
	seen  int          // connections on mail ports while it was closed
	asked int          // for a web page
}

// A hijack is what a portal does with one connection to a mail port.
type hijack func(p *portal, conn net.Conn)

// newPortal stands closed before a Postfix, on the ports of the smarthost's
// addresses and on the gateway's own.
func newPortal(t testing.TB, n *lab.Network, behind lab.Smarthost, does hijack) *portal {
	t.Helper()
	p := &portal{Network: n, t: t, cert: portalCertificate(t)}
	for _, ip := range []string{lab.SmarthostIP, lab.SmarthostIP6, lab.GatewayIP} {
		there := ip != lab.GatewayIP
		p.serve(ip, "80", "", redirect)
		for port, to := range map[string]string{"465": behind.Implicit, "587": behind.StartTLS, "25": behind.Plain} {
			if !there {
				to = "" // the smarthost never was at the gateway
			}
			p.serve(ip, port, to, does)
		}
	}
	return p
}

// serve hands connections to an address on, or does with them what a portal
// does.
func (p *portal) serve(ip, port, to string, does hijack) {
	l := p.Gateway.Listen(net.JoinHostPort(ip, port))
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if p.open.Load() {
					handOn(conn, to)
					return
				}
				p.mu.Lock()
				if port == "80" {
					p.asked++
				} else {
					p.seen++
				}
				p.mu.Unlock()
				does(p, &overheard{conn, p})
			}()
		}
	}()
}

func handOn(in net.Conn, to string) {
	if to == "" {
		return
	}
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer out.Close()
	go func() {
		defer in.Close()
		io.Copy(in, out)
	}()
	io.Copy(out, in)
}

// overheard keeps what the other end says.
type overheard struct {
	net.Conn
	portal *portal
}

func (o *overheard) Read(b []byte) (int, error) {
	n, err := o.Conn.Read(b)
	o.portal.hear(b[:n])
	return n, err
}

func (p *portal) hear(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got.Write(b)
}

func (p *portal) tries() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

func (p *portal) heard() (text string, asked int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got.String(), p.asked
}

// redirect is what it does with port 80.
func redirect(_ *portal, conn net.Conn) {
	r := bufio.NewReader(conn)
	for line, err := r.ReadString('\n'); err == nil && line != "\r\n"; line, err = r.ReadString('\n') {
	}
	io.WriteString(conn, "HTTP/1.1 302 Found\r\nLocation: "+loginPage+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

// wrongCertificate is a web server that is asked by TLS. What it is told below
// TLS is heard too.
func wrongCertificate(p *portal, conn net.Conn) {
	below := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{p.cert}})
	io.Copy(&hearing{p}, below)
}

type hearing struct{ portal *portal }

func (h *hearing) Write(b []byte) (int, error) {
	h.portal.hear(b)
	return len(b), nil
}

func refuse554(_ *portal, conn net.Conn) {
	io.WriteString(conn, "554 5.7.1 no mail before you have logged in\r\n")
	io.Copy(io.Discard, conn)
}

func plainHTTP(_ *portal, conn net.Conn) {
	io.WriteString(conn, "HTTP/1.1 302 Found\r\nLocation: "+loginPage+"\r\n\r\n")
	io.Copy(io.Discard, conn)
}

func closesAtOnce(_ *portal, conn net.Conn) {
	conn.(*overheard).Conn.(*net.TCPConn).SetLinger(0)
}

// mailServer is one of the portal's own. extensions are what it offers; to all
// that follows it says answer.
func mailServer(answer string, extensions ...string) hijack {
	return func(p *portal, conn net.Conn) {
		io.WriteString(conn, "220 portal.hotel.example ESMTP\r\n")
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			switch verb := strings.ToUpper(lines.Text()); {
			case strings.HasPrefix(verb, "EHLO"):
				io.WriteString(conn, "250-portal.hotel.example\r\n")
				for _, e := range extensions {
					io.WriteString(conn, "250-"+e+"\r\n")
				}
				io.WriteString(conn, "250 8BITMIME\r\n")
			case verb == "STARTTLS":
				io.WriteString(conn, "220 go on\r\n")
				wrongCertificate(p, conn)
				return
			case verb == "QUIT":
				io.WriteString(conn, "221 bye\r\n")
				return
			default:
				io.WriteString(conn, answer+"\r\n")
			}
		}
	}
}

// swallow has the gateway drop what goes to the mail ports, as a packet filter
// does, until the portal opens.
func (p *portal) swallow() (opened func()) {
	rules := func(what string) {
		for _, port := range []string{"25", "465", "587"} {
			for _, family := range []string{"-4", "-6"} {
				p.gateway(family + " rule " + what + " pref 1 iif up0 ipproto tcp dport " + port + " blackhole")
			}
		}
	}
	// The kernel's own rule for local addresses stands first.
	for _, family := range []string{"-4", "-6"} {
		p.gateway(family + " rule add pref 10 lookup local")
		p.gateway(family + " rule del pref 0")
	}
	rules("add")
	return func() { rules("del") }
}

func (p *portal) gateway(line string) {
	p.t.Helper()
	if out, err := exec.Command("ip", append([]string{"-n", p.Gateway.Name}, strings.Fields(line)...)...).CombinedOutput(); err != nil {
		p.t.Fatalf("ip %s: %v: %s", line, err, out)
	}
}

// portalCertificate is one for another name, of an authority that nobody knows.
func portalCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "portal.hotel.example"}, DNSNames: []string{"portal.hotel.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
