package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"mailcrane/internal/sysexits"
)

// maxFile bounds the configuration file, in octets.
const maxFile = 1 << 20

// file is mailcrane.toml as it stands.
type file struct {
	path string
	text []byte
	at   map[string]int // where each key, and each table in its brackets, stands in text

	config *Config           // what the keys set, over the defaults
	tables map[string]*table // by "account.NAME", "mta.listen.1" and so on
}

// A table is one of several of its kind: an account, a rule of the policy, a
// slow queue, a listener or a block list.
type table struct {
	at      int // where it begins
	name    string
	account *Account
	rule    *Rule
	slow    *SlowQueue

	listener *Listener
	dnsbl    *DNSBL
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
	if home := Home(getenv); home != "" {
		path = filepath.Join(home, ".config/mailcrane/mailcrane.toml")
		if _, err := os.Lstat(path); err == nil {
			return path, false
		}
	}
	return "/etc/mailcrane/mailcrane.toml", false
}

// Home is the directory of the person whose process this is: $HOME, or where
// Windows, which sets none, says that it is; "" where nothing says it.
func Home(getenv func(string) string) string {
	if home := getenv("HOME"); home != "" || runtime.GOOS != "windows" {
		return home
	}
	return getenv("USERPROFILE")
}

// Load reads the file that Find finds. With no file and none named, all is
// default. Errors are *sysexits.Error with EX_CONFIG.
func Load(flag string, getenv func(string) string) (*Config, error) {
	path, named := Find(flag, getenv)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return build(&file{config: defaults()}, getenv)
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
	raw, err := read(path, text, Home(getenv))
	if err != nil {
		return nil, err
	}
	raw.config.Path = path
	return build(raw, getenv)
}

// build fills in what depends on other settings, and checks what goes together.
func build(raw *file, getenv func(string) string) (*Config, error) {
	home := Home(getenv)
	c := raw.config
	c.source = raw
	if spool := defaultSpool(home); len(c.Spools) == 0 && spool != "" {
		c.Spools = Directories{spool}
	}
	if len(c.Spools) == 0 || c.Spools[0] == "" {
		return nil, sysexits.Errorf(sysexits.Config, "set HOME, or [queue] directory in the configuration",
			"there is no place for the spool: HOME is not set")
	}
	for _, dir := range c.Spools {
		if !filepath.IsAbs(dir) {
			return nil, sysexits.Errorf(sysexits.Config, "begin it with / or, where HOME is set, with ~/",
				"%s: [queue] directory %q would be another one in every folder that a program is started in", raw.where(raw.at["queue.directory"]), dir)
		}
	}
	for i, l := range c.ListenMSP {
		if socket, ok := strings.CutPrefix(l, "unix:"); ok {
			c.ListenMSP[i] = "unix:" + expandHome(socket, home)
		}
	}
	for _, t := range raw.tables {
		if err := t.build(raw); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(c.Accounts, func(a, b *Account) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(c.Rules, func(a, b Rule) int { return a.at - b.at })
	slices.SortFunc(c.MTA.Listeners, func(a, b Listener) int { return a.at - b.at })
	slices.SortFunc(c.MTA.DNSBLs, func(a, b DNSBL) int { return a.at - b.at })
	slices.SortFunc(c.Queue.Slow, func(a, b SlowQueue) int {
		switch {
		case a.before(b):
			return -1
		case b.before(a):
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	if err := c.chooseDefault(raw); err != nil {
		return nil, err
	}
	if err := c.settleSystem(raw); err != nil {
		return nil, err
	}
	if err := c.MTA.settle(raw); err != nil {
		return nil, err
	}
	return c, c.settlePolicy()
}

func (t *table) build(raw *file) error {
	c := raw.config
	if t.account != nil {
		c.Accounts = append(c.Accounts, t.account)
		return t.account.settle(func(hint, format string, args ...any) error {
			return sysexits.Errorf(sysexits.Config, hint, "%s: [%s] %s", raw.where(t.at), t.name, fmt.Sprintf(format, args...))
		})
	}
	if t.rule != nil {
		c.Rules = append(c.Rules, *t.rule)
		return nil
	}
	if t.listener != nil {
		c.MTA.Listeners = append(c.MTA.Listeners, *t.listener)
		return nil
	}
	if t.dnsbl != nil {
		c.MTA.DNSBLs = append(c.MTA.DNSBLs, *t.dnsbl)
		return nil
	}
	if t.slow.Interval == 0 {
		t.slow.Interval = defaultSlowInterval
	}
	c.Queue.Slow = append(c.Queue.Slow, *t.slow)
	return nil
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
		{&t.Command, &d.Command},
		{&t.LHLO, &d.LHLO},
	} {
		if *pair.set == 0 {
			*pair.set = *pair.standard
		}
	}
	return t
}

func (c *Config) chooseDefault(raw *file) error {
	name := c.defaultName
	switch {
	case name == "" && len(c.Accounts) == 1:
		c.DefaultAccount = c.Accounts[0]
		c.defaultName = c.DefaultAccount.Name
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

// settle fills in what depends on the account's other settings; bad makes an
// error that names it.
func (a *Account) settle(bad func(hint, format string, args ...any) error) error {
	if a.Smarthost.Host == "" {
		return bad(`for example: smarthost = "smtps://smtp.example.org"`, "has no smarthost")
	}
	if a.Auth == "" {
		a.Auth = "auto"
		if a.User == "" && a.TLS.Cert == "" && !a.OAuth.Used() {
			a.Auth = "none"
		}
	}
	if a.Secret.Kind == "" {
		a.Secret.Kind = "keyring"
	}
	if a.TLS.KeyExchange == "" {
		a.TLS.KeyExchange = "auto"
	}
	if a.Address() == "" {
		return bad(`for example: from = ["me@example.org", "*@example.org"]`,
			"does not say your own address: put it first in from")
	}
	if a.Auth != "none" && a.Auth != "external" && a.User == "" {
		return bad(`add user = "…", or auth = "none" if the server wants no log-in`, "has no user to log in as")
	}
	if a.Smarthost.TLS == Insecure && a.Auth != "none" && !a.Smarthost.Loopback() {
		return bad("use smtps:// or smtp://, or auth = \"none\"", "would send a password over a connection without TLS")
	}
	if (a.TLS.Cert == "") != (a.TLS.Key == "") {
		return bad("give both tls.cert and tls.key", "has one of tls.cert and tls.key, and needs both")
	}
	if err := a.settleFetch(bad); err != nil {
		return err
	}
	return a.OAuth.settle(a, bad)
}

// Origin is where a key is set, as FILE:LINE; "" where it has its default.
// name is that of the account, rule or queue in it.
func (c *Config) Origin(o *Option, name string) string {
	if c.source == nil || o.Key == "" {
		return ""
	}
	key := strings.Split(o.Key, ".")
	for i := range key {
		if key[i] == "NAME" {
			key[i] = name
		}
	}
	at, set := c.source.at[dotted(key)]
	if !set {
		return ""
	}
	return c.source.where(at)
}
