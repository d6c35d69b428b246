package mta

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/access"
	"mailcrane/mta/aliases"
	"mailcrane/mta/maps"
	"mailcrane/mta/policy"
	"mailcrane/mta/route"
	"mailcrane/mta/safefile"
)

// A Support is a map, a class or a file of aliases that a configuration names, as
// somebody finds it who looks at it.
type Support struct {
	// Key is the option that names it, Where the line of the configuration; Name is
	// what stands there.
	Key, Where, Name string
	// Wrong is what is wrong with it, each with file and line where there is one;
	// Warnings are lines that mean something else than they seem to.
	Wrong    []error
	Warnings []string
	// Asked says that it is a database that was there to be asked, and Wrong what it
	// has answered to who looks; Unasked why it was not.
	Asked   bool
	Unasked string
}

// A Look is how somebody looks at them.
type Look struct {
	Now    func() time.Time
	Getenv func(string) string
	// Offline asks no database that is not on this machine.
	Offline bool
}

// Supports opens all that there are. An error is that of an option.
func (l Look) Supports(ctx context.Context, c *config.Config) ([]Support, error) {
	safe, err := trusting(c)
	if err != nil {
		return nil, err
	}
	all := l.classes(c, safe)
	m := &c.MTA.Map
	if m.Access != "" {
		warnings, err := access.Check(m.Access, safe, howToRead(c))
		all = append(all, Support{Name: m.Access, Key: "mta.map.access", Warnings: warnings, Wrong: each(err)})
	}
	bare := *c // what is wrong with the files of classes was told of each
	bare.MTA.LocalFile, bare.MTA.RelayFile, bare.MTA.Routing.VirtHostFile, bare.MTA.Routing.GenericsFile = "", "", "", ""
	classes, err := policy.NewClasses(policy.Parts{Config: &bare, Hostname: Hostname(c), Safe: safe, Now: l.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	tables, err := l.tables(ctx, &bare, safe, classes)
	if err != nil {
		return nil, err
	}
	all = append(append(all, tables...), l.aliases(ctx, c, safe, classes)...)
	for i := range all {
		if o, _ := config.Explained(all[i].Key); o != nil {
			all[i].Where = c.Origin(o, "")
		}
	}
	return all, nil
}

// classes are the files of domains and networks.
func (l Look) classes(c *config.Config, safe safefile.Rules) (all []Support) {
	m := &c.MTA
	parts := policy.Parts{Config: c, Safe: safe, Now: l.Now, Log: slog.New(slog.DiscardHandler)}
	for _, f := range []struct{ key, path string }{
		{"mta.local_file", m.LocalFile},
		{"mta.relay_file", m.RelayFile},
		{"mta.route.virt_host_file", m.Routing.VirtHostFile},
		{"mta.route.generics_file", m.Routing.GenericsFile},
	} {
		if f.path == "" {
			continue
		}
		_, err := policy.NewClass(parts, policy.ClassOf{Key: f.key, File: f.path})
		all = append(all, Support{Key: f.key, Name: f.path, Wrong: each(err)})
	}
	return all
}

func (l Look) tables(ctx context.Context, c *config.Config, safe safefile.Rules, classes *policy.Classes) ([]Support, error) {
	checked, err := route.CheckEach(route.Parts{Config: c, Classes: classes, Safe: safe, Getenv: l.Getenv, Now: l.Now})
	if err != nil {
		return nil, err
	}
	var all []Support
	for _, m := range checked {
		s := Support{Key: m.Key, Name: m.Setting, Warnings: m.Warnings, Wrong: each(m.Wrong)}
		l.ask(ctx, &s, m.Map, maps.Needed(m.Setting, maps.Options{Kind: safefile.Map, Rules: safe}))
		all = append(all, s)
	}
	return all, nil
}

func (l Look) aliases(ctx context.Context, c *config.Config, safe safefile.Rules, classes *policy.Classes) (all []Support) {
	o := aliases.Options{Rules: safe, Local: isLocal(classes), Getenv: l.Getenv, Now: l.Now}
	left := NotAsked(c)
	for _, setting := range c.MTA.Map.Aliases {
		r := aliases.Check([]string{setting}, o)[0]
		s := Support{Key: "mta.map.aliases", Name: setting, Warnings: r.Warnings, Wrong: r.Wrong}
		if left != "" && left == setting {
			s.Warnings = append(s.Warnings, c.MTA.Resolver.SwitchFile+": there is no files in its line aliases, so that "+setting+" is not asked")
		}
		if _, text := aliases.TextFile(setting); !text && len(s.Wrong) == 0 {
			how := maps.Options{Kind: safefile.Alias, Rules: safe, Getenv: l.Getenv, Now: l.Now}
			m, err := maps.Open(setting, how)
			s.Wrong = each(err)
			l.ask(ctx, &s, m, maps.Needed(setting, how))
		}
		all = append(all, s)
	}
	return all
}

// NotAsked is the file of aliases that the service switch leaves out, or "".
func NotAsked(c *config.Config) string {
	methods, i := AliasMethods(c), aliases.Switched(c.MTA.Map.Aliases)
	if i < 0 || methods == nil || slices.Contains(methods(), "files") {
		return ""
	}
	return c.MTA.Map.Aliases[i]
}

// aKey is one that nobody has, by which a database shows whether it answers.
const aKey = "mailcrane-doctor.invalid"

// ask asks a database whose definition is in order.
func (l Look) ask(ctx context.Context, s *Support, m maps.Map, n maps.Needs) {
	switch {
	case n.Database == "" || len(s.Wrong) > 0:
	case n.Credential != "":
		s.Unasked = "its password is the credential " + n.Credential + ", which only the service is given"
	case n.Remote && l.Offline:
		s.Unasked = "it is on another machine"
	default:
		s.Asked = true
		if _, _, _, err := m.Find(ctx, aKey); err != nil {
			s.Wrong = []error{err}
		}
	}
}

// each are the errors that were joined.
func each(err error) []error {
	if err == nil {
		return nil
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		var flat []error
		for _, e := range all.Unwrap() {
			flat = append(flat, each(e)...)
		}
		return flat
	}
	if inner := errors.Unwrap(err); inner != nil && inner.Error() == err.Error() {
		return each(inner)
	}
	return []error{err}
}
