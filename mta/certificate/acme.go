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
	// renewal is how often certificates are looked at.
	renewal time.Duration
	close   func()
}

// startACME binds the listener of the challenge, so that a later change of user
// does not matter, and lets the certificates be fetched and renewed.
func startACME(ctx context.Context, c *config.Config, rules safefile.Rules, log *slog.Logger, renewal time.Duration) (*acme, error) {
	settings := &c.MTA.TLS.ACME
	if !settings.Agree {
		return nil, sysexits.Errorf(sysexits.Config, "read its terms, and set agree = true in [mta.tls.acme]",
			"the authority %s gives no certificate to who has not agreed to its terms", settings.Directory)
	}
	a := &acme{names: namesOf(c), renewal: renewal}
	if !strings.Contains(a.names[0], ".") {
		return nil, sysexits.Errorf(sysexits.Config, "set names in [mta.tls.acme], or hostname in [mta]", "there is no name with a dot in it to get a certificate for")
	}
	storage, err := storageOf(c)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", challengeAddress(settings))
	if err != nil {
		return nil, sysexits.Errorf(sysexits.OSErr, "stop what listens there, or set listen in [mta.tls.acme]", "the challenge of ACME cannot be answered: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	issuer, err := a.prepare(settings, storage, listener, rules, log)
	if err != nil {
		cancel()
		listener.Close()
		return nil, err
	}
	stop := a.answer(listener, settings.Challenge, issuer)
	a.close = func() { cancel(); stop(); a.cache.Stop() }
	if err := a.magic.ManageAsync(ctx, a.names); err != nil {
		a.close()
		return nil, sysexits.Errorf(sysexits.Config, "look at [mta.tls.acme]", "no certificate can be fetched: %w", err)
	}
	return a, nil
}

// prepare sets certmagic up; nothing of its own package-wide state is used.
func (a *acme) prepare(settings *config.ACME, storage string, listener net.Listener, rules safefile.Rules, log *slog.Logger) (*certmagic.ACMEIssuer, error) {
	roots, err := directoryRoots(settings, rules)
	if err != nil {
		return nil, err
	}
	logger := zap.New(slogCore{log.With("part", "acme")})
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return a.magic, nil },
		RenewCheckInterval: a.renewal, Logger: logger,
	})
	a.magic = certmagic.New(a.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: storage}, Logger: logger, DefaultServerName: a.names[0], FallbackServerName: a.names[0],
	})
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	byTLS := settings.Challenge == tlsALPN
	issuer := certmagic.NewACMEIssuer(a.magic, certmagic.ACMEIssuer{
		CA: settings.Directory, Email: settings.Email, Agreed: settings.Agree, TrustedRoots: roots,
		DisableHTTPChallenge: byTLS, DisableTLSALPNChallenge: !byTLS,
		ListenHost: host, AltHTTPPort: number, AltTLSALPNPort: number, Logger: logger,
	})
	a.magic.Issuers = []certmagic.Issuer{issuer}
	return issuer, nil
}

// answer serves the challenge, and nothing else.
func (a *acme) answer(listener net.Listener, challenge string, issuer *certmagic.ACMEIssuer) (stop func()) {
	server := &http.Server{
		Handler:           issuer.HTTPChallengeHandler(http.NotFoundHandler()),
		ReadHeaderTimeout: challengeTime, ReadTimeout: challengeTime, WriteTimeout: challengeTime, IdleTimeout: challengeTime,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	if challenge == tlsALPN {
		listener = tls.NewListener(listener, &tls.Config{
			MinVersion: tls.VersionTLS12, GetCertificate: a.magic.GetCertificate, NextProtos: []string{"acme-tls/1"},
		})
	}
	go server.Serve(listener) //nolint:errcheck // it ends by Close
	return func() { server.Close() }
}

const maxHeader = 8 << 10

func challengeAddress(settings *config.ACME) string {
	standard := ":80"
	if settings.Challenge == tlsALPN {
		standard = ":443"
	}
	return cmp.Or(settings.Listen, standard)
}

func storageOf(c *config.Config) (string, error) {
	dir := c.MTA.TLS.ACME.Storage
	if dir == "" && len(c.Spools) > 0 {
		dir = filepath.Join(filepath.Dir(c.Spools[0]), "certificates")
	}
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
