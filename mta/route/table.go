package route

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
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
	// Before is the Table that this one takes the place of, whose maps stay where
	// they are the same: if a line of one is bad now, its entries from before hold.
	// nil is none.
	Before *Table
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
	setting string
	wrong   error // why it cannot be asked, when it was opened
	// check looks at its entries: that of the Table which has the map now.
	check *atomic.Pointer[textmap.Check]
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
	if err := t.nextHops(); err != nil {
		return nil, err
	}
	var err error
	if t.masks, err = newMasks(parts); err != nil {
		return nil, err
	}
	t.openMaps()
	t.parts.Before = nil
	return t, nil
}

// nextHops reads the options that name one.
func (t *Table) nextHops() (err error) {
	for _, o := range []struct {
		key, value string
		to         **target
	}{
		{"mta.route.smart_host", t.options.SmartHost, &t.smartHost},
		{"mta.route.mail_hub", t.options.MailHub, &t.mailHub},
		{"mta.route.local_relay", t.options.LocalRelay, &t.localRelay},
		{"mta.route.null_client", t.options.NullClient, &t.nullClient},
		{"mta.deliver.luser_relay", t.options.LUserRelay, &t.unknown},
	} {
		if o.value == "" {
			continue
		}
		if *o.to, err = t.option(o.key, o.value); err != nil {
			return err
		}
	}
	return nil
}

// A tableSetting is the option of a map, and where the map stands in a Table.
type tableSetting struct {
	key, setting string
	check        textmap.Check
	of           func(*Table) *table
}

func (t *Table) settings() []tableSetting {
	m := &t.parts.Config.MTA.Map
	return []tableSetting{
		{"mta.map.mailertable", m.Mailertable, t.checkMailer, func(t *Table) *table { return &t.mailers }},
		{"mta.map.virtusertable", m.Virtusertable, checkVirtual, func(t *Table) *table { return &t.virtual }},
		{"mta.map.domaintable", m.Domaintable, checkDomain, func(t *Table) *table { return &t.domains }},
		{"mta.map.genericstable", m.Genericstable, checkGeneric, func(t *Table) *table { return &t.generics }},
	}
}

func (t *Table) openMaps() {
	for _, o := range t.settings() {
		var before table
		if b := t.parts.Before; b != nil && b.parts.Config.MTA.Safe == t.parts.Config.MTA.Safe && b.parts.Deferred == t.parts.Deferred {
			before = *o.of(b)
		}
		*o.of(t) = t.open(o.setting, o.check, before)
	}
}

func (t *Table) open(setting string, check textmap.Check, before table) table {
	switch {
	case setting == "":
		return table{}
	case before.Map != nil && before.setting == setting:
		before.wrong = nil
		before.check.Store(&check) // what may stand there follows from the configuration
		if again, ok := before.Map.(interface{ Reload() error }); ok {
			before.wrong = again.Reload()
		}
		return before
	}
	p := &t.parts
	now := new(atomic.Pointer[textmap.Check])
	now.Store(&check)
	checked := func(e textmap.Entry) (warning string, wrong error) { return (*now.Load())(e) }
	m, err := p.Open(setting, maps.Options{
		Kind: safefile.Map, Rules: p.Safe, Check: checked, Deferred: p.Deferred, Getenv: p.Getenv, Log: p.Log, Now: p.Now,
	})
	return table{m, setting, err, now}
}

// Usable is what is wrong with the maps, as they were opened, or nil.
func (t *Table) Usable() error {
	return errors.Join(t.mailers.wrong, t.virtual.wrong, t.domains.wrong, t.generics.wrong)
}

// Waits says that who asks may have to wait, for a database that has a map.
func (t *Table) Waits() bool {
	for _, m := range []*table{&t.mailers, &t.virtual, &t.domains, &t.generics} {
		if maps.Waits(m.setting) {
			return true
		}
	}
	return false
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
