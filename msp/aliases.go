package msp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/aliasfile"
	"mailcrane/internal/sysexits"
)

// Bounds of a file of aliases.
const (
	maxAliasFile = 1 << 20 // octets
	// maxAliasDepth is sendmail's MaxAliasRecursion.
	maxAliasDepth = 10
)

// loadAliases reads the file. One that is not there is empty; another that
// cannot be read is an error: its mail must not go elsewhere meanwhile.
func loadAliases(path string) (*aliasfile.Aliases, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return aliasfile.Parse(path, "", nil), nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxAliasFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxAliasFile {
		return nil, fmt.Errorf("it is larger than %d octets", maxAliasFile)
	}
	return aliasfile.Parse(path, string(text), nil), nil
}

// destinations are the addresses of an alias, the names of this machine that it
// has, and those that are looked up no more behind a backslash; wrong is what
// needs a server.
func destinations(one *aliasfile.Entry) (to []string, wrong []error) {
	items, _ := one.Items() // what is no destination was told when the file was read
	for _, item := range items {
		why := ""
		switch item.Kind {
		case aliasfile.Address:
			to = append(to, withoutLocalhost(item.Text))
		case aliasfile.Mailbox:
			name := withoutLocalhost(item.Text)
			if address.Domain(name) == "" { // the aliases of elsewhere are not ours
				name = `\` + name
			}
			to = append(to, name)
		case aliasfile.Program:
			why = "|%s runs a program"
		case aliasfile.File:
			why = "%s writes to a file"
		case aliasfile.Include:
			why = ":include:%s reads a list from a file"
		}
		if why != "" {
			wrong = append(wrong, fmt.Errorf("%s: "+why+"; that needs server mode (mailcrane mta): name an address instead", one.Where, address.Shown(item.Text)))
		}
	}
	return to, wrong
}

// expand is the addresses that the aliases have for a name; none where they
// have nothing to say of it. The detail behind a plus sign is looked for first.
func (s *submission) expand(name string) ([]string, error) {
	if s.cfg.Aliases == "" {
		return nil, nil
	}
	if s.aliases == nil {
		var err error
		if s.aliases, err = loadAliases(s.cfg.Aliases); err != nil {
			return nil, s.unreadableAliases(err)
		}
	}
	x := expansion{submission: s}
	err := x.follow(strings.ToLower(name), nil)
	return x.to, err
}

func (s *submission) unreadableAliases(err error) error {
	return sysexits.Errorf(sysexits.Config, "make it readable: chmod a+r "+s.cfg.Aliases, "the aliases in %s cannot be read: %w", s.cfg.Aliases, plain(err))
}

// An expansion follows one name.
type expansion struct {
	*submission
	to []string
}

// follow adds where the name goes; path is the names that led to it.
func (x *expansion) follow(name string, path []string) error {
	one := x.aliases.Find(name)
	if base, _, detail := strings.Cut(name, "+"); one == nil && detail {
		if one = x.aliases.Find(base + "+*"); one == nil {
			one = x.aliases.Find(base)
		}
	}
	if one == nil {
		return nil
	}
	path = append(path, one.Name)
	if len(path) > maxAliasDepth {
		return x.wrong(one, "aliases refer to each other more than %d deep: %s", maxAliasDepth, strings.Join(path, ", "))
	}
	to, _ := destinations(one)
	for _, to := range to {
		if err := x.element(one, to, path); err != nil {
			return err
		}
	}
	if len(x.to) == 0 {
		return x.wrong(one, "nothing is left of the alias %s; see what is wrong with: newaliases", one.Name)
	}
	return nil
}

// element adds where one element of an alias goes.
func (x *expansion) element(one *aliasfile.Entry, to string, path []string) error {
	if len(x.to) >= maxRecipients {
		return x.wrong(one, "more than %d addresses", maxRecipients)
	}
	if address.Domain(to) != "" {
		x.to = append(x.to, to)
		return nil
	}
	name, final := strings.CutPrefix(to, `\`)
	name = strings.ToLower(name)
	if !final && name != one.Name && x.aliases.Find(name) != nil {
		for _, before := range path {
			if before == name {
				return x.wrong(one, "the aliases run in a circle: %s, %s", strings.Join(path, ", "), name)
			}
		}
		return x.follow(name, path)
	}
	box := x.mailbox()
	if !x.isLocal(name) || box == "" {
		return x.wrong(one, "%s is no user of this machine, and no alias", address.Shown(name))
	}
	x.to = append(x.to, box)
	return nil
}

func (x *expansion) wrong(one *aliasfile.Entry, format string, args ...any) error {
	return sysexits.Errorf(sysexits.Config, "mend it, then type: newaliases", "%s: %s", one.Where, fmt.Sprintf(format, args...))
}

// checkAliases is newaliases and -bi. There is no database to rebuild: the file
// itself is read. What can be said is whether it is right.
func (s *submission) checkAliases() int {
	if s.cfg.Aliases == "" {
		fmt.Fprintln(s.Stdout, `no file of aliases is set, so there is nothing to check; to have one: aliases = "/etc/aliases"`)
		return sysexits.OK
	}
	all, err := loadAliases(s.cfg.Aliases)
	if err != nil {
		return s.refuse(s.unreadableAliases(err))
	}
	s.aliases = all
	wrong := all.Wrong
	for i := range all.Entries {
		one := &all.Entries[i]
		to, needServer := destinations(one)
		wrong = append(wrong, needServer...)
		x := expansion{submission: s}
		if err := x.follow(one.Name, nil); err != nil && len(to) > 0 {
			wrong = append(wrong, err)
		}
	}
	for _, line := range all.Warnings {
		fmt.Fprintln(s.Stderr, line)
	}
	for _, line := range wrong {
		fmt.Fprintln(s.Stderr, line)
	}
	fmt.Fprintln(s.Stdout, all.Summary())
	if len(wrong) > 0 {
		return sysexits.Software // as sendmail has it
	}
	return sysexits.OK
}
