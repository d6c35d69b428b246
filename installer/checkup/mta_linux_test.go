package checkup

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// A serverWorld is a machine that is a server without accounts, on which all is well
// until a test changes something.
type serverWorld struct {
	*Server
	options Options
	maps    []ServerMap
	files   []string
	// closed are the files that the server's user cannot read.
	closed string
	asked  []string
	// mailbox and agent are why nothing is delivered; where is where local names end.
	mailbox, agent error
	where          map[string]string
	// names has addresses, exchangers and pointers.
	names map[string]string
}

func newServerWorld(t *testing.T, text string) *serverWorld {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "mailcrane.toml")
	text = "[queue]\ndirectory = \"" + dir + "/spool\"\n[mta]\nhostname = \"mx.example.org\"\nlocal = [\"example.org\"]\n" + strings.ReplaceAll(text, "DIR", dir) + "[[mta.listen]]\naddress = \"unix:" + dir + "/smtp\"\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, func(name string) string { return map[string]string{"HOME": dir}[name] })
	if err != nil {
		t.Fatal(err)
	}
	w := &serverWorld{where: make(map[string]string), names: map[string]string{
		"a mx.example.org": "192.0.2.25", "mx example.org": "mx.example.org", "ptr 192.0.2.25": "mx.example.org",
	}}
	w.Server = &Server{
		Hostname: "mx.example.org", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.25")}, Socket: "/run/mailcrane/lda.sock",
		Ours: func(domain string) bool { return domain == "mx.example.org" },
		Maps: func(context.Context) ([]ServerMap, error) { return w.maps, nil },
		Files: func() (all []ServerFile) {
			for _, f := range w.files {
				all = append(all, ServerFile{f, func(user, group string) string { return "chgrp " + group + " " + f }})
			}
			return all
		},
		Mailbox: func(context.Context) error { return w.mailbox },
		Agent:   func(context.Context) error { return w.agent },
		WhereTo: func(_ context.Context, name string) (string, bool, error) {
			return strings.TrimPrefix(w.where[name], "root"), w.where[name] == "root", nil
		},
		Names: ServerNames{
			Addresses: func(_ context.Context, host string) (all []netip.Addr, err error) {
				for _, text := range strings.Fields(w.names["a "+host]) {
					if text == "fails" {
						return nil, errors.New("no answer")
					}
					all = append(all, netip.MustParseAddr(text))
				}
				return all, nil
			},
			Exchangers: func(_ context.Context, domain string) ([]string, error) {
				return strings.Fields(w.names["mx "+domain]), nil
			},
			Pointers: func(_ context.Context, a netip.Addr) ([]string, error) {
				return strings.Fields(w.names["ptr "+a.String()]), nil
			},
		},
	}
	w.options = Options{
		Config: c, File: path, Now: now, Root: dir, Call: "mailcrane", UID: 0, User: "root", Server: w.Server,
		Getenv: func(string) string { return "" },
		Exec: func(_ context.Context, name string, args ...string) (string, error) {
			if name == "runuser" {
				w.asked = args
				return w.closed, nil
			}
			return "", exec.ErrNotFound
		},
	}
	return w
}

// look is what is found of the server, but for its listener and its certificate.
func (w *serverWorld) look(t *testing.T) (all []Finding) {
	c := &checker{Options: w.options, report: func(f Finding) { all = append(all, f) }}
	c.serverMode(t.Context())
	return slices.DeleteFunc(all, func(f Finding) bool {
		return slices.Contains([]string{"server-listener", "server-no-certificate"}, f.ID)
	})
}

func TestAServerInOrderIsToldOfNothing(t *testing.T) {
	w := newServerWorld(t, "")
	w.maps = []ServerMap{{Key: "mta.map.mailertable", Name: "/etc/mail/mailertable"}}
	if bad := worst(w.look(t)); len(bad) > 0 {
		t.Errorf("%+v", bad)
	}
}

func TestWhatIsWrongWithAServerIsSaidWithItsMend(t *testing.T) {
	mailertable := ServerMap{Key: "mta.map.mailertable", Where: "m.toml:7", Name: "/etc/mail/mailertable"}
	wrong := func(m ServerMap, asked bool, all ...string) ServerMap {
		for _, text := range all {
			m.Wrong = append(m.Wrong, errors.New(text))
		}
		m.Asked = asked
		return m
	}
	for _, c := range []struct {
		reason, config   string
		change           func(w *serverWorld)
		id               string
		state            State
		what, why, typed string
	}{
		{
			"a bad line of a map", "", func(w *serverWorld) {
				w.maps = []ServerMap{wrong(mailertable, false, "/etc/mail/mailertable:3: no mailer", "another")}
			},
			"server-maps", Broken, "mta.map.mailertable = /etc/mail/mailertable (m.toml:7) cannot be used as it is: /etc/mail/mailertable:3: no mailer; and 1 more", "waits", "${EDITOR:-vi} +3 /etc/mail/mailertable",
		},
		{
			"a bad alias", "", func(w *serverWorld) {
				w.maps = []ServerMap{wrong(ServerMap{Key: "mta.map.aliases", Name: "/etc/aliases"}, false, "/etc/aliases:9: no value")}
			},
			"server-aliases", Broken, "/etc/aliases:9", "Nothing is to be rebuilt", "${EDITOR:-vi} +9 /etc/aliases",
		},
		{
			"an alias that is there twice", "", func(w *serverWorld) {
				w.maps = []ServerMap{{Key: "mta.map.aliases", Name: "/etc/aliases", Warnings: []string{"/etc/aliases:9: joe is there twice"}}}
			},
			"server-aliases", Warning, "/etc/aliases:9: joe is there twice", "something else", "+9 /etc/aliases",
		},
		{
			"a class that is not there", "", func(w *serverWorld) {
				w.maps = []ServerMap{wrong(ServerMap{Key: "mta.local_file", Name: "/x"}, false, "no such file")}
			},
			"server-maps", Broken, "mta.local_file = /x", "does not start", "mailcrane config check",
		},
		{
			"a map that is not there", "", func(w *serverWorld) {
				_, err := os.Open("/nowhere/mailertable")
				m := mailertable
				m.Wrong = []error{fmt.Errorf("the map: %w", err)}
				w.maps = []ServerMap{m}
			},
			"server-maps", Broken, "no such file", "waits", "${EDITOR:-vi} /nowhere/mailertable",
		},
		{
			"a database that is not up", "run_as = \"daemon\"\n", func(w *serverWorld) {
				m := mailertable
				m.Name = "ldap:/etc/mail/l.toml"
				m.Wrong, m.Asked = []error{fmt.Errorf("it cannot be asked: %w", syscall.ECONNREFUSED)}, true
				w.maps = []ServerMap{m}
			},
			"server-maps", Broken, "connection refused", "waits until it answers", "${EDITOR:-vi} /etc/mail/l.toml",
		},
		{
			"a database that lets root not in", "run_as = \"daemon\"\n", func(w *serverWorld) { w.maps = []ServerMap{wrong(mailertable, true, "peer authentication failed")} },
			"server-maps", Warning, "peer authentication failed", "asked as root, and the server asks as daemon", "runuser -u daemon -- mailcrane doctor",
		},
		{
			"a file that the server's user cannot read", "run_as = \"daemon\"\n", func(w *serverWorld) { w.closed = w.options.File + "\n" },
			"server-unreadable", Broken, "daemon, as whom the server runs, cannot read ", "namei -l", "chgrp daemon ",
		},
		{
			"a group of its own", "run_as = \"daemon:mail\"\n", func(w *serverWorld) { w.closed = w.options.File + "\n" },
			"server-unreadable", Broken, "daemon, as whom", "", "chgrp mail ",
		},
		{
			"nobody to run as", "run_as = \"nobody-of-that-name\"\n", func(*serverWorld) {},
			"server-user", Broken, "there is no user nobody-of-that-name", "does not start", "service install",
		},
		{
			"no LMTP server", "deliver.mailer = \"lmtp:/run/dovecot/lmtp\"\n", func(w *serverWorld) {
				w.mailbox = sysexits.Errorf(sysexits.Unavailable, "start it", "the socket is not there")
			},
			"server-mailboxes", Broken, "the socket is not there", "waits (mta.deliver.mailer = lmtp:/run/dovecot/lmtp)", "",
		},
		{
			"nobody reads root's mail", "map.aliases = [\"/etc/aliases\"]\n", func(w *serverWorld) { w.where["root"] = "root" },
			"server-reader", Warning, "mail for root comes to root's own mailbox", "nobody reads it", "${EDITOR:-vi} /etc/aliases",
		},
		{
			"nobody is postmaster", "", func(w *serverWorld) { w.where["postmaster"] = "550 5.1.1 User unknown" },
			"server-reader", Warning, "mail for postmaster is refused: 550 5.1.1 User unknown", "RFC 5321", "",
		},
		{
			"a name without an address", "", func(w *serverWorld) { w.names["a mx.example.org"] = "" },
			"server-name", Warning, "mx.example.org, the server's own name, leads to no address", "refuse", "${EDITOR:-vi}",
		},
		{
			"a name without a domain", "", func(w *serverWorld) { w.Hostname = "mx" },
			"server-name", Warning, "mx, the server's own name, is no whole one", "", "${EDITOR:-vi}",
		},
		{
			"no answer", "", func(w *serverWorld) { w.names["a mx.example.org"] = "fails" },
			"server-name", Warning, "is not known now: no answer", "", "mailcrane status",
		},
		{
			"an address without a name", "", func(w *serverWorld) { w.names["ptr 192.0.2.25"] = "" },
			"server-pointer", Warning, "the address 192.0.2.25 has no name", "", "dig +short -x 192.0.2.25",
		},
		{
			"no exchanger", "", func(w *serverWorld) { w.names["mx example.org"] = "" },
			"server-exchanger", Warning, "no MX record names this server for it", "no mail from elsewhere", "dig +short MX example.org",
		},
	} {
		w := newServerWorld(t, c.config)
		w.files = []string{w.options.File}
		c.change(w)
		bad := worst(w.look(t))
		if len(bad) != 1 {
			t.Errorf("%s: %d findings: %+v", c.reason, len(bad), bad)
			continue
		}
		f := bad[0]
		if f.ID != c.id || f.State != c.state || !strings.Contains(f.What, c.what) || !strings.Contains(f.Why, c.why) || !strings.Contains(f.Command, c.typed) || f.Mend+f.Command == "" {
			t.Errorf("%s: %+v", c.reason, f)
		}
	}
}

// What is as it may be is worth a note, and no more.
func TestAServerBehindAnotherIsTakenForOne(t *testing.T) {
	for _, c := range []struct{ reason, key, value, id, what string }{
		{"behind a router", "a mx.example.org", "198.51.100.1", "server-name", "no address of this machine"},
		{"behind another server", "mx example.org", "gate.example.net", "server-exchanger", "sent to gate.example.net, and not to this server"},
	} {
		w := newServerWorld(t, "")
		w.names["ptr 198.51.100.1"] = "mx.example.org"
		w.names[c.key] = c.value
		all := w.look(t)
		i := slices.IndexFunc(all, func(f Finding) bool { return f.ID == c.id && f.State == Note })
		if len(worst(all)) > 0 || i < 0 || !strings.Contains(all[i].What, c.what) {
			t.Errorf("%s: %+v", c.reason, all)
		}
	}
	w := newServerWorld(t, "")
	w.names["mx example.org"], w.names["a other.example.org"] = "other.example.org", "192.0.2.25"
	if all := w.look(t); !slices.ContainsFunc(all, func(f Finding) bool { return f.ID == "server-exchanger" && f.State == OK }) {
		t.Errorf("an exchanger that is us by its address: %+v", all)
	}
}

// The service is an ordinary user, who can deliver nothing without the agent.
func TestTheServiceNeedsTheLocalDeliveryAgent(t *testing.T) {
	for _, c := range []struct {
		reason, config string
		socket         bool
		fails          error
		user           string
		state          State
		what           string
	}{
		{"it answers", "", true, nil, "daemon", OK, "answers"},
		{"no socket", "", false, nil, "daemon", Broken, "/run/mailcrane/lda.sock, is not there"},
		{"with LMTP aliases alone need it", "deliver.mailer = \"lmtp:/x\"\n", false, nil, "daemon", Warning, "is not there"},
		{"it cannot be started", "", true, errors.New("connection reset"), "daemon", Broken, "does not answer: connection reset"},
		{"a server of root's delivers itself", "", false, nil, "root", "", ""},
	} {
		w := newServerWorld(t, c.config)
		w.agent = c.fails
		if c.socket {
			path := filepath.Join(w.options.Root, w.Socket)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := user.Lookup(c.user); err != nil {
			t.Skip("this machine has no user " + c.user)
		}
		var all []Finding
		k := &checker{Options: w.options, report: func(f Finding) {
			if f.ID == "server-delivery-agent" {
				all = append(all, f)
			}
		}}
		k.System, k.unit = true, &unit{system: true, property: map[string]string{"ExecStart": "{ argv[]=/usr/bin/mailcrane mta ; }", "User": c.user}}
		k.serverMode(t.Context())
		got := fmt.Sprint(all)
		if c.what == "" && len(all) > 0 || c.what != "" && (len(all) != 1 || all[0].State != c.state || !strings.Contains(all[0].What, c.what)) {
			t.Errorf("%s: %s", c.reason, got)
		}
	}
}

// The sandbox of the service hides what stands in homes.
func TestAMapInAHomeIsHiddenFromTheService(t *testing.T) {
	w := newServerWorld(t, "")
	w.files = []string{"/home/ann/mailertable"}
	var all []Finding
	k := &checker{Options: w.options, report: func(f Finding) { all = append(all, f) }}
	k.System, k.unit = true, &unit{system: true, property: map[string]string{"User": "daemon", "ProtectHome": "yes"}}
	k.serverReads(t.Context())
	if len(all) != 1 || all[0].ID != "server-unreadable" || !strings.Contains(all[0].What, "/home/ann/mailertable: its sandbox") {
		t.Errorf("%+v", all)
	}
}

// It used to be told to set an account up, whose smarthost it does not need.
func TestAServerIsNotToldToMakeAnAccount(t *testing.T) {
	w := newServerWorld(t, "")
	var all []Finding
	c := &checker{Options: w.options, report: func(f Finding) { all = append(all, f) }}
	if !c.configuration() || len(worst(all)) > 0 {
		t.Errorf("%+v", all)
	}
	all, c.Account = nil, "work"
	if c.configuration() || len(all) != 1 || strings.Contains(all[0].Command, "setup") {
		t.Errorf("an account that is not there: %+v", all)
	}
}
