package checkup

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// serverMode is about a machine that takes mail in from the network.
func (c *checker) serverMode(ctx context.Context) {
	m := &c.Config.MTA
	if len(m.Listeners) == 0 {
		return
	}
	if c.unit != nil && !strings.Contains(c.unit.property["ExecStart"], " mta") {
		c.tell(Finding{
			ID: "server-service", State: Warning, What: "the service runs the agent, and the configuration has listeners of a server", Why: "they came after the service was installed, and no mail comes in",
			Command: c.serviceCall("install") + " && " + c.serviceCall("restart"),
		})
	}
	for i := range m.Listeners {
		c.listener(ctx, &m.Listeners[i])
	}
	if m.TLS.Cert == "" && m.TLS.ACME.Directory == "" {
		c.tell(Finding{
			ID: "server-no-certificate", State: Note, What: "the server has no certificate, and so offers no TLS", Why: "mail comes in the clear, and nobody can log in by PLAIN",
			Mend: "set cert and key in [mta.tls], or let it come by itself with [mta.tls.acme]",
		})
	}
	for _, file := range config.PathsOf(m.TLS.Cert) {
		c.serverCertificate(file)
	}
	if c.Server == nil {
		return
	}
	c.serverMaps(ctx)
	c.serverReads(ctx)
	c.delivery(ctx)
	if !c.Offline {
		c.serverNames(ctx)
	}
}

// listener says whether anybody answers on it.
func (c *checker) listener(ctx context.Context, is *config.Listener) {
	network, address := "tcp", is.Address
	if path, unix := strings.CutPrefix(address, "unix:"); unix {
		network, address = "unix", path
	} else if host, port, err := net.SplitHostPort(address); err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
		if address = "127.0.0.1:" + port; host == "::" {
			address = "[::1]:" + port
		}
	}
	const answerTime = 2 * time.Second
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		c.tell(Finding{
			ID: "server-listener", State: Warning, What: fmt.Sprintf("nobody answers on %s, the listener %s", is.Address, is.PortName()), Why: line(err.Error()),
			Command: c.serviceCall("start"),
		})
		return
	}
	_ = conn.Close() // nothing was said on it
	c.fine("server-listener", fmt.Sprintf("%s, the listener %s, answers", is.Address, is.PortName()))
}

// serverCertificate is about the certificate that clients are shown.
func (c *checker) serverCertificate(file string) {
	end, err := CertificateEnd(filepath.Join(c.Root, file))
	f := Finding{ID: "server-certificate", State: Broken, Code: sysexits.Config, Mend: "put a new certificate there; the server reads it by itself", Why: "clients that look at it turn away"}
	switch now := c.Now(); {
	case err != nil:
		f.What, f.Why, f.Mend, f.Command = "the certificate cannot be used: "+line(err.Error()), "the server does not start without it", "", "ls -l "+shell(file)
	case now.After(end):
		f.What = fmt.Sprintf("the certificate in %s ended on %s", file, day(end))
	case now.Add(soon).After(end):
		f.State, f.Code, f.What, f.Why = Warning, 0, fmt.Sprintf("the certificate in %s ends on %s", file, day(end)), "what renews it has not done so"
	default:
		c.fine("server-certificate", fmt.Sprintf("the certificate in %s is good until %s", file, day(end)))
		return
	}
	c.tell(f)
}

// CertificateEnd is when the first certificate of a PEM file ends.
func CertificateEnd(file string) (time.Time, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}, err
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return time.Time{}, fmt.Errorf("%s: %w", file, err)
		}
		return leaf.NotAfter, nil
	}
	return time.Time{}, fmt.Errorf("no certificate is in %s", file)
}
