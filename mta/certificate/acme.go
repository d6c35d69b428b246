package certificate

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta/safefile"
)

const (
	// renewEvery is how often certificates are looked at whether they are to be
	// renewed, which is when a third of their life is left.
	renewEvery = time.Hour
	// challengeTime bounds one question to the challenge's listener.
	challengeTime = 10 * time.Second
	tlsALPN       = "tls-alpn-01"
)

// acme gets certificates from an authority (RFC 8555), by certmagic.
type acme struct {
	magic *certmagic.Config
	cache *certmagic.Cache
	names []string
	// address is that of the challenge, as it is configured.
	address string
	// renewal is how often certificates are looked at.
	renewal   time.Duration
	issuer    *certmagic.ACMEIssuer
	challenge string
	// socket is where the challenge is answered; inherited says that it was bound
	// by the one before.
	socket    *net.TCPListener
	inherited bool
	stop      func() // nil until begin
}

// newACME binds the listener of the challenge, so that a later change of user
// does not matter, or takes that of the one before where it is at the same
// address, which may be one that only root can bind.
func newACME(c *config.Config, rules safefile.Rules, log *slog.Logger, renewal time.Duration, before *acme) (*acme, error) {
	settings := &c.MTA.TLS.ACME
	if !settings.Agree {
		return nil, sysexits.Errorf(sysexits.Config, "read its terms, and set agree = true in [mta.tls.acme]",
			"the authority %s gives no certificate to who has not agreed to its terms", settings.Directory)
	}
	a := &acme{names: namesOf(c), renewal: renewal, challenge: settings.Challenge, address: challengeAddress(settings)}
	if !strings.Contains(a.names[0], ".") {
		return nil, sysexits.Errorf(sysexits.Config, "set names in [mta.tls.acme], or hostname in [mta]", "there is no name with a dot in it to get a certificate for")
	}
	storage, err := storageOf(c)
	if err != nil {
		return nil, err
	}
	if err := a.bind(before); err != nil {
		return nil, sysexits.Errorf(sysexits.OSErr, "stop what listens there, or set listen in [mta.tls.acme]", "the challenge of ACME cannot be answered: %w", err)
	}
	if err := a.prepare(settings, storage, rules, log); err != nil {
		a.close(a.inherited)
		return nil, err
	}
	return a, nil
}

func (a *acme) bind(before *acme) error {
	if before != nil && before.address == a.address {
		a.socket, a.inherited = before.socket, true
		return nil
	}
	listener, err := net.Listen("tcp", a.address)
	if err != nil {
		return err
	}
	a.socket = listener.(*net.TCPListener) //nolint:forcetypeassert // that is what tcp has
	return nil
}

// begin answers challenges, and has certificates fetched and renewed.
func (a *acme) begin(log *slog.Logger) {
	ctx, cancel := context.WithCancel(context.Background())
	_ = a.socket.SetDeadline(time.Time{}) // the one before may have set one
	quiet := a.answer(lent{a.socket})
	a.stop = func() { cancel(); quiet() }
	if err := a.magic.ManageAsync(ctx, a.names); err != nil {
		log.Error("certificate: ACME cannot fetch any", "reason", err, "next", "look at [mta.tls.acme]")
	}
}

// close stops it; the socket is kept for the one that goes on with it.
func (a *acme) close(keep bool) {
	if a.stop != nil {
		a.stop()
	}
	if a.cache != nil {
		a.cache.Stop()
	}
	if !keep {
		_ = a.socket.Close() // it is shut whatever it says
	}
}

// lent is a listener that ends without its socket.
type lent struct{ *net.TCPListener }

func (l lent) Close() error { return l.SetDeadline(time.Unix(1, 0)) }

// prepare sets certmagic up; nothing of its own package-wide state is used.
func (a *acme) prepare(settings *config.ACME, storage string, rules safefile.Rules, log *slog.Logger) error {
	roots, err := directoryRoots(settings, rules)
	if err != nil {
		return err
	}
	logger := zap.New(slogCore{log.With("part", "acme")})
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return a.magic, nil },
		RenewCheckInterval: a.renewal, Logger: logger,
	})
	a.magic = certmagic.New(a.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: storage}, Logger: logger, DefaultServerName: a.names[0], FallbackServerName: a.names[0],
	})
	host, port, err := net.SplitHostPort(a.socket.Addr().String())
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	byTLS := settings.Challenge == tlsALPN
	a.issuer = certmagic.NewACMEIssuer(a.magic, certmagic.ACMEIssuer{
		CA: settings.Directory, Email: settings.Email, Agreed: settings.Agree, TrustedRoots: roots,
		DisableHTTPChallenge: byTLS, DisableTLSALPNChallenge: !byTLS,
		ListenHost: host, AltHTTPPort: number, AltTLSALPNPort: number, Logger: logger,
	})
	a.magic.Issuers = []certmagic.Issuer{a.issuer}
	return nil
}

// answer serves the challenge, and nothing else. stop waits until nobody listens.
func (a *acme) answer(listener net.Listener) (stop func()) {
	server := &http.Server{
		Handler:           a.issuer.HTTPChallengeHandler(http.NotFoundHandler()),
		ReadHeaderTimeout: challengeTime, ReadTimeout: challengeTime, WriteTimeout: challengeTime, IdleTimeout: challengeTime,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	if a.challenge == tlsALPN {
		listener = tls.NewListener(listener, &tls.Config{
			MinVersion: tls.VersionTLS12, GetCertificate: a.magic.GetCertificate, NextProtos: []string{"acme-tls/1"},
		})
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Serve(listener) //nolint:errcheck // it ends by Close
	}()
	return func() {
		_ = server.Close() // it has nothing to say but that it ends
		<-ended
	}
}

const maxHeader = 8 << 10

func challengeAddress(settings *config.ACME) string {
	standard := ":80"
	if settings.Challenge == tlsALPN {
		standard = ":443"
	}
	return cmp.Or(settings.Listen, standard)
}

// Storage is the directory of what ACME fetches, "" where it fetches nothing.
func Storage(c *config.Config) string {
	acme := &c.MTA.TLS.ACME
	switch {
	case acme.Directory == "":
		return ""
	case acme.Storage == "" && len(c.Spools) > 0:
		return filepath.Join(filepath.Dir(c.Spools[0]), "certificates")
	}
	return acme.Storage
}

func storageOf(c *config.Config) (string, error) {
	dir := Storage(c)
	const private = 0o700
	if err := os.MkdirAll(dir, private); err != nil {
		return "", sysexits.Errorf(sysexits.CantCreat, "set storage in [mta.tls.acme]", "there is no place for certificates: %w", err)
	}
	return dir, nil
}

// directoryRoots is what the authority's own server is checked against; nil is
// the system's.
func directoryRoots(settings *config.ACME, rules safefile.Rules) (*x509.CertPool, error) {
	if settings.CA == "" {
		return nil, nil //nolint:nilnil // the system's
	}
	in, err := rules.Open(safefile.Certificate, settings.CA)
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Config, mend(err), "ca of [mta.tls.acme] cannot be read: %w", err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, mostFile))
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		return nil, sysexits.Errorf(sysexits.Config, "put certificates in PEM there", "%s, of [mta.tls.acme], has no certificate", settings.CA)
	}
	return pool, nil
}

// choose is the certificate for a name, or that of the first name.
func (a *acme) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	under := *hello
	if !slices.Contains(a.names, strings.ToLower(hello.ServerName)) {
		under.ServerName = a.names[0]
	}
	found, err := a.magic.GetCertificate(&under)
	if err != nil {
		return nil, fmt.Errorf("ACME has not got a certificate yet: %w", err)
	}
	return found, nil
}

// ready says that the certificate of the first name is there.
func (a *acme) ready() bool { return len(a.cache.AllMatchingCertificates(a.names[0])) > 0 }
