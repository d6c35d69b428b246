package netwatch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mailcrane/queue"
)

// A provider's port 80 leads to its webmail, which is of another house. Its mail
// server was down, and was tried each second and a half, and people were sent to log
// in there.
func TestAServersOwnPageIsNoPortals(t *testing.T) {
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate()) // for example.com
	const webmail = "HTTP/1.1 302 x\r\nLocation: https://webmail.example.net/login/\r\n\r\n"
	for _, c := range []struct {
		reason  string
		host    string
		secure  bool // somebody answers to https
		captive bool
	}{
		{"the server shows its certificate", "example.com", true, false},
		{"somebody else's certificate is shown", "mail.example.org", true, true},
		{"nothing answers to https", "example.com", false, true},
		{"without TLS it may be heard", "example.com", true, true},
	} {
		h := &hotel{says: webmail}
		bare := strings.HasPrefix(c.reason, "without")
		asked := 0
		o := Options{
			Roots: roots, Server: func(queue.Route) Server { return Server{Host: c.host, Bare: bare} },
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				if !strings.HasSuffix(address, ":443") || !c.secure {
					return h.dial(ctx, network, address)
				}
				asked++
				ours, theirs := net.Pipe()
				go func() {
					defer theirs.Close()
					tls.Server(theirs, &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}).HandshakeContext(ctx)
				}()
				return ours, nil
			},
		}
		scripted(t, o, func(t *testing.T, s *script, w *Watcher) {
			s.happen(atHome(), nil)
			pass(time.Second)
			changed(w)
			for range 3 {
				if fault := try(t, w, "work", fails(queue.StepConnect, nil)); fault.Captive != c.captive {
					t.Errorf("%s: %+v", c.reason, fault)
				}
				pass(time.Second)
			}
			if asked > 1 || bare && asked > 0 {
				t.Errorf("%s: asked for a certificate %d times", c.reason, asked)
			}
			if changed(w) {
				t.Errorf("%s: a change, with which all would be tried again", c.reason)
			}
		})
	}
}
