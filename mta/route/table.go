package route

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta/maps"
	"mailcrane/mta/policy"
	"mailcrane/mta/safefile"
	"mailcrane/mta/textmap"
)

// Parts are what a Table is made of.
type Parts struct {
	Config *config.Config
	// Classes are those of the policy, which decides by the same.
	Classes *policy.Classes
	// Open opens a map, as maps.Open does, which nil stands for.
	Open func(setting string, o maps.Options) (maps.Map, error)
	Safe safefile.Rules
	// Deferred says that who asks takes mail in, in delivery mode d.
	Deferred bool
	// Getenv is for the passwords of databases; nil has none.
	Getenv func(string) string
	// Log hears of maps that change; nil is nobody.
	Log *slog.Logger
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// A Table says where mail goes. It is safe for use by several goroutines.
type Table struct {
	parts   Parts
	classes *policy.Classes
	options config.Routing
	// exact: mail is sent to the port of SMTP, so that a host that is ourselves
	// would send it here again.
	exact bool

	mailers, virtual, domains, generics table

	masks masks

	smartHost, mailHub, localRelay, nullClient, unknown *target
}

// table is a map that may be missing.
type table struct {
	maps.Map
	wrong error // why it cannot be asked, when it was opened
}

// none says that there is no such map.
func (m table) none() bool { return m.Map == nil && m.wrong == nil }

// New makes a Table. An error is that of an option, with file and line. A map
// that cannot be read is none: it puts off who needs it until it is mended; see
// Usable.
func New(parts Parts) (*Table, error) {
	if parts.Open == nil {
		parts.Open = maps.Open
	}
	if parts.Log == nil {
		parts.Log = slog.New(slog.DiscardHandler)
	}
	if parts.Now == nil {
		parts.Now = time.Now
	}
	m := &parts.Config.MTA
	t := &Table{
		parts: parts, classes: parts.Classes, options: m.Routing,
		exact: m.Exchange.ConnectOnlyTo == "" && (m.Exchange.Port == 0 || m.Exchange.Port == 25),
	}
	for _, o := range []struct {
		key, value string
		to         **target
	}{
		{"mta.route.smart_host", m.Routing.SmartHost, &t.smartHost},
		{"mta.route.mail_hub", m.Routing.MailHub, &t.mailHub},
		{"mta.route.local_relay", m.Routing.LocalRelay, &t.localRelay},
		{"mta.route.null_client", m.Routing.NullClient, &t.nullClient},
		{"mta.deliver.luser_relay", m.Routing.LUserRelay, &t.unknown},
	} {
		if o.value == "" {
			continue
		}
		var err error
		if *o.to, err = t.option(o.key, o.value); err != nil {
			return nil, err
		}
	}
	var err error
	if t.masks, err = newMasks(parts); err != nil {
		return nil, err
	}
	for _, o := range []struct {
		setting string
		check   textmap.Check
		to      *table
	}{
		{m.Map.Mailertable, t.checkMailer, &t.mailers},
		{m.Map.Virtusertable, checkVirtual, &t.virtual},
		{m.Map.Domaintable, checkDomain, &t.domains},
		{m.Map.Genericstable, checkGeneric, &t.generics},
	} {
		*o.to = t.open(o.setting, o.check)
	}
	return t, nil
}

func (t *Table) open(setting string, check textmap.Check) table {
	if setting == "" {
		return table{}
	}
	p := &t.parts
	m, err := p.Open(setting, maps.Options{
		Kind: safefile.Map, Rules: p.Safe, Check: check, Deferred: p.Deferred, Getenv: p.Getenv, Log: p.Log, Now: p.Now,
	})
	return table{m, err}
}

// Usable is what is wrong with the maps, as they were opened, or nil.
func (t *Table) Usable() error {
	return errors.Join(t.mailers.wrong, t.virtual.wrong, t.domains.wrong, t.generics.wrong)
}

// option is the value of an option that names a next hop.
func (t *Table) option(key, value string) (*target, error) {
	o, _ := config.Explained(key)
	where := strings.TrimSpace(key + " " + t.parts.Config.Origin(o, ""))
	to, _, err := t.parse(value)
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Config, "mailcrane config explain "+key, "%s: %w", where, err)
	}
	to.where = where
	return &to, nil
}

// checkMailer looks at an entry of the mailertable.
func (t *Table) checkMailer(e textmap.Entry) (warning string, wrong error) {
	_, warning, wrong = t.parse(filled(e.Value, "x", "x"))
	return warning, wrong
}

// checkDomain looks at an entry of the domaintable.
func checkDomain(e textmap.Entry) (warning string, wrong error) {
	if strings.ContainsAny(e.Value, " \t@:,") {
		return "", fmt.Errorf("%q is no domain: write the old name and the new one", e.Value)
	}
	return "", nil
}

// checkGeneric looks at an entry of the genericstable.
func checkGeneric(e textmap.Entry) (warning string, wrong error) {
	return "", oneAddress(filled(e.Value, "x", "x"))
}
