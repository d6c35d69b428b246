package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"mailcrane/internal/sysexits"
)

// maxFile bounds the configuration file, in octets.
const maxFile = 1 << 20

// file is mailcrane.toml as it stands, before defaults.
type file struct {
	path string
	text []byte
	at   map[string]int // where each key, and each table in its brackets, stands in text

	deliveryMode   Mode
	privacy        *bool
	hostname       string
	defaultAccount string
	directory      string
	timeout        Timeout // zero where not set
	accounts       map[string]*accountFile
	listen         []string
}

type accountFile struct {
	at         int // where it begins
	from       []string
	smarthost  Smarthost
	user, auth string
	secret     Secret
	tls        TLS
}

// where is the file and the line of an offset, which is counted from the start
// of the text and so only for an error.
func (f *file) where(at int) string {
	return fmt.Sprintf("%s:%d", f.path, 1+bytes.Count(f.text[:at], []byte("\n")))
}

// Find is the file that Load reads: flag if given, else $MAILCRANE_CONFIG,
// the user's own, the system's. named says that a person named it, so that it
// must exist.
func Find(flag string, getenv func(string) string) (path string, named bool) {
	if flag != "" {
		return flag, true
	}
	if path = getenv("MAILCRANE_CONFIG"); path != "" {
		return path, true
	}
	if home := getenv("HOME"); home != "" {
		path = filepath.Join(home, ".config/mailcrane/mailcrane.toml")
		if _, err := os.Lstat(path); err == nil {
			return path, false
		}
	}
	return "/etc/mailcrane/mailcrane.toml", false
}

// Load reads the file that Find finds. With no file and none named, all is
// default. Errors are *sysexits.Error with EX_CONFIG.
func Load(flag string, getenv func(string) string) (*Config, error) {
	path, named := Find(flag, getenv)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return build("", &file{}, getenv)
	}
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	if len(text) > maxFile {
		return nil, sysexits.Errorf(sysexits.Config, "", "configuration %s is larger than %d octets", path, maxFile)
	}
	return Parse(path, text, getenv)
}

func unreadable(path string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	return sysexits.Errorf(sysexits.Config,
		"name another file with -C FILE or --config FILE, or make this one readable",
		"cannot read the configuration %s: %w", path, err)
}

// Parse reads text as the configuration that stands in path.
func Parse(path string, text []byte, getenv func(string) string) (*Config, error) {
	raw, err := read(path, text)
	if err != nil {
		return nil, err
	}
	return build(path, raw, getenv)
}

func build(path string, raw *file, getenv func(string) string) (*Config, error) {
	home := getenv("HOME")
	c := &Config{
		Path:         path,
		DeliveryMode: DeferredRun,
		Privacy:      raw.privacy == nil || *raw.privacy,
		Hostname:     raw.hostname,
		Spool:        expandHome(raw.directory, home),
		Timeout:      raw.timeout.OrDefault(),
		Queue:        DefaultQueue(),
	}
	if raw.deliveryMode != 0 {
		c.DeliveryMode = raw.deliveryMode
	}
	if c.Spool == "" {
		c.Spool = defaultSpool(home)
	}
	if c.Spool == "" {
		return nil, sysexits.Errorf(sysexits.Config, "set HOME, or [queue] directory in the configuration",
			"there is no place for the spool: HOME is not set")
	}
	if !filepath.IsAbs(c.Spool) {
		return nil, sysexits.Errorf(sysexits.Config, "begin it with / or, where HOME is set, with ~/",
			"%s: [queue] directory %q would be another one in every folder that a program is started in", raw.where(raw.at["queue.directory"]), c.Spool)
	}
	for _, l := range raw.listen {
		if socket, ok := strings.CutPrefix(l, "unix:"); ok {
			l = "unix:" + expandHome(socket, home)
		}
		c.ListenMSP = append(c.ListenMSP, l)
	}
	for name, a := range raw.accounts {
		account, err := a.build(raw.where, name, home)
		if err != nil {
			return nil, err
		}
		c.Accounts = append(c.Accounts, account)
	}
	sort.Slice(c.Accounts, func(i, j int) bool { return c.Accounts[i].Name < c.Accounts[j].Name })
	return c, c.chooseDefault(raw)
}

// defaultSpool is below the user's state directory (XDG base directories).
func defaultSpool(home string) string {
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".local/state/mailcrane/spool")
}

// OrDefault fills in what is not set.
func (t Timeout) OrDefault() Timeout {
	d := DefaultTimeout()
	for _, pair := range [...]struct{ set, standard *time.Duration }{
		{&t.Connect, &d.Connect},
		{&t.Initial, &d.Initial},
		{&t.Helo, &d.Helo},
		{&t.StartTLS, &d.StartTLS},
		{&t.Auth, &d.Auth},
		{&t.Mail, &d.Mail},
		{&t.Rcpt, &d.Rcpt},
		{&t.DataInit, &d.DataInit},
		{&t.DataBlock, &d.DataBlock},
		{&t.DataFinal, &d.DataFinal},
		{&t.Rset, &d.Rset},
		{&t.Quit, &d.Quit},
	} {
		if *pair.set == 0 {
			*pair.set = *pair.standard
		}
	}
	return t
}

func (c *Config) chooseDefault(raw *file) error {
	name := raw.defaultAccount
	switch {
	case name == "" && len(c.Accounts) == 1:
		c.DefaultAccount = c.Accounts[0]
		return nil
	case name == "":
		return nil
	}
	if c.DefaultAccount = c.Account(name); c.DefaultAccount == nil {
		return sysexits.Errorf(sysexits.Config, fmt.Sprintf("add a table [account.%s], or name another", name),
			"%s: default_account = %q, but there is no such account", raw.where(raw.at["default_account"]), name)
	}
	return nil
}

func (raw *accountFile) build(where func(int) string, name, home string) (*Account, error) {
	bad := func(hint, format string, args ...any) error {
		return sysexits.Errorf(sysexits.Config, hint, "%s: [account.%s] %s", where(raw.at), name, fmt.Sprintf(format, args...))
	}
	a := &Account{
		Name: name, From: raw.from, Smarthost: raw.smarthost, User: raw.user, Auth: raw.auth, Secret: raw.secret,
		TLS: TLS{CA: expandHome(raw.tls.CA, home), Pin: raw.tls.Pin, Cert: expandHome(raw.tls.Cert, home), Key: expandHome(raw.tls.Key, home)},
	}
	if a.Secret.Kind == "file" {
		a.Secret.Value = expandHome(a.Secret.Value, home)
	}
	if a.Smarthost.Host == "" {
		return nil, bad(`for example: smarthost = "smtps://smtp.example.org"`, "has no smarthost")
	}
	if a.Auth == "" {
		a.Auth = "auto"
		if a.User == "" && a.TLS.Cert == "" {
			a.Auth = "none"
		}
	}
	if a.Secret.Kind == "" {
		a.Secret.Kind = "keyring"
	}
	if a.Address() == "" {
		return nil, bad(`for example: from = ["me@example.org", "*@example.org"]`,
			"does not say your own address: put it first in from")
	}
	if a.Auth != "none" && a.Auth != "external" && a.User == "" {
		return nil, bad(`add user = "…", or auth = "none" if the server wants no log-in`, "has no user to log in as")
	}
	if a.Smarthost.TLS == Insecure && a.Auth != "none" && !a.Smarthost.Loopback() {
		return nil, bad("use smtps:// or smtp://, or auth = \"none\"", "would send a password over a connection without TLS")
	}
	if (a.TLS.Cert == "") != (a.TLS.Key == "") {
		return nil, bad("give both tls.cert and tls.key", "has one of tls.cert and tls.key, and needs both")
	}
	return a, nil
}
