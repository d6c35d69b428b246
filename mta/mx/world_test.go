package mx

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/access"
	"mailcrane/mta/names"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// zone answers what the tests want of the name service.
type zone struct {
	mx    map[string][]names.MX
	hosts map[string][]string
	// wrong are names of which nobody knows anything just now.
	wrong map[string]bool

	mu    sync.Mutex
	asked []string
}

var errSilent = errors.New("no answer")

func (z *zone) Addresses(_ context.Context, host string) (all []netip.Addr, err error) {
	z.mu.Lock()
	z.asked = append(z.asked, host)
	z.mu.Unlock()
	if z.wrong[host] {
		return nil, errSilent
	}
	for _, text := range z.hosts[strings.ToLower(host)] {
		all = append(all, netip.MustParseAddr(text))
	}
	if len(all) == 0 {
		err = names.ErrNone
	}
	return all, err
}

func (z *zone) IPv4(ctx context.Context, host string) ([]netip.Addr, error) {
	return z.Addresses(ctx, host)
}

func (z *zone) Pointers(context.Context, netip.Addr) ([]string, error) { return nil, names.ErrNone }

func (z *zone) Exchangers(_ context.Context, domain string) ([]names.MX, error) {
	z.mu.Lock()
	z.asked = append(z.asked, domain+" MX")
	z.mu.Unlock()
	switch {
	case z.wrong[domain+" MX"]:
		return nil, errSilent
	case len(z.mx[domain]) == 0:
		return nil, names.ErrNone
	}
	return append([]names.MX(nil), z.mx[domain]...), nil
}

// A server answers at one address of the world.
type server struct {
	// says are answers in place of the usual ones, by the verb; "" is the
	// greeting. An answer "" hangs, "CLOSE" closes.
	says map[string]string
	// offers are the lines of EHLO; STARTTLS needs a certificate.
	offers []string
	cert   *tls.Certificate
	// breaksTLS agrees to STARTTLS and then says no TLS.
	breaksTLS bool
	// refuses: nobody takes connections; drops: nothing comes back.
	refuses, drops bool

	mu          sync.Mutex
	connections int
	open        int
	lines       []string // all that was said, with "(tls) " before what was under TLS
	mails       int
}

func (s *server) heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

func (s *server) count() (connections, open, mails int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections, s.open, s.mails
}

func (s *server) usual(verb string) string {
	if text, ok := s.says[verb]; ok {
		return text
	}
	switch verb {
	case "":
		return "220 host ESMTP"
	case "EHLO":
		return "250-host\r\n250-" + strings.Join(append([]string{"ENHANCEDSTATUSCODES"}, s.offers...), "\r\n250-") + "\r\n250 HELP"
	case "DATA":
		return "354 go on"
	case "QUIT":
		return "221 2.0.0 bye"
	case "STARTTLS":
		return "220 2.0.0 go on"
	}
	return "250 2.0.0 ok"
}

func (s *server) serve(conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	s.connections++
	s.open++
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.open--; s.mu.Unlock() }()
	r, mark, data := bufio.NewReader(conn), "", false
	answer := func(verb string) bool {
		text := s.usual(verb)
		switch text {
		case "":
			io.Copy(io.Discard, r)
			return false
		case "CLOSE":
			return false
		}
		_, err := io.WriteString(conn, text+"\r\n")
		return err == nil
	}
	if !answer("") {
		return
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		if data {
			if line == "." {
				data = false
				s.mu.Lock()
				s.mails++
				s.mu.Unlock()
				if !answer(".") {
					return
				}
			}
			continue
		}
		s.mu.Lock()
		s.lines = append(s.lines, mark+line)
		s.mu.Unlock()
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		if !answer(verb) || verb == "QUIT" {
			return
		}
		data = verb == "DATA" && s.usual("DATA")[0] == '3'
		if verb == "STARTTLS" && strings.HasPrefix(s.usual(verb), "220") {
			if s.breaksTLS {
				r.ReadByte() // of the client's hello
				io.WriteString(conn, "what is this\r\n")
				return
			}
			secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*s.cert}})
			if secured.Handshake() != nil {
				return
			}
			conn, r, mark = secured, bufio.NewReader(secured), "(tls) "
		}
	}
}

// world is a name service and servers by address and port.
type world struct {
	zone
	servers map[string]*server

	mu     sync.Mutex
	dialed []string
}

func (w *world) dial(ctx context.Context, _, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dialed = append(w.dialed, address)
	w.mu.Unlock()
	s := w.servers[address]
	switch {
	case s == nil || s.refuses:
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	case s.drops:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ours, theirs := net.Pipe()
	go s.serve(theirs)
	return ours, nil
}

func (w *world) calls() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.dialed, " ")
}

// transport is a Transport in the world; change may be nil.
func (w *world) transport(t *testing.T, change func(*Options)) *Transport {
	t.Helper()
	c := &config.Config{Timeout: config.DefaultTimeout(), Queue: config.DefaultQueue()}
	c.MTA.Exchange = config.Exchange{Port: 25, CacheTime: 5 * time.Second}
	o := Options{
		Config: c, Names: w, Hello: "us.example", Dial: w.dial,
		Here: func(netip.AddrPort) bool { return false },
		Dice: func() float64 { return 0.999 },
	}
	if change != nil {
		change(&o)
	}
	tr := New(o)
	t.Cleanup(func() { tr.Close(context.Background()) })
	return tr
}

// send is one message by a route; it says what became of each recipient.
func send(t *testing.T, tr *Transport, r string, to ...string) (outcomes []queue.Outcome, fault *queue.RouteFault) {
	t.Helper()
	s, fault := tr.Open(t.Context(), queue.Route(r))
	if fault != nil {
		return nil, fault
	}
	defer s.Close(context.Background())
	return deliver(t, s, to...)
}

func deliver(t *testing.T, s queue.Session, to ...string) (outcomes []queue.Outcome, fault *queue.RouteFault) {
	t.Helper()
	if len(to) == 0 {
		to = []string{"you@example.org"}
	}
	const text = "Subject: x\n\nbody\n"
	d := &queue.Delivery{
		Envelope: &queue.Envelope{From: "me@us.example"}, Size: int64(len(text) + strings.Count(text, "\n")),
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
		Commit: func(context.Context) error { return nil },
	}
	for _, one := range to {
		d.To = append(d.To, queue.Recipient{Address: one})
	}
	outcomes = make([]queue.Outcome, len(to))
	var mu sync.Mutex
	d.Report = func(i int, o queue.Outcome) {
		mu.Lock()
		defer mu.Unlock()
		outcomes[i] = o
	}
	return outcomes, s.Deliver(t.Context(), d)
}

func esmtp(host string) string { return string(route.Hop{Mailer: route.ESMTP, Host: host}.Route()) }

func says(o queue.Outcome) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", o.State(), o.Host(), o.Reply()))
}

func accessMap(t *testing.T, text string) *access.Map {
	t.Helper()
	m, err := access.Parse("access", text, access.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// shown is a certificate signed by itself; roots has it.
func shown(t *testing.T, hosts ...string) (cert *tls.Certificate, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: hosts[0]}, DNSNames: hosts,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots
}
