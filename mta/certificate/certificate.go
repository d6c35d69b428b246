// Package certificate is the server's TLS: its certificates, from files or by
// ACME, read anew when they change; the ciphers; and what a client's certificate
// is worth.
package certificate

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/logbook"
	"mailcrane/internal/sysexits"
	"mailcrane/mta/safefile"
)

// lookEvery is how often the files are looked at, when somebody wants TLS.
const lookEvery = time.Second

// A Store is the certificates of a server. Its methods are safe for use by
// several goroutines; a nil Store has none.
type Store struct {
	settings config.ServerTLS
	names    []string // those of ACME
	rules    safefile.Rules
	log      *slog.Logger
	now      func() time.Time
	suites   []uint16
	acme     *acme

	mu     sync.Mutex
	before *Store // until Begin
	stage  stage
	files  *files
	stamp  safefile.Stamp
	looked time.Time
}

// A stage is how far a Store is with its ACME.
type stage uint8

const (
	ready stage = iota
	begun
	over // it has ended, or is another Store's
)

// New reads the certificates of the configuration, and binds the listener of ACME;
// nil where it has none of either. Nothing is fetched until Begin. before is the
// Store until now, or nil: what its ACME has is taken over at Begin, and as long
// as that is not called it goes on. The Store ends with ctx. An error is one of
// sysexits.
func New(ctx context.Context, c *config.Config, rules safefile.Rules, log *slog.Logger, now func() time.Time, before *Store) (*Store, error) {
	return newStore(ctx, c, rules, log, now, before, renewEvery)
}

func newStore(ctx context.Context, c *config.Config, rules safefile.Rules, log *slog.Logger, now func() time.Time, before *Store, renewal time.Duration) (*Store, error) {
	s := &Store{settings: c.MTA.TLS, rules: rules, log: log, now: now, looked: now()}
	if s.settings.Cert == "" && s.settings.ACME.Directory == "" {
		return nil, nil //nolint:nilnil // there is no TLS
	}
	s.suites = suitesOf(s.settings.Ciphers, log)
	s.stamp = safefile.Look(s.paths()...)
	files, err := s.read()
	if err != nil {
		return nil, err
	}
	s.files = files
	if s.settings.ACME.Directory == "" {
		return s, nil
	}
	s.names = namesOf(c)
	if s.acme = before.same(s); s.acme == nil {
		if s.acme, err = newACME(c, rules, log, renewal, before.listening()); err != nil {
			return nil, err
		}
	}
	s.before = before
	context.AfterFunc(ctx, s.Close)
	return s, nil
}

// same is the ACME of a Store, where that is what another wants too; else nil.
func (s *Store) same(other *Store) *acme {
	if s == nil || !reflect.DeepEqual(s.settings.ACME, other.settings.ACME) || !slices.Equal(s.names, other.names) {
		return nil
	}
	return s.acme
}

// listening is the ACME whose listener a successor may take over, or nil.
func (s *Store) listening() *acme {
	if s == nil {
		return nil
	}
	return s.acme
}

// Begin takes over from the Store before, and has the certificates of ACME fetched
// and renewed from now on. The process must be the user by then that it is to
// stay, since what it stores must be its own.
func (s *Store) Begin() {
	if s == nil || s.acme == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.before
	s.before, s.stage = nil, begun
	if was := before.leave(); was != over && before.same(s) == nil {
		before.acme.close(s.acme.inherited)
	}
	if s.acme.stop == nil {
		s.acme.begin(s.log)
	}
}

// leave ends a Store without its ACME; it says how far that was.
func (s *Store) leave() (was stage) {
	if s == nil || s.acme == nil {
		return over
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	was, s.stage, s.before = s.stage, over, nil
	return was
}

// Close stops what ACME has under way, unless another Store goes on with it.
func (s *Store) Close() {
	if s == nil || s.acme == nil {
		return
	}
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	switch s.leave() {
	case begun:
		s.acme.close(false)
	case ready:
		if before.same(s) == nil {
			s.acme.close(s.acme.inherited)
		}
	}
}

// Offered says that there is a certificate now: with ACME it may be awaited
// still.
func (s *Store) Offered() bool {
	return s != nil && (len(s.current().certificates) > 0 || s.acme != nil && s.acme.ready())
}

// Reload reads the files again, as SIGHUP wants it; an error has been logged
// too, and the certificates before it are kept.
func (s *Store) Reload() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stamp, s.looked = safefile.Look(s.paths()...), s.now()
	return s.reread()
}

func (s *Store) reread() error {
	files, err := s.read()
	if err != nil {
		logbook.Line(s.log, logbook.Serious, "certificate: the one before is kept: "+err.Error(), slog.String("next", sysexits.Hint(err)))
		return err
	}
	s.files = files
	s.log.Info("certificates read", "number", len(files.certificates))
	return nil
}

// current is the files as they are now; as they were, where they cannot be read.
func (s *Store) current() *files {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Sub(s.looked) < lookEvery {
		return s.files
	}
	s.looked = now
	if stamp := safefile.Look(s.paths()...); !stamp.Same(s.stamp) {
		s.stamp = stamp
		s.reread() //nolint:errcheck // it was logged
	}
	return s.files
}

// Ends is when each certificate ends, by its file, or for one of ACME by its name.
func (s *Store) Ends() map[string]time.Time {
	ends := make(map[string]time.Time)
	if s == nil {
		return ends
	}
	paths := config.PathsOf(s.settings.Cert)
	for i, c := range s.current().certificates {
		if c.Leaf != nil && i < len(paths) {
			ends[paths[i]] = c.Leaf.NotAfter
		}
	}
	if s.acme == nil {
		return ends
	}
	for _, name := range s.acme.names {
		for _, c := range s.acme.cache.AllMatchingCertificates(name) {
			if c.Leaf != nil {
				ends["acme:"+name] = c.Leaf.NotAfter
			}
		}
	}
	return ends
}

// Requests says whether clients are asked for a certificate where the access
// map does not say.
func (s *Store) Requests() bool { return s != nil && !s.settings.NoClientCertificate() }

// Config is the TLS of a handshake that is about to begin; request asks the
// client for a certificate, which it need not have.
func (s *Store) Config(request bool) *tls.Config {
	files := s.current()
	oldest, newest := s.settings.Protocols()
	c := &tls.Config{
		MinVersion: tls.VersionTLS10 + uint16(oldest), MaxVersion: tls.VersionTLS10 + uint16(newest), //nolint:gosec // 0 to 3
		CipherSuites: s.suites,
		// A large provider cannot deliver to a port 25 that resumes sessions.
		SessionTicketsDisabled: true,
		GetCertificate:         func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return s.choose(files, hello) },
		Time:                   s.now,
	}
	if request {
		// Not verified by the handshake, which would end: a client whose
		// certificate is no good is served like one without.
		c.ClientAuth, c.ClientCAs = tls.RequestClientCert, files.told
	}
	return c
}

var errNone = errors.New("there is no certificate yet")

// choose is the certificate for the name that the client asks for; the first
// one for a client that asks for none, or for another.
func (s *Store) choose(files *files, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	for i := range files.certificates {
		if hello.SupportsCertificate(&files.certificates[i]) == nil {
			return &files.certificates[i], nil
		}
	}
	if s.acme != nil {
		if found, err := s.acme.choose(hello); err == nil || len(files.certificates) == 0 {
			return found, err
		}
	}
	if len(files.certificates) == 0 {
		return nil, errNone
	}
	// By the algorithm at least.
	under := *hello
	under.ServerName = ""
	for i := range files.certificates {
		if under.SupportsCertificate(&files.certificates[i]) == nil {
			return &files.certificates[i], nil
		}
	}
	return &files.certificates[0], nil
}

// namesOf are those that ACME is asked for: the server's own where none is set.
func namesOf(c *config.Config) []string {
	if names := c.MTA.TLS.ACME.Names; len(names) > 0 {
		return names
	}
	return []string{cmp.Or(c.MTA.Hostname, c.Hostname)}
}
