package mta

import (
	"log/slog"
	"os"

	"mailcrane/internal/config"
	"mailcrane/internal/logbook"
	"mailcrane/mta/aliases"
	"mailcrane/mta/expand"
	"mailcrane/mta/local"
	"mailcrane/mta/policy"
	"mailcrane/mta/route"
	"mailcrane/mta/safefile"
)

// newExpander finds recipients by the real aliases, lists and .forward. Aliases that
// cannot be read put off who needs them, until they are mended.
func newExpander(c *config.Config, safe safefile.Rules, table *route.Table, o RoutingOptions) *expand.Expander {
	known, err := aliases.Open(c.MTA.Map.Aliases, aliases.Options{
		Rules: safe, Local: isLocal(o.Classes), Getenv: os.Getenv, Log: o.Log, Now: o.Now,
	})
	if err != nil {
		logbook.Line(o.Log, logbook.Serious, "not all aliases can be used; mail for these names is put off until that is mended: "+err.Error(), slog.Any("files", c.MTA.Map.Aliases))
	}
	return expand.New(expand.Options{
		Table: table, Aliases: known, Users: o.Users, Hostname: o.Classes.Host(), Admin: c.Admin,
		Lists: aliases.NewLists(aliases.ListOptions{
			Opener: aliases.Direct{Rules: safe}, Users: o.Users, ForwardPath: c.MTA.Deliver.ForwardPath, Host: Hostname(c),
			IncludeUID: includeUID(c.MTA.Deliver.DefaultUser), FileOpen: c.Timeout.FileOpen, Log: o.Log,
		}),
		MaxDepth: c.MTA.Routing.MaxAliasRecursion, MeToo: c.MTA.Routing.MeToo,
	})
}

func isLocal(classes *policy.Classes) func(domain string) bool {
	return func(domain string) bool { return classes.Local(domain) != "" }
}

// includeUID is with whose rights the lists of aliases are read: the DefaultUser's,
// who can become nobody else; a server that is not root has only its own.
func includeUID(defaultUser string) uint32 {
	const nobody = 1 // sendmail's, where the machine has none of its choices
	if uid := os.Geteuid(); uid != 0 {
		return uint32(max(uid, 0)) //nolint:gosec // a user's number has 32 bits
	}
	a, err := local.DefaultUser(defaultUser)
	if err != nil || a.UID == 0 {
		return nobody
	}
	return a.UID
}
