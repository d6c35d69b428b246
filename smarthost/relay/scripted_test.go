package relay

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
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mailcrane/queue"
)

// A script is what a server does, step by step:
//
//	S: text     sends text and CRLF ("\n" within text becomes CRLF)
//	S- text     sends text as it is
//	C: text     wants this line; a "*" at its end takes any rest
//	C# n text   wants n octets, and where text is given that they are text
//	QUIET       wants that nothing more has come by now
//	TLS         becomes a TLS server
//	CLOSE       closes the connection
//	HANG        says nothing until the client closes
type script []string

// play runs the script on conn. It returns what went wrong, or nil.
func (s script) play(conn net.Conn, cert *tls.Certificate) error {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for n, step := range s {
		word, text, _ := strings.Cut(step, " ")
		var err error
		switch word {
		case "S:":
			_, err = io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n")
		case "S-":
			_, err = io.WriteString(conn, text)
		case "C:":
			err = wantLine(r, text)
		case "C#":
			err = wantOctets(r, text)
		case "QUIET":
			if r.Buffered() > 0 {
				err = fmt.Errorf("%d octets more came before the answer", r.Buffered())
			}
		case "TLS":
			secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*cert}})
			if err = secured.Handshake(); err == nil {
				conn, r = secured, bufio.NewReader(secured)
			}
		case "CLOSE":
			return nil
		case "HANG":
			io.Copy(io.Discard, r)
			return nil
		default:
			err = errors.New("no such step")
		}
		if err != nil {
			return fmt.Errorf("step %d, %q: %w", n+1, step, err)
		}
	}
	return nil
}

func wantLine(r *bufio.Reader, want string) error {
	line, err := r.ReadString('\n')
	if err != nil {
		return fmt.Errorf("%w after %q", err, line)
	}
	got := strings.TrimSuffix(line, "\r\n")
	if prefix, any := strings.CutSuffix(want, "*"); got != want && (!any || !strings.HasPrefix(got, prefix)) {
		return fmt.Errorf("the client said %q", got)
	}
	return nil
}

func wantOctets(r *bufio.Reader, text string) error {
	count, want, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	octets := make([]byte, n)
	if _, err := io.ReadFull(r, octets); err != nil {
		return err
	}
	want = strings.ReplaceAll(want, "\n", "\r\n")
	if want != "" && string(octets) != want {
		return fmt.Errorf("the client sent %q", octets)
	}
	return nil
}

// serve gives a Dial that reaches a server which plays the scripts, one for
// each connection. The test fails if a script was not played to its end.
func serve(t *testing.T, cert *tls.Certificate, scripts ...script) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	return func(context.Context, string, string) (net.Conn, error) {
		if len(scripts) == 0 {
			return nil, errors.New("one connection too many")
		}
		next := scripts[0]
		scripts = scripts[1:]
		ours, theirs := buffered()
		wg.Go(func() {
			if err := next.play(theirs, cert); err != nil {
				t.Errorf("the server's script: %v", err)
			}
		})
		return ours, nil
	}
}

// A delivery under test, and what was reported of it.
type outcomes struct {
	queue.Delivery
	got       []queue.Outcome
	committed int
	progress  int64
}

// mail is a delivery of text from a@example.org to the recipients.
func mail(text string, to ...string) *outcomes {
	o := &outcomes{}
	o.Envelope = &queue.Envelope{From: "a@example.org"}
	for _, address := range to {
		o.Envelope.To = append(o.Envelope.To, queue.Recipient{Address: address})
	}
	o.To = o.Envelope.To
	o.Size = int64(len(text) + strings.Count(text, "\n") - strings.Count(text, "\r\n"))
	o.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
	o.Commit = func(context.Context) error { o.committed++; return nil }
	o.got = make([]queue.Outcome, len(o.To))
	o.Report = func(i int, outcome queue.Outcome) {
		if o.got[i].State() != 0 {
			panic(fmt.Sprintf("recipient %d reported twice: %v, %v", i, o.got[i], outcome))
		}
		o.got[i] = outcome
	}
	o.Progress = func(n int64) { o.progress = n }
	return o
}

// states are the reported states in order, as words.
func (o *outcomes) states() string {
	var words []string
	for _, outcome := range o.got {
		words = append(words, outcome.State().String())
	}
	return strings.Join(words, " ")
}

// An authority signs the certificates of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// issue makes a certificate for the host.
func (a authority) issue(t testing.TB, host string, from, to time.Time) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{host}, NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// good is a certificate for smtp.example.org that is valid now.
func (a authority) good(t testing.TB) *tls.Certificate {
	t.Helper()
	return a.issue(t, "smtp.example.org", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
}

// buffered is a connection in memory whose writes do not wait for the other
// side to read, as a socket's do not.
func buffered() (net.Conn, net.Conn) {
	a, b := newHalf(), newHalf()
	return &memory{read: a, write: b}, &memory{read: b, write: a}
}

// A memory connection has no deadline but the one for reading.
type memory struct {
	net.Conn
	read, write *half
}

// RemoteAddr is another machine's: nothing is allowed that only this machine
// may see.
func (m *memory) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 25} }

func (m *memory) Read(p []byte) (int, error)         { return m.read.get(p) }
func (m *memory) Write(p []byte) (int, error)        { return m.write.put(p) }
func (m *memory) SetWriteDeadline(time.Time) error   { return nil }
func (m *memory) SetReadDeadline(at time.Time) error { return m.read.until(at) }
func (m *memory) SetDeadline(at time.Time) error     { return m.read.until(at) }
func (m *memory) Close() error {
	m.read.close()
	m.write.close()
	return nil
}

// A half is one direction.
type half struct {
	mu     sync.Mutex
	change *sync.Cond
	octets []byte
	closed bool
	late   bool
	timer  *time.Timer
}

func newHalf() *half {
	h := &half{}
	h.change = sync.NewCond(&h.mu)
	return h
}

func (h *half) get(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.late:
			return 0, os.ErrDeadlineExceeded
		case len(h.octets) > 0:
			n := copy(p, h.octets)
			h.octets = h.octets[n:]
			return n, nil
		case h.closed:
			return 0, io.EOF
		}
		h.change.Wait()
	}
}

func (h *half) put(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, io.ErrClosedPipe
	}
	h.octets = append(h.octets, p...)
	h.change.Broadcast()
	return len(p), nil
}

func (h *half) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.change.Broadcast()
}

func (h *half) until(at time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
	h.late = false
	if at.IsZero() {
		return nil
	}
	wait := time.Until(at)
	if h.late = wait <= 0; h.late {
		h.change.Broadcast()
		return nil
	}
	var mine *time.Timer
	mine = time.AfterFunc(wait, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.timer == mine {
			h.late = true
			h.change.Broadcast()
		}
	})
	h.timer = mine
	return nil
}
