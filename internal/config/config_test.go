package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/sysexits"
)

func home(name string) string {
	if name == "HOME" {
		return "/home/me"
	}
	return ""
}

func TestParseFillsInDefaults(t *testing.T) {
	c, err := Parse("m.toml", []byte(`
[account.work]
from = ["me@example.org", "*@lists.example.org"]
smarthost = "smtps://smtp.example.org"
user = "me"
secret = "file:~/pw"
tls = { ca = "~/ca.pem", pin = ["AA:`+strings.Repeat("bb:", 30)+`CC"] }
[listen]
msp = ["localhost:2525", "unix:~/s.sock"]
[timeout]
mail = "7"
rcpt = "1h30m"
`), home)
	if err != nil {
		t.Fatal(err)
	}
	a := c.Accounts[0]
	for _, check := range []struct {
		what      string
		got, want any
	}{
		{"one account is the default one", c.DefaultAccount, a},
		{"deferred unless said otherwise", c.DeliveryMode, DeferredRun},
		{"privacy unless said otherwise", c.Privacy, true},
		{"implicit TLS has port 465", a.Smarthost.String(), "smtps://smtp.example.org:465"},
		{"a user means a log-in", a.Auth, "auto"},
		{"~ is the home directory in a secret's path", a.Secret, Secret{"file", "/home/me/pw"}},
		{"~ is the home directory in tls.ca", a.TLS.CA, "/home/me/ca.pem"},
		{"a pin is kept as hex", a.TLS.Pin[0], "aa" + strings.Repeat("bb", 30) + "cc"},
		{"localhost is 127.0.0.1", c.ListenMSP[0], "127.0.0.1:2525"},
		{"~ in a socket's path", c.ListenMSP[1], "unix:/home/me/s.sock"},
		{"a time-out without a unit counts minutes", c.Timeout.Mail, 7 * time.Minute},
		{"times add up", c.Timeout.Rcpt, 90 * time.Minute},
		{"spool below the state directory", c.Spools.String(), "/home/me/.local/state/mailcrane/spool"},
	} {
		if check.got != check.want {
			t.Errorf("%s: got %v, want %v", check.what, check.got, check.want)
		}
	}
}

// Coverage: A50, B1.
func TestBadConfigurationNamesFileLineAndMend(t *testing.T) {
	const account = "[account.a]\nfrom=[\"me@x.org\"]\nsmarthost=\"smtps://x.org\"\nuser=\"me\"\n"
	for _, c := range []struct{ reason, text, want, hint string }{
		{"a misspelt key", "delivery_mod = \"d\"\n", `m.toml:1: unknown key "delivery_mod"`, `did you mean "delivery_mode"?`},
		{"sendmail's name for a key", "QueueLA = 5\n", "m.toml:1: QueueLA is sendmail's name, which the command line takes: in this file it is queue.load_limit", "write queue.load_limit"},
		{"sendmail's name in a table, any case", "[queue]\nminqueueage = \"5m\"\n", "m.toml:2: queue.minqueueage is sendmail's name", "write queue.min_age"},
		{"sendmail's name of a timeout", "[timeout]\nQueueReturn = \"5d\"\n", "m.toml:2: timeout.QueueReturn is sendmail's name", "write timeout.queuereturn"},
		{"what has no meaning here, in a table", "[queue]\nUseErrorsTo = true\n", `m.toml:2: "queue.UseErrorsTo" has no meaning here: reports go to`, "take it out"},
		{"a misspelt key of an account", account + "smarthots = \"x\"\n", `m.toml:5: unknown key "account.a.smarthots"`, `did you mean "account.a.smarthost"?`},
		{"a key in the wrong table", "\n[queue]\nuser = \"x\"\n", `m.toml:3: unknown key "queue.user"`, `did you mean "account.NAME.user"?`},
		{"not TOML", "a = = 1\n", "m.toml:1:", ""},
		{"a wrong mode", "\ndelivery_mode = \"later\"\n", `m.toml:2: delivery_mode: "later" is no delivery mode`, ""},
		{"a wrong time unit", "[timeout]\nmail = \"5y\"\n", `m.toml:2: timeout.mail: invalid time unit "y"`, ""},
		{"a bare host as smarthost", "[account.a]\nsmarthost = \"x.org\"\n", `m.toml:2: account.a.smarthost: "x.org" is no smarthost`, ""},
		{"a password in place of its source", "[account.a]\nsecret = \"hunter2\"\n", "m.toml:2: account.a.secret: secret says where", ""},
		{"a listener that others reach", "[listen]\nmsp = [\"0.0.0.0:25\"]\n", "m.toml:2: listen.msp: \"0.0.0.0:25\" can be reached from other machines", ""},
		{"a spool that depends on where one stands", "[queue]\ndirectory = \"spool\"\n", `m.toml:2: [queue] directory "spool" would be another one in every folder`, "begin it with /"},
		{"no smarthost", "[account.a]\nfrom=[\"me@x.org\"]\n", "m.toml:1: [account.a] has no smarthost", "for example"},
		{"only patterns in from", "[account.a]\nfrom=[\"*@x.org\"]\nsmarthost=\"smtps://x.org\"\n", "m.toml:1: [account.a] does not say your own address", "for example"},
		{"a password in clear", "[account.a]\nfrom=[\"me@x.org\"]\nsmarthost=\"smtp+insecure://x.org\"\nuser=\"me\"\n", "over a connection without TLS", "use smtps"},
		{"an unknown default account", "# home\ndefault_account=\"b\"\n" + account, `m.toml:2: default_account = "b"`, "[account.b]"},
		{"a host name with a space", "hostname = \"my laptop\"\n", `m.toml:1: hostname: "my laptop" is no name of a machine`, ""},
		{"a host name that would be a command", "hostname = \"x\\r\\nRSET\"\n", `is no name of a machine`, ""},
		{"a host name that is too long", "hostname = \"" + strings.Repeat("x", 256) + "\"\n", `at most 255 octets`, ""},
		{"an account far below", "\n\n\naccount.a.from=[\"me@x.org\"]\n", "m.toml:4: [account.a] has no smarthost", ""},
		{"a misspelt table", account + "[timeuot]\n", "m.toml:5: there is no table [timeuot]", "did you mean [timeout]?"},
		{"a misspelt table of an account", "[acount.a]\nuser = \"x\"\n", "m.toml:1: there is no table [acount.a]", "did you mean [account.a]?"},
		{"a key as a table", "[account.a.user]\n", "m.toml:1: there is no table [account.a.user]", ""},
		{"a table of nothing we know", "[zebra]\n", "m.toml:1: there is no table [zebra]", "mailcrane config show"},
		{"a table as a key", "queue = \"/x\"\n", "m.toml:1: queue is a table, which has keys and no value", "for example: queue.directory = …"},
		{"a table of an account as a key", account + "tls = \"ca.pem\"\n", "m.toml:5: account.a.tls is a table", "for example: account.a.tls.ca = …"},
		{"a table as a value", account + "secret = {}\n", "m.toml:5: account.a.secret: this wants a string in quotes, not a table", ""},
		{"quotes around a dot", "\"queue.directory\" = \"/x\"\n", "m.toml:1: unknown key \"\\\"queue.directory\\\"\"", `did you mean "queue.directory"?`},
		{"quotes around a dot in a table", "[\"account.a\"]\n", "m.toml:1: there is no table [\"account.a\"]", ""},
		{"two letters changed places", "[account.a]\nform = [\"me@x.org\"]\n", `m.toml:2: unknown key "account.a.form"`, `did you mean "account.a.from"?`},
		{"a key cut short", "[queue]\ndir = \"/x\"\n", `m.toml:2: unknown key "queue.dir"`, `did you mean "queue.directory"?`},
		{"the end of a key", "[account.a]\nhost = \"x\"\n", `m.toml:2: unknown key "account.a.host"`, `did you mean "account.a.smarthost"?`},
		{"nothing like a key", "[account.a]\npassword = \"hunter2\"\n", `m.toml:2: unknown key "account.a.password"`, "mailcrane config show"},
		{"an address without a domain", "[account.a]\nfrom = [\"me@\"]\n", `m.toml:2: account.a.from: "me@" is no address: no domain stands after the @`, ""},
		{"an address that no server takes", "[account.a]\nfrom = [\"me@x(y.org\"]\n", `m.toml:2: account.a.from: "me@x(y.org" is no address`, ""},
		{"a size with an unknown unit", account + "max_size=\"200x\"\n", `m.toml:5: account.a.max_size: "200x" is not a size`, ""},
		{"a size that is none", account + "max_size=\"much\"\n", `m.toml:5: account.a.max_size: "much" is not a size`, ""},
		{"a size below nothing", account + "max_size=-1\n", `m.toml:5: account.a.max_size: "-1" is not a size`, ""},
		{"no session", account + "sessions=0\n", `m.toml:5: account.a.sessions: "0" is no number of sessions`, ""},
		{"more sessions than a server allows", account + "sessions=21\n", `"21" is no number of sessions: it is auto, or from 1 to 20`, ""},
		{"a word for sessions", account + "sessions=\"many\"\n", `"many" is no number of sessions`, ""},
		{"a part of an octet", account + "max_size=\"1.5\"\n", `"1.5" is not a size`, ""},
		{"a size beyond all bounds", account + "max_size=\"99999G\"\n", `"99999G" is larger than any message`, ""},
		{"a word about metering that is none", account + "metered=\"maybe\"\n", `m.toml:5: account.a.metered: "maybe" is no word about a metered route: use auto, yes or no`, ""},
		{"an unknown mechanism", account + "auth=\"digest-md5\"\n", `m.toml:5: account.a.auth: "digest-md5" is no way to log in`, ""},
		{"an empty place of the password", account + "secret=\"\"\n", "m.toml:5: account.a.secret: secret says where", ""},
		{"an issuer that is called in the clear", account + "oauth.issuer=\"http://id.x.org\"\n", `m.toml:5: account.a.oauth.issuer: "http://id.x.org" is no issuer`, ""},
		{"an issuer with a password in it", account + "oauth.issuer=\"https://me:hunter2@id.x.org\"\n", "", ""},
		{"an issuer without a client", account + "oauth.issuer=\"Google\"\n", "[account.a] has oauth.issuer without oauth.client_id", "docs/login.md"},
		{"a client without an issuer", account + "oauth.client_id=\"me\"\n", "[account.a] has keys of oauth, and does not say who", `"google", "microsoft"`},
		{"a token sent as a password", account + "auth=\"plain\"\noauth={issuer=\"google\",client_id=\"c\"}\n", `auth = "plain" does not log in with tokens`, `"xoauth2"`},
		{"a log-in that could not be rewritten", account + "secret=\"credential:x\"\noauth={issuer=\"google\",client_id=\"c\"}\n", "nothing can be written there", `secret = "file:…"`},
		{"a port that there is not", account + "oauth={issuer=\"google\",client_id=\"c\",port=65536}\n", "oauth.port above 65535", ""},
		{"a client with a line end", account + "oauth={issuer=\"google\",client_id=\"c\\n\"}\n", "account.a.oauth.client_id: this may have visible ASCII", ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			_, err := Parse("m.toml", []byte(c.text), home)
			if err == nil {
				t.Fatal("was accepted")
			}
			if sysexits.Code(err) != sysexits.Config {
				t.Errorf("exit code %d, want EX_CONFIG", sysexits.Code(err))
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("says %q, want %q", err, c.want)
			}
			if !strings.Contains(sysexits.Hint(err), c.hint) {
				t.Errorf("hints %q, want %q", sysexits.Hint(err), c.hint)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("shows what may be a password")
			}
		})
	}
}

func TestFileIsReadAsEditorsWriteIt(t *testing.T) {
	const text = "[account.work]\n\tfrom\t= [\"me@example.org\"]\nsmarthost = \"smtps://smtp.example.org\"\n"
	for _, c := range []struct{ reason, text string }{
		{"plain", text},
		{"with a byte order mark", "\ufeff" + text},
		{"with CRLF", strings.ReplaceAll(text, "\n", "\r\n")},
		{"in dotted keys", "account.work.from = [\n \"me@example.org\", # mine\n]\naccount . work.smarthost = \"smtps://smtp.example.org\"\n"},
		{"in inline tables", `account = { work = { from = ["me@example.org"], smarthost = "smtps://smtp.example.org", tls = {} } }`},
		{"in quotes", strings.Replace(text, "[account.work]", `["account"."work"]`, 1)},
		{"an account with a dot in its name", strings.Replace(text, "work", `"work.org"`, 1)},
	} {
		cfg, err := Parse("m.toml", []byte(c.text), home)
		if err != nil || len(cfg.Accounts) != 1 || cfg.Accounts[0].Address() != "me@example.org" {
			t.Errorf("%s: %+v, %v", c.reason, cfg, err)
		}
	}
}

func TestWithoutHomeATildeIsNoFolder(t *testing.T) {
	if c, err := Parse("m.toml", []byte("[queue]\ndirectory = \"~/spool\"\n"), func(string) string { return "" }); sysexits.Code(err) != sysexits.Config {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestTheExamplesAreTaken(t *testing.T) {
	examples, err := filepath.Glob("../../docs/examples/*.toml")
	if err != nil || len(examples) == 0 {
		t.Fatal("there are none", err)
	}
	for _, path := range examples {
		text, err := os.ReadFile(path)
		if err == nil {
			_, err = Parse(path, text, home)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

func TestAccountIsChosenBySender(t *testing.T) {
	c, err := Parse("m.toml", []byte(`
default_account = "home"
[account.home]
from = ["joe@home.example"]
smarthost = "smtp://home.example"
[account.work]
from = ["joe@work.example", "*@work.example"]
smarthost = "smtp://work.example"
[account.lists]
from = ["joe+lists@work.example", "*@lists.work.example", "bounce-*@work.example"]
smarthost = "smtp://lists.example"
`), home)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ reason, sender, want string }{
		{"exact", "joe@work.example", "work"},
		{"case does not count", "Joe@WORK.example", "work"},
		{"a detail belongs to the plain address", "joe+x@home.example", "home"},
		{"an exact detail beats it", "joe+lists@work.example", "lists"},
		{"a pattern for the domain", "ann@work.example", "work"},
		{"the longer pattern is closer", "bounce-7@work.example", "lists"},
		{"a pattern does not reach a sub-domain", "x@sub.work.example", "home"},
		{"nobody's goes by default", "x@elsewhere.example", "home"},
		{"so does the null reverse-path", "", "home"},
	} {
		if got := c.ForSender(test.sender); got.Name != test.want {
			t.Errorf("%s: %q goes by %s, want %s", test.reason, test.sender, got.Name, test.want)
		}
	}
}

func FuzzParseNeverPanics(f *testing.F) {
	f.Add("[account.a]\nfrom=[\"me@x.org\"]\nsmarthost=\"smtps://[::1]:1\"\nuser=\"me\"\ntls={pin=[\"\"]}\n")
	f.Add("delivery_mode=\"d\"\n[timeout]\nmail=\"1h2\"\n[listen]\nmsp=[\"unix:x\"]\n")
	f.Fuzz(func(_ *testing.T, text string) {
		Parse("m.toml", []byte(text), home) // only a panic would be wrong
	})
}

// config show writes all keys, also those that nobody has set.
func TestNoSecretOfTheClientCanBeWritten(t *testing.T) {
	c, err := Parse("m.toml", []byte("[account.a]\nfrom=[\"me@x.org\"]\nsmarthost=\"smtps://x.org\"\nuser=\"me\"\noauth={issuer=\"google\",client_id=\"c\",client_secret=\"\"}\n"), home)
	if err != nil || c.Accounts[0].OAuth.ClientSecret != (Secret{}) {
		t.Errorf("got %v", err)
	}
}
