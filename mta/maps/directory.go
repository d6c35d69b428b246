package maps

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// scopeOf is a scope of a search by its name in RFC 4516 section 2.
func scopeOf(name string) (scope int, ok bool) {
	switch name {
	case "", "sub":
		return ldap.ScopeWholeSubtree, true
	case "one":
		return ldap.ScopeSingleLevel, true
	case "base":
		return ldap.ScopeBaseObject, true
	}
	return 0, false
}

// directory asks an LDAP server. References to other servers are not followed.
type directory struct {
	d     *definition
	login login

	mu   sync.Mutex
	idle []*held
	over bool
}

// held is a connection that nobody uses just now, until its timer ends it.
type held struct {
	conn  *ldap.Conn
	timer *time.Timer
}

func openDirectory(d *definition, o Options) asker {
	return &directory{d: d, login: newLogin(d, o)}
}

func (l *directory) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	for _, h := range l.idle {
		h.timer.Stop()
		_ = h.conn.Close()
	}
	l.idle = nil
}

// ask takes a connection that is there, or makes one. The server may have ended
// the one that was there, so another is made then.
func (l *directory) ask(ctx context.Context, key string) ([]string, error) {
	if conn := l.take(); conn != nil {
		values, err := l.search(ctx, conn, key)
		if err == nil || !ldap.IsErrorWithCode(err, ldap.ErrorNetwork) || ctx.Err() != nil {
			return values, err
		}
	}
	conn, err := l.connect(ctx)
	if err != nil {
		return nil, err
	}
	return l.search(ctx, conn, key)
}

// search asks, and keeps the connection where it is still good.
func (l *directory) search(ctx context.Context, conn *ldap.Conn, key string) ([]string, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	scope, _ := scopeOf(l.d.Scope)
	result, err := conn.Search(ldap.NewSearchRequest(l.d.Base, scope, ldap.NeverDerefAliases,
		mostValues, int(l.d.timeout/time.Second), false, filterFor(l.d.Filter, key), []string{l.d.Attribute}, nil))
	answer, ok := errors.AsType[*ldap.Error](err)
	answered := ok && answer.ResultCode < ldap.ErrorNetwork
	if stop() && (err == nil || answered) {
		l.keep(conn)
	} else {
		_ = conn.Close()
	}
	if answered {
		return nil, errAnswer{err}
	}
	if err != nil {
		return nil, err
	}
	var values []string
	size := 0
	for _, e := range result.Entries {
		for _, v := range e.GetEqualFoldAttributeValues(l.d.Attribute) {
			if size += len(v); len(values) == mostValues || size > mostValue {
				return nil, errAnswer{fmt.Errorf("the directory gives more than %d values or %d octets", mostValues, mostValue)}
			}
			values = append(values, v)
		}
	}
	return values, nil
}

func (l *directory) take() *ldap.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := len(l.idle) - 1; n >= 0; n-- {
		h := l.idle[n]
		l.idle = l.idle[:n]
		if h.timer.Stop() && !h.conn.IsClosing() {
			return h.conn
		}
		_ = h.conn.Close()
	}
	return nil
}

func (l *directory) keep(conn *ldap.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || conn.IsClosing() {
		_ = conn.Close()
		return
	}
	// take finds out that it has ended.
	l.idle = append(l.idle, &held{conn, time.AfterFunc(idleFor, func() { _ = conn.Close() })})
}

// connect logs in. No password goes out before the server's certificate is
// verified.
func (l *directory) connect(ctx context.Context) (*ldap.Conn, error) {
	u, err := url.Parse(l.d.URL)
	if err != nil {
		return nil, err
	}
	network, address, host := "tcp", u.Host, u.Hostname()
	switch {
	case u.Scheme == "ldapi":
		network, address = "unix", u.Path
	case u.Port() == "" && u.Scheme == "ldaps":
		address = net.JoinHostPort(host, ldap.DefaultLdapsPort)
	case u.Port() == "":
		address = net.JoinHostPort(host, ldap.DefaultLdapPort)
	}
	secure, err := l.login.tls(host)
	if err != nil {
		return nil, err
	}
	raw, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	if u.Scheme == "ldaps" {
		// Left to the first read, what is wrong with the certificate would be lost
		// where a write finds the connection closed before.
		safe := tls.Client(raw, secure)
		if err := safe.HandshakeContext(ctx); err != nil {
			stop()
			_ = raw.Close() // nothing was said on it
			return nil, fmt.Errorf("TLS: %w", err)
		}
		raw = safe
	}
	conn := ldap.NewConn(raw, u.Scheme == "ldaps")
	conn.SetTimeout(l.d.timeout)
	conn.Start()
	err = l.enter(ctx, conn, secure, u.Scheme)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func (l *directory) enter(ctx context.Context, conn *ldap.Conn, secure *tls.Config, scheme string) error {
	if secure != nil && scheme == "ldap" {
		if err := conn.StartTLS(secure); err != nil {
			return fmt.Errorf("STARTTLS: %w", err)
		}
	}
	if l.d.User == "" {
		return nil
	}
	password, err := l.login.password(ctx)
	if err != nil {
		return err
	}
	if err := conn.Bind(l.d.User, password); err != nil {
		return fmt.Errorf("logging in as %s: %w", l.d.User, err)
	}
	return nil
}
