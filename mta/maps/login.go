package maps

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta/safefile"
	"mailcrane/smarthost/secret"
)

// login is how a connection to a database is made safe. Password and authorities
// are read for each, so that they may change.
type login struct {
	d      *definition
	rules  safefile.Rules
	source secret.Source // nil for none
}

func newLogin(d *definition, o Options) login {
	l := login{d: d, rules: o.Rules}
	if d.secret.Kind == "" {
		return l
	}
	getenv := o.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	l.source = secret.New(&config.Account{Name: d.User, User: d.User, Secret: d.secret}, getenv)
	return l
}

func (l login) password(ctx context.Context) (string, error) {
	if l.source == nil {
		return "", nil
	}
	v, err := l.source.Read(ctx)
	if wrong, ok := errors.AsType[*sysexits.Error](err); ok && wrong.Hint != "" {
		return "", fmt.Errorf("%w; %s", err, wrong.Hint)
	}
	return string(v.Reveal()), err
}

// mostCA bounds a file of authorities.
const mostCA = 4 << 20

// tls is nil where nothing is encrypted.
func (l login) tls(host string) (*tls.Config, error) {
	if !l.d.encrypts {
		return nil, nil //nolint:nilnil // there is none
	}
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if l.d.CA == "" {
		return c, nil
	}
	in, err := l.rules.Open(safefile.Certificate, l.d.CA)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, mostCA))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", l.d.CA, err)
	}
	if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("there is no certificate in %s: it has to be PEM", l.d.CA)
	}
	return c, nil
}
