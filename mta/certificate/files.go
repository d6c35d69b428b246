package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta/safefile"
)

// mostFile bounds a file of certificates, in octets; mostAuthorities the files
// of a directory of them.
const (
	mostFile        = 8 << 20
	mostAuthorities = 4096
)

// files are what the configuration names, read.
type files struct {
	certificates []tls.Certificate
	// roots are the authorities of clients; told are those of them that clients
	// hear of, without the directory's, whose names would fill the handshake.
	roots, told *x509.CertPool
	revoked     []*x509.RevocationList
}

// paths are all files whose change counts.
func (s *Store) paths() []string {
	paths := append(config.PathsOf(s.settings.Cert), config.PathsOf(s.settings.Key)...)
	for _, path := range []string{s.settings.CA, s.settings.CAPath, s.settings.CRL} {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

func (s *Store) read() (*files, error) {
	f := &files{}
	certs, keys := config.PathsOf(s.settings.Cert), config.PathsOf(s.settings.Key)
	if len(keys) == 0 {
		keys = certs
	}
	if len(keys) != len(certs) {
		return nil, sysexits.Errorf(sysexits.Config, "name as many files in mta.tls.key as in mta.tls.cert, in the same order",
			"there are %d certificates and %d keys", len(certs), len(keys))
	}
	for i, path := range certs {
		c, err := s.pair(path, keys[i])
		if err != nil {
			return nil, err
		}
		f.certificates = append(f.certificates, c)
	}
	return f, s.authorities(f)
}

// pair reads a certificate and its key. No error shows any of the key.
func (s *Store) pair(cert, key string) (tls.Certificate, error) {
	chain, err := s.content(safefile.Certificate, cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	secret, err := s.content(safefile.Key, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(chain, secret)
	if err != nil {
		return tls.Certificate{}, sysexits.Errorf(sysexits.Config, "look at both with: openssl x509 -in "+cert+" -noout -subject; openssl pkey -in "+key+" -noout",
			"%s and %s are no certificate and its key: %w", cert, key, err)
	}
	if until := pair.Leaf.NotAfter; s.now().After(until) {
		s.log.Warn("certificate: this one is over", "file", cert, "since", until, "next", "put the new one there; it is read by itself")
	}
	return pair, nil
}

func (s *Store) content(kind safefile.Kind, path string) ([]byte, error) {
	in, err := s.rules.Open(kind, path)
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Config, mend(err), "%s cannot be used for TLS: %w", path, err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, mostFile+1))
	if err == nil && len(text) > mostFile {
		err = fmt.Errorf("it has more than %d octets", mostFile)
	}
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Config, "", "%s cannot be read: %w", path, err)
	}
	return text, nil
}

// mend is what the error itself knows to do, or where to look.
func mend(err error) string {
	if hint := sysexits.Hint(err); hint != "" {
		return hint
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "put it there, or name another in [mta.tls]"
	}
	return "" // what is unsafe says how that is mended
}

// authorities reads those of clients, and what they have revoked.
func (s *Store) authorities(f *files) error {
	if s.settings.CA != "" {
		text, err := s.content(safefile.Certificate, s.settings.CA)
		if err != nil {
			return err
		}
		f.roots, f.told = x509.NewCertPool(), x509.NewCertPool()
		if !f.roots.AppendCertsFromPEM(text) {
			return sysexits.Errorf(sysexits.Config, "put certificates in PEM there", "%s, of mta.tls.ca, has no certificate", s.settings.CA)
		}
		f.told.AppendCertsFromPEM(text)
	}
	if err := s.directory(f); err != nil {
		return err
	}
	return s.revocations(f)
}

func (s *Store) directory(f *files) error {
	if s.settings.CAPath == "" {
		return nil
	}
	entries, err := os.ReadDir(s.settings.CAPath)
	if err != nil {
		return sysexits.Errorf(sysexits.Config, "name another in mta.tls.ca_path", "the directory of authorities cannot be read: %w", err)
	}
	if f.roots == nil {
		f.roots = x509.NewCertPool()
	}
	for _, e := range entries[:min(len(entries), mostAuthorities)] {
		path := filepath.Join(s.settings.CAPath, e.Name())
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			continue
		}
		text, err := s.content(safefile.Certificate, path)
		if err != nil {
			s.log.Warn("certificate: an authority is left out", "file", path, "reason", err)
			continue
		}
		f.roots.AppendCertsFromPEM(text)
	}
	return nil
}

func (s *Store) revocations(f *files) error {
	if s.settings.CRL == "" {
		return nil
	}
	text, err := s.content(safefile.Certificate, s.settings.CRL)
	if err != nil {
		return err
	}
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return sysexits.Errorf(sysexits.Config, "put lists in PEM there", "%s, of mta.tls.crl: %w", s.settings.CRL, err)
		}
		f.revoked = append(f.revoked, list)
	}
	if len(f.revoked) == 0 {
		return sysexits.Errorf(sysexits.Config, "put lists in PEM there", "%s, of mta.tls.crl, has no list: %w", s.settings.CRL, errors.New("no PEM"))
	}
	return nil
}
