package mta

import (
	"log/slog"
	"os"

	"mailcrane/internal/config"
	"mailcrane/internal/logbook"
	"mailcrane/mta/aliases"
	"mailcrane/mta/expand"
	"mailcrane/mta/local"
	"mailcrane/mta/names"
	"mailcrane/mta/policy"
	"mailcrane/mta/route"
	"mailcrane/mta/safefile"
)

// newExpander finds recipients by the real aliases, lists and .forward. Aliases that
// cannot be read put off who needs them, until they are mended.
func newExpander(c *config.Config, safe safefile.Rules, table *route.Table, o RoutingOptions) *expand.Expander {
	known, err := aliases.Open(c.MTA.Map.Aliases, aliases.Options{
		Rules: safe, Local: isLocal(o.Classes), Getenv: os.Getenv, Log: o.Log, Now: o.Now,
		Methods: AliasMethods(c), Deferred: o.Deferred,
	})
	if err != nil {
		logbook.Line(o.Log, logbook.Serious, "not all aliases can be used; mail for these names is put off until that is mended: "+err.Error(), slog.Any("files", c.MTA.Map.Aliases))
	}
	whole, _ := o.Names.(names.Completer) // nil where the names are a test's
	return expand.New(expand.Options{
		Table: table, Aliases: known, Users: o.Users, Names: whole, Hostname: o.Classes.Host(), Admin: c.Admin,
		Lists: aliases.NewLists(aliases.ListOptions{
			Opener: o.opener(safe), Users: o.Users, ForwardPath: c.MTA.Deliver.ForwardPath, Host: Hostname(c),
			IncludeUID: IncludeUID(c, o.Opener != nil), FileOpen: c.Timeout.FileOpen, Log: o.Log,
		}),
		MaxDepth: c.MTA.Routing.MaxAliasRecursion, MeToo: c.MTA.Routing.MeToo,
	})
}

// AliasMethods are those of the service switch that a configuration names: without
// files the first alias file is not asked. nil asks it, as where the switch is the
// system's.
func AliasMethods(c *config.Config) func() []string {
	if c.MTA.Resolver.SwitchFile == "" {
		return nil
	}
	services, err := names.SwitchOf(c)
	if err != nil {
		return nil
	}
	return services.Aliases
}

func isLocal(classes *policy.Classes) func(domain string) bool {
	return func(domain string) bool { return classes.Local(domain) != "" }
}

// opener opens lists and .forward files: the given one, or this process.
func (o RoutingOptions) opener(safe safefile.Rules) aliases.Opener {
	if o.Opener != nil {
		return o.Opener
	}
	return aliases.Direct{Rules: safe}
}

// IncludeUID is with whose rights the lists of aliases are read: the DefaultUser's,
// who can become nobody else; a server that is not root, and has nobody with the
// rights to ask, has only its own.
func IncludeUID(c *config.Config, asks bool) uint32 {
	const nobody = 1 // sendmail's, where the machine has none of its choices
	defaultUser := c.MTA.Deliver.DefaultUser
	if uid := os.Geteuid(); uid != 0 && !asks {
		return uint32(max(uid, 0)) //nolint:gosec // a user's number has 32 bits
	}
	a, err := local.DefaultUser(defaultUser)
	if err != nil || a.UID == 0 {
		return nobody
	}
	return a.UID
}
