package discover

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
)

// A world is what a Finder of a test can ask: a name server, and a web server
// that has pages by host and path.
type world struct {
	names *lab.Names
	pages map[string]func(http.ResponseWriter, *http.Request)
	// open are the servers that take a connection, and probes why others do not.
	open   map[string]bool
	probes error
	// web is why no web server can be reached, or nil.
	web error

	mu      sync.Mutex
	fetched []string
	finder  Finder
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		names: lab.ServeNames(t, "127.0.0.1:0"),
		pages: make(map[string]func(http.ResponseWriter, *http.Request)), open: make(map[string]bool),
	}
	server := httptest.NewTLSServer(http.HandlerFunc(w.serve))
	t.Cleanup(server.Close)
	client := server.Client()
	transport := client.Transport.(*http.Transport)
	// The server's certificate is for example.com; here it is whoever has a page.
	transport.TLSClientConfig = transport.TLSClientConfig.Clone()
	transport.TLSClientConfig.ServerName = "example.com"
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		if w.web != nil {
			return nil, w.web
		}
		if !w.hasHost(host) {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	w.finder = Finder{Resolver: w.names.Resolver(), HTTP: client, Probe: w.probe}
	return w
}

func (w *world) hasHost(host string) bool {
	for page := range w.pages {
		if strings.HasPrefix(page, host+"/") {
			return true
		}
	}
	return false
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.fetched = append(w.fetched, r.Host+r.URL.RequestURI()+" "+r.Referer())
	w.mu.Unlock()
	if page := w.pages[r.Host+r.URL.Path]; page != nil {
		page(rw, r)
		return
	}
	http.NotFound(rw, r)
}

func (w *world) probe(_ context.Context, server config.Smarthost) error {
	switch {
	case w.open[server.String()]:
		return nil
	case w.probes != nil:
		return w.probes
	}
	return fmt.Errorf("dial: %w", syscall.ECONNREFUSED)
}

// page is an autoconfig document with the servers.
func page(servers ...string) func(http.ResponseWriter, *http.Request) {
	return func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(rw, document(servers...))
	}
}

func status(code int) func(http.ResponseWriter, *http.Request) {
	return func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(code) }
}

func redirect(to string) func(http.ResponseWriter, *http.Request) {
	return func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, to, http.StatusFound) }
}

func document(servers ...string) string {
	return `<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="example.org"><displayName>Example</displayName>` +
		strings.Join(servers, "") + `</emailProvider></clientConfig>`
}

func server(host, port, socket, user, auth string) string {
	return fmt.Sprintf(`<outgoingServer type="smtp"><hostname>%s</hostname><port>%s</port><socketType>%s</socketType><username>%s</username><authentication>%s</authentication></outgoingServer>`,
		host, port, socket, user, auth)
}

var wrongCertificate = &tls.CertificateVerificationError{Err: fmt.Errorf("x509: certificate is valid for portal.test")}

// failsByName is a web that cannot be reached since no name is looked up.
func (w *world) failsByName() error {
	return &net.DNSError{Err: "server misbehaving", Name: "x", IsTemporary: true}
}
