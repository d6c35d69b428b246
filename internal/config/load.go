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

	"github.com/pelletier/go-toml/v2"

	"mailcrane/internal/sysexits"
)

// maxFile bounds the configuration file, in octets.
const maxFile = 1 << 20

// file is the shape of mailcrane.toml. Each type reads and checks its own
// text, so that a bad value is reported with its line.
type file struct {
	DeliveryMode   modeText `toml:"delivery_mode"`
	Privacy        *bool    `toml:"privacy"`
	Hostname       string   `toml:"hostname"`
	DefaultAccount string   `toml:"default_account"`
	Queue          struct {
		Directory pathText `toml:"directory"`
	} `toml:"queue"`
	Timeout struct {
		Connect   minutesText `toml:"connect"`
		Initial   minutesText `toml:"initial"`
		Helo      minutesText `toml:"helo"`
		StartTLS  minutesText `toml:"starttls"`
		Auth      minutesText `toml:"auth"`
		Mail      minutesText `toml:"mail"`
		Rcpt      minutesText `toml:"rcpt"`
		DataInit  minutesText `toml:"datainit"`
		DataBlock minutesText `toml:"datablock"`
		DataFinal minutesText `toml:"datafinal"`
		Rset      minutesText `toml:"rset"`
		Quit      minutesText `toml:"quit"`
	} `toml:"timeout"`
	Account map[string]accountFile `toml:"account"`
	Listen  struct {
		MSP []listenText `toml:"msp"`
	} `toml:"listen"`
}

type accountFile struct {
	From      []patternText `toml:"from"`
	Smarthost smarthostText `toml:"smarthost"`
	User      string        `toml:"user"`
	Auth      authText      `toml:"auth"`
	Secret    secretText    `toml:"secret"`
	TLS       struct {
		CA   pathText  `toml:"ca"`
		Pin  []pinText `toml:"pin"`
		Cert pathText  `toml:"cert"`
		Key  pathText  `toml:"key"`
	} `toml:"tls"`
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
	var raw file
	err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&raw)
	if err != nil {
		return nil, explain(path, err)
	}
	return build(path, &raw, getenv)
}

// explain turns the TOML library's errors into one sentence with file, line,
// and, for an unknown key, the nearest known one.
func explain(path string, err error) error {
	if missing, ok := errors.AsType[*toml.StrictMissingError](err); ok && len(missing.Errors) > 0 {
		first := missing.Errors[0]
		row, _ := first.Position()
		key := strings.Join(first.Key(), ".")
		hint := "see all keys with: mailcrane config show"
		if near := nearestKey(first.Key()); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		return sysexits.Errorf(sysexits.Config, hint, "%s:%d: unknown key %q", path, row, key)
	}
	if bad, ok := errors.AsType[*toml.DecodeError](err); ok {
		row, _ := bad.Position()
		text := strings.TrimPrefix(bad.Error(), "toml: ")
		if key := strings.Join(bad.Key(), "."); key != "" {
			text = key + ": " + text
		}
		return sysexits.Errorf(sysexits.Config, "", "%s:%d: %s", path, row, text)
	}
	return sysexits.Errorf(sysexits.Config, "", "%s: %w", path, err)
}

func build(path string, raw *file, getenv func(string) string) (*Config, error) {
	home := getenv("HOME")
	c := &Config{
		Path:         path,
		DeliveryMode: DeferredRun,
		Privacy:      raw.Privacy == nil || *raw.Privacy,
		Hostname:     raw.Hostname,
		Spool:        raw.Queue.Directory.expand(home),
		Timeout:      timeouts(raw),
	}
	if raw.DeliveryMode != 0 {
		c.DeliveryMode = Mode(raw.DeliveryMode)
	}
	if c.Spool == "" {
		c.Spool = defaultSpool(home)
	}
	if c.Spool == "" {
		return nil, sysexits.Errorf(sysexits.Config, "set HOME, or [queue] directory in the configuration",
			"there is no place for the spool: HOME is not set")
	}
	for _, l := range raw.Listen.MSP {
		c.ListenMSP = append(c.ListenMSP, l.expand(home))
	}
	for name, a := range raw.Account {
		account, err := a.build(path, name, home)
		if err != nil {
			return nil, err
		}
		c.Accounts = append(c.Accounts, account)
	}
	sort.Slice(c.Accounts, func(i, j int) bool { return c.Accounts[i].Name < c.Accounts[j].Name })
	return c, c.chooseDefault(raw.DefaultAccount)
}

// defaultSpool is below the user's state directory (XDG base directories).
func defaultSpool(home string) string {
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".local/state/mailcrane/spool")
}

func timeouts(raw *file) Timeout {
	t, r := DefaultTimeout(), &raw.Timeout
	set := func(v *time.Duration, text minutesText) {
		if text != 0 {
			*v = time.Duration(text)
		}
	}
	set(&t.Connect, r.Connect)
	set(&t.Initial, r.Initial)
	set(&t.Helo, r.Helo)
	set(&t.StartTLS, r.StartTLS)
	set(&t.Auth, r.Auth)
	set(&t.Mail, r.Mail)
	set(&t.Rcpt, r.Rcpt)
	set(&t.DataInit, r.DataInit)
	set(&t.DataBlock, r.DataBlock)
	set(&t.DataFinal, r.DataFinal)
	set(&t.Rset, r.Rset)
	set(&t.Quit, r.Quit)
	return t
}

func (c *Config) chooseDefault(name string) error {
	switch {
	case name == "" && len(c.Accounts) == 1:
		c.DefaultAccount = c.Accounts[0]
		return nil
	case name == "":
		return nil
	}
	if c.DefaultAccount = c.Account(name); c.DefaultAccount == nil {
		return sysexits.Errorf(sysexits.Config, fmt.Sprintf("add a table [account.%s], or name another", name),
			"%s: default_account = %q, but there is no such account", c.Path, name)
	}
	return nil
}

func (raw accountFile) build(path, name, home string) (*Account, error) {
	bad := func(hint, format string, args ...any) error {
		return sysexits.Errorf(sysexits.Config, hint, "%s: [account.%s] %s", path, name, fmt.Sprintf(format, args...))
	}
	a := &Account{
		Name: name, Smarthost: Smarthost(raw.Smarthost), User: raw.User,
		Auth: raw.Auth.value, Secret: Secret(raw.Secret),
		TLS: TLS{CA: raw.TLS.CA.expand(home), Cert: raw.TLS.Cert.expand(home), Key: raw.TLS.Key.expand(home)},
	}
	a.Secret.Value = expandHome(a.Secret.Kind == "file", a.Secret.Value, home)
	for _, p := range raw.From {
		a.From = append(a.From, p.value)
	}
	for _, p := range raw.TLS.Pin {
		a.TLS.Pin = append(a.TLS.Pin, p.value)
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
