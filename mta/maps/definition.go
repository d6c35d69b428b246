package maps

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"mailcrane/internal/config"
	"mailcrane/internal/visible"
)

// The bounds of a definition.
const (
	maxDefinition = 64 << 10
	usualTimeout  = 5 * time.Second
	mostTimeout   = time.Minute
)

// A definition says where a database is, and what it is asked.
type definition struct {
	// Database is a file of SQLite, or the name of a database of PostgreSQL.
	Database string `toml:"database"`
	// Query is SQL with one parameter: ? for SQLite, $1 for PostgreSQL.
	Query string `toml:"query"`
	// Host is a name, an address, or the directory of a Unix socket.
	Host string `toml:"host"`
	Port int    `toml:"port"`

	// URL is ldap://, ldaps:// or ldapi://.
	URL   string `toml:"url"`
	Base  string `toml:"base"`
	Scope string `toml:"scope"`
	// Filter has %s where the key is to stand.
	Filter    string `toml:"filter"`
	Attribute string `toml:"attribute"`

	User string `toml:"user"`
	// Password is file:PATH or credential:NAME.
	Password string `toml:"password"`
	// TLS is required or none; "" is required but for this machine.
	TLS string `toml:"tls"`
	CA  string `toml:"ca"`
	// Separator stands between several values of a key; nil lets there be one.
	Separator *string `toml:"separator"`
	Timeout   string  `toml:"timeout"`
	// Deferred says that it is asked in delivery mode d too; nil is yes.
	Deferred *bool `toml:"deferred"`

	kind    string
	timeout time.Duration
	// secret is Password, and encrypts what TLS comes to.
	secret   config.Secret
	encrypts bool
}

// The kinds of databases.
const (
	sqliteKind   = "sqlite"
	postgresKind = "postgres"
	ldapKind     = "ldap"
)

// keysOf are the keys that mean something for a kind.
func keysOf(kind string) []string {
	common := []string{"timeout", "deferred", "separator"}
	if kind == sqliteKind {
		return append(common, "database", "query")
	}
	common = append(common, "user", "password", "tls", "ca")
	if kind == postgresKind {
		return append(common, "database", "query", "host", "port")
	}
	return append(common, "url", "base", "scope", "filter", "attribute")
}

// readDefinition reads the file of a database. An error names file and line.
func readDefinition(kind, name string, in io.Reader) (*definition, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxDefinition+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(text) > maxDefinition {
		return nil, fmt.Errorf("%s is larger than %d octets", name, maxDefinition)
	}
	d := &definition{kind: kind, timeout: usualTimeout}
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(d); err != nil {
		return nil, explained(kind, name, err)
	}
	if key, wrong := d.check(); wrong != nil {
		return nil, fmt.Errorf("%s:%d: %s: %w", name, lineOf(text, key), key, wrong)
	}
	return d, nil
}

// explained is an error of the TOML reader with file and line, each unknown key
// with the one that may have been meant.
func explained(kind, name string, err error) error {
	known := keysOf(kind)
	if missing, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		var all []error
		for _, e := range missing.Errors {
			row, _ := e.Position()
			key := strings.Join(e.Key(), ".")
			all = append(all, fmt.Errorf("%s:%d: %s is no key of a map of %s%s", name, row, visible.Line(key, mostShown), kind, config.DidYouMean(key, known...)))
		}
		return errors.Join(all...)
	}
	if wrong, ok := errors.AsType[*toml.DecodeError](err); ok {
		row, _ := wrong.Position()
		return fmt.Errorf("%s:%d: %w", name, row, wrong)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// mostShown is how much of a text from outside stands in an error.
const mostShown = 100

// lineOf is the line in which a key stands, 1 where it does not.
func lineOf(text []byte, key string) int {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		name, _, ok := bytes.Cut(line, []byte("="))
		if ok && strings.Trim(string(name), " \t\"'") == key {
			return n
		}
	}
	return 1
}

// check says which key is wrong, and why.
func (d *definition) check() (key string, wrong error) {
	if key = d.foreign(); key != "" {
		return key, fmt.Errorf("it means nothing for a map of %s", d.kind)
	}
	if d.Timeout != "" {
		t, err := time.ParseDuration(d.Timeout)
		if err != nil || t <= 0 || t > mostTimeout {
			return "timeout", fmt.Errorf("write a time of at most %s, as \"5s\"", mostTimeout)
		}
		d.timeout = t
	}
	if key, wrong = d.login(); wrong != nil {
		return key, wrong
	}
	switch d.kind {
	case sqliteKind:
		return d.sqlite()
	case postgresKind:
		return d.postgres()
	}
	return d.ldap()
}

// foreign is a key that is set and belongs to another kind.
func (d *definition) foreign() string {
	v, known := reflect.ValueOf(*d), keysOf(d.kind)
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("toml")
		if key != "" && !v.Field(i).IsZero() && !slices.Contains(known, key) {
			return key
		}
	}
	return ""
}

func (d *definition) login() (key string, wrong error) {
	switch d.TLS {
	case "", "required", "none":
	default:
		return "tls", errors.New(`write "required", or "none" for a connection that nobody can listen to`)
	}
	if d.Password != "" {
		kind, value, _ := strings.Cut(d.Password, ":")
		switch {
		case value == "" || kind != "file" && kind != "credential":
			return "password", errors.New(`write where it is: "file:/PATH" (mode 0600) or "credential:NAME" (systemd); the password itself does not stand here`)
		case kind == "credential" && (strings.ContainsAny(value, "/\x00") || value == "." || value == ".."):
			return "password", errors.New("a credential is named by a plain name without slashes")
		case kind == "file" && !filepath.IsAbs(value):
			return "password", errors.New("write the whole path of the file")
		case d.User == "":
			return "user", errors.New("there is a password, and nobody whose it is")
		}
		d.secret = config.Secret{Kind: kind, Value: value}
	}
	if d.CA != "" && !filepath.IsAbs(d.CA) {
		return "ca", errors.New("write the whole path of the file")
	}
	return "", nil
}

func (d *definition) sqlite() (key string, wrong error) {
	if !filepath.IsAbs(d.Database) {
		return "database", errors.New("write the whole path of the SQLite file")
	}
	if !strings.Contains(d.Query, "?") {
		return "query", errors.New("there is no ? in it, where the key would stand: SELECT value FROM map WHERE key = ?")
	}
	return "", nil
}

func (d *definition) postgres() (key string, wrong error) {
	switch {
	case d.Database == "":
		return "database", errors.New("write the name of the database")
	case !strings.Contains(d.Query, "$1"):
		return "query", errors.New("there is no $1 in it, where the key would stand: SELECT value FROM map WHERE key = $1")
	case d.Host == "":
		return "host", errors.New("write where PostgreSQL is: a name, an address, or the directory of its socket, as /run/postgresql")
	case d.User == "":
		return "user", errors.New("write the role to log in as")
	case d.Port < 0 || d.Port > 65535:
		return "port", errors.New("it is not between 1 and 65535")
	}
	d.encrypts = d.TLS == "required" || d.TLS == "" && !here(d.Host)
	if d.encrypts && strings.HasPrefix(d.Host, "/") {
		return "tls", errors.New("PostgreSQL has no TLS over a Unix socket")
	}
	return "", nil
}

func (d *definition) ldap() (key string, wrong error) {
	if key, wrong = d.server(); wrong != nil {
		return key, wrong
	}
	if d.User != "" && d.Password == "" {
		return "password", errors.New("write where the password of the user is: a server takes a log-in without one for nobody's (RFC 4513 section 5.1.2)")
	}
	if _, ok := scopeOf(d.Scope); !ok {
		return "scope", errors.New("it is sub (the usual), one or base")
	}
	if d.Attribute == "" {
		return "attribute", errors.New("write which attribute holds the value")
	}
	if err := checkFilter(d.Filter); err != nil {
		return "filter", err
	}
	return "", nil
}

// server looks at the URL of a directory.
func (d *definition) server() (key string, wrong error) {
	u, err := url.Parse(d.URL)
	if err != nil || u.Scheme != "ldap" && u.Scheme != "ldaps" && u.Scheme != "ldapi" || (u.Host == "") != (u.Scheme == "ldapi") {
		return "url", errors.New("write ldap://HOST (STARTTLS), ldaps://HOST, or ldapi:///run/slapd/ldapi for a Unix socket")
	}
	switch {
	case u.User != nil || u.RawQuery != "" || u.Scheme != "ldapi" && u.Path != "" && u.Path != "/":
		return "url", errors.New("write scheme, host and port alone; base, filter and user are keys of their own")
	case u.Scheme == "ldaps" && d.TLS == "none":
		return "tls", errors.New("ldaps is TLS; write ldap:// to go without")
	case u.Scheme == "ldapi" && d.TLS == "required":
		return "tls", errors.New("nobody can listen to a Unix socket; leave it out")
	}
	d.encrypts = u.Scheme == "ldaps" || u.Scheme == "ldap" && (d.TLS == "required" || d.TLS == "" && !here(u.Hostname()))
	return "", nil
}

// here says that a host is this machine.
func here(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || strings.HasPrefix(host, "/") || strings.EqualFold(host, "localhost")
}
