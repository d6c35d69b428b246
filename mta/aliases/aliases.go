// Package aliases is sendmail's aliases, lists and .forward of a server: what
// stands in them, whether it may be trusted, and as whom it runs. Who follows them
// from one to the next is package expand.
package aliases

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"mailcrane/internal/aliasfile"
	"mailcrane/mta/maps"
	"mailcrane/mta/safefile"
	"mailcrane/mta/textmap"
)

// An Item is one destination of a list.
type Item = aliasfile.Item

// A Kind is what a destination is.
type Kind = aliasfile.Kind

// The kinds.
const (
	Address = aliasfile.Address // an address, or a local name
	Mailbox = aliasfile.Mailbox // \user, \user@domain: looked up no more where it is local
	File    = aliasfile.File
	Program = aliasfile.Program
	Include = aliasfile.Include
)

// ParseList reads what stands in a file of a list or a .forward called name. The
// errors are of single destinations, and name file and line; the rest is good.
func ParseList(text, name string) ([]Item, []error) { return aliasfile.ParseList(text, name) }

// maxFile bounds a file of aliases, in octets.
const maxFile = 64 << 20

// Options say how aliases are opened.
type Options struct {
	// Rules say whose files are trusted.
	Rules safefile.Rules
	// Local says which domains are ours; nil is none.
	Local func(domain string) bool
	// Methods are those of the service switch for aliases: where files is not one of
	// them, the first file without a class is not asked. nil asks it.
	Methods func() []string
	// Deferred and Getenv are as in maps.Options.
	Deferred bool
	Getenv   func(string) string
	// Log hears of each change once; nil is nobody.
	Log *slog.Logger
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

func (o Options) maps() maps.Options {
	return maps.Options{Kind: safefile.Alias, Rules: o.Rules, Deferred: o.Deferred, Getenv: o.Getenv, Log: o.Log, Now: o.Now}
}

// Aliases are all alias maps of a configuration. They are safe for use by several
// goroutines, and a file is read again when it has changed.
type Aliases struct{ all []maps.Map }

// Open opens the maps of the settings: text files in the form of /etc/aliases, or
// databases as maps.Open has them. An error says all that is wrong; the Aliases
// are good all the same: names on bad lines, and all of a map that cannot be read,
// are temporary errors until that is mended.
func Open(settings []string, o Options) (*Aliases, error) {
	a := new(Aliases)
	var wrong []error
	first := Switched(settings)
	for i, setting := range settings {
		var m maps.Map
		var err error
		if path, ok := TextFile(setting); ok && !(o.Deferred && isLater(setting)) {
			m, err = openFile(path, o)
		} else {
			m, err = maps.Open(setting, o.maps())
		}
		if i == first && o.Methods != nil {
			m = switched{m, o.Methods}
		}
		a.all, wrong = append(a.all, m), append(wrong, err)
	}
	return a, errors.Join(wrong...)
}

// Switched is the index of the file that the service switch calls files: the first
// one that is named without a class. -1 is none.
func Switched(settings []string) int {
	return slices.IndexFunc(settings, func(setting string) bool {
		path, _ := maps.Setting(setting)
		return strings.HasPrefix(path, "/") || !strings.Contains(path, ":")
	})
}

// switched is a map that the service switch may leave out.
type switched struct {
	maps.Map
	methods func() []string
}

// Find implements maps.Map.
func (s switched) Find(ctx context.Context, key string) (value, where string, ok bool, err error) {
	if !slices.Contains(s.methods(), "files") {
		return "", "", false, nil
	}
	return s.Map.Find(ctx, key)
}

func isLater(setting string) bool {
	_, later := maps.Setting(setting)
	return later
}

// TextFile is the file of a setting that names one, without sendmail's class; false
// for a database.
func TextFile(setting string) (path string, ok bool) {
	path, _ = maps.Setting(setting)
	for _, class := range [...]string{"hash:", "btree:", "dbm:", "cdb:", "text:", "files:"} {
		path = strings.TrimPrefix(path, class)
	}
	for _, database := range [...]string{"sqlite:", "postgres:", "ldap:"} {
		if strings.HasPrefix(path, database) {
			return "", false
		}
	}
	return path, true
}

// file is a map in the form of /etc/aliases.
type file struct {
	*textmap.File[*aliasfile.Aliases]
}

func openFile(path string, o Options) (maps.Map, error) {
	// Bad lines keep a map in use that was good, and take no names out of one that
	// never was: their mail waits.
	var good, opened atomic.Bool
	var wrong error // of the first reading
	f, err := textmap.Open(textmap.Source[*aliasfile.Aliases]{
		Kind: safefile.Alias, Path: path, Rules: o.Rules, Log: o.Log, Now: o.Now,
		Read: func(name string, in io.Reader) (*aliasfile.Aliases, []string, error) {
			table, err := read(name, in, o.Local)
			if err != nil {
				return nil, nil, err
			}
			bad := errors.Join(table.Wrong...)
			if good.Load() && bad != nil {
				return nil, table.Warnings, bad
			}
			good.Store(bad == nil)
			warnings := table.Warnings
			for _, line := range table.Wrong {
				warnings = append(warnings, line.Error())
			}
			if !opened.Load() {
				wrong = bad
			}
			return table, warnings, nil
		},
	})
	opened.Store(true)
	if err == nil {
		err = wrong
	}
	return file{f}, err
}

// read reads a file of aliases that is open.
func read(name string, in io.Reader, local func(string) bool) (*aliasfile.Aliases, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", name, err)
	case len(text) > maxFile:
		return nil, fmt.Errorf("%s: it is larger than %d octets", name, maxFile)
	}
	return aliasfile.Parse(name, string(text), local), nil
}

func (f file) Find(_ context.Context, key string) (value, where string, ok bool, err error) {
	table, err := f.Get()
	if err != nil {
		return "", "", false, fmt.Errorf("the aliases cannot be read: %w", err)
	}
	e := table.Find(key)
	switch {
	case e == nil:
		return "", "", false, nil
	case e.Wrong != nil:
		return "", e.Where, false, fmt.Errorf("the alias cannot be used until its line is mended: %w", e.Wrong)
	}
	return e.Value, e.Where, true, nil
}

// Lookup is what the alias of a local part comes to: of user+detail, then user+*,
// then user, in all maps each. key is the one that was found, ok says that there
// is one. An error is temporary: nobody knows now whether there is one.
func (a *Aliases) Lookup(ctx context.Context, user, detail string) (items []Item, key string, ok bool, err error) {
	user = aliasfile.Key(user)
	keys := []string{user}
	if detail != "" {
		keys = []string{user + "+" + strings.ToLower(detail), user + "+*", user}
	}
	for _, key := range keys {
		if items, ok, err := a.find(ctx, key); ok || err != nil {
			return items, key, ok, err
		}
	}
	return nil, "", false, nil
}

func (a *Aliases) find(ctx context.Context, key string) (items []Item, ok bool, err error) {
	value, where, ok, err := a.value(ctx, key)
	if err != nil || !ok {
		return nil, false, err
	}
	items, wrong := aliasfile.ParseValue(value, where)
	if len(wrong) > 0 {
		return nil, false, fmt.Errorf("the alias cannot be used until it is mended: %w", wrong[0])
	}
	return items, true, nil
}

func (a *Aliases) value(ctx context.Context, key string) (value, where string, ok bool, err error) {
	if a == nil || key == "" {
		return "", "", false, nil
	}
	for _, m := range a.all {
		if value, where, ok, err = m.Find(ctx, key); ok || err != nil {
			return value, where, ok, err
		}
	}
	return "", "", false, nil
}

// Owner is the reverse-path for the members of the alias key, where there is an
// alias owner-KEY: what that one is, if it is a single address, else its name. Of
// owner-NAME itself it is owner-owner. It has no domain where none stands there.
func (a *Aliases) Owner(ctx context.Context, key string) (sender string, ok bool, err error) {
	name := "owner-" + aliasfile.Key(key)
	if strings.HasPrefix(name, "owner-owner-") {
		name = "owner-owner"
	}
	items, ok, err := a.find(ctx, name)
	if err != nil || !ok {
		return "", false, err
	}
	if len(items) == 1 && items[0].Kind == Address {
		return items[0].Text, true, nil
	}
	return name, true, nil
}

// Reload reads the files again at once, changed or not.
func (a *Aliases) Reload() error {
	var wrong []error
	for _, m := range a.all {
		if f, ok := m.(interface{ Reload() error }); ok {
			wrong = append(wrong, f.Reload())
		}
	}
	return errors.Join(wrong...)
}

// Includes says that an alias names the list at path itself. Of a database it is
// not known.
func (a *Aliases) Includes(path string) bool {
	for _, m := range a.all {
		f, ok := m.(file)
		if !ok {
			continue
		}
		table, err := f.Get()
		if err != nil {
			continue
		}
		for _, e := range table.Entries {
			if e.Wrong == nil && strings.Contains(e.Value, path) && includes(e.Value, e.Where, path) {
				return true
			}
		}
	}
	return false
}

func includes(value, where, path string) bool {
	items, _ := aliasfile.ParseValue(value, where)
	return slices.ContainsFunc(items, func(i Item) bool { return i.Kind == Include && i.Text == path })
}
