package msp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/sysexits"
)

// Bounds of a file of aliases.
const (
	maxAliasFile = 1 << 20 // octets
	// maxAliasDepth is sendmail's MaxAliasRecursion.
	maxAliasDepth = 10
)

// An alias is a line of the file.
type alias struct {
	name string   // in lower case
	to   []string // addresses, and names of this machine
	line int
}

// aliases is a file in the form of /etc/aliases (aliases(5)).
type aliases struct {
	path string
	all  []alias
	// wrong is what could not be read of it.
	wrong []error
}

// loadAliases reads the file. One that is not there is empty; another that
// cannot be read is an error: its mail must not go elsewhere meanwhile.
func loadAliases(path string) (*aliases, error) {
	a := &aliases{path: path}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
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
	a.parse(string(text))
	return a, nil
}

// parse takes the text in: a line that begins with white space goes on with the
// one before it, "#" begins a comment.
func (a *aliases) parse(text string) {
	number, begin, entry := 0, 0, ""
	flush := func() {
		if entry != "" {
			a.add(begin, entry)
		}
		entry = ""
	}
	for line := range strings.SplitSeq(text, "\n") {
		number++
		line = strings.TrimRight(line, " \t\r")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			if entry == "" {
				if line = strings.TrimLeft(line, " \t"); line[0] != '#' {
					a.bad(number, "goes on with a line that is not there: begin it with a name and a colon")
				}
				continue
			}
			entry += " " + strings.TrimLeft(line, " \t")
		default:
			flush()
			begin, entry = number, line
		}
	}
	flush()
}

func (a *aliases) bad(line int, format string, args ...any) {
	a.wrong = append(a.wrong, fmt.Errorf("%s:%d: %s", a.path, line, fmt.Sprintf(format, args...)))
}

// add takes one entry in, if it is one.
func (a *aliases) add(line int, entry string) {
	name, rest, ok := cutAlias(entry)
	if !ok {
		a.bad(line, "%s has no colon behind a name: write name: address", address.Shown(entry))
		return
	}
	one := alias{name: strings.ToLower(name), line: line}
	for word := range elements(rest) {
		if why := delivers(word); why != "" {
			a.bad(line, "%s %s; that needs server mode (mailcrane mta): name an address instead", address.Shown(word), why)
			continue
		}
		to, err := target(word)
		if err != nil {
			a.bad(line, "%s: %v", address.Shown(word), err)
			continue
		}
		one.to = append(one.to, to)
	}
	if strings.TrimSpace(rest) == "" {
		a.bad(line, "%s goes nowhere: write an address behind the colon", address.Shown(name))
	}
	if a.find(one.name) != nil {
		a.bad(line, "%s is there already, in line %d", address.Shown(name), a.find(one.name).line)
		return
	}
	a.all = append(a.all, one)
}

// cutAlias divides an entry at its colon; a quoted name may hold one.
func cutAlias(entry string) (name, rest string, ok bool) {
	if inner, quoted := strings.CutPrefix(entry, `"`); quoted {
		if name, rest, ok = strings.Cut(inner, `"`); ok {
			rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " \t"), ":")
		}
	} else {
		name, rest, ok = strings.Cut(entry, ":")
	}
	name = strings.TrimSpace(name)
	return name, rest, ok && name != "" && !strings.ContainsAny(name, " \t,|/")
}

// elements divides a right side at its commas, but for those within quotes.
func elements(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		quoted, from := false, 0
		for i := 0; i <= len(text); i++ {
			switch {
			case i < len(text) && text[i] == '\\' && i+1 < len(text):
				i++
			case i < len(text) && text[i] == '"':
				quoted = !quoted
			case i == len(text) || text[i] == ',' && !quoted:
				if word := strings.TrimSpace(text[from:i]); word != "" && !yield(word) {
					return
				}
				from = i + 1
			}
		}
	}
}

// delivers says what an element would do besides going to an address, or "".
func delivers(word string) string {
	word = strings.TrimLeft(word, `"`)
	switch {
	case strings.HasPrefix(word, "|"):
		return "runs a program"
	case strings.HasPrefix(word, "/") && !strings.Contains(word, "@"):
		return "writes to a file"
	case len(word) >= 9 && strings.EqualFold(word[:9], ":include:"):
		return "reads a list from a file"
	case len(word) >= 7 && strings.EqualFold(word[:7], ":error:"):
		return "is an error of its own"
	}
	return ""
}

// target reads an address, or a name of this machine; one behind a backslash
// is looked up no more.
func target(word string) (string, error) {
	if name, final := strings.CutPrefix(word, `\`); final {
		if strings.ContainsAny(name, " \t\"\\") || name == "" {
			return "", errors.New("it is no name")
		}
		return word, nil
	}
	list, bad := address.ParseList(word)
	if len(bad) > 0 {
		return "", errors.New(bad[0].Why)
	}
	if len(list) != 1 || list[0].Address == "" {
		return "", errors.New("it is not one address")
	}
	to := withoutLocalhost(list[0].Address)
	if address.Domain(to) == "" {
		return to, nil
	}
	return to, address.Valid(to)
}

func (a *aliases) find(name string) *alias {
	for i := range a.all {
		if a.all[i].name == name {
			return &a.all[i]
		}
	}
	return nil
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
	one := x.aliases.find(name)
	if base, _, detail := strings.Cut(name, "+"); one == nil && detail {
		one = x.aliases.find(base)
	}
	if one == nil {
		return nil
	}
	path = append(path, one.name)
	if len(path) > maxAliasDepth {
		return x.wrong(one, "aliases refer to each other more than %d deep: %s", maxAliasDepth, strings.Join(path, ", "))
	}
	for _, to := range one.to {
		if err := x.element(one, to, path); err != nil {
			return err
		}
	}
	if len(x.to) == 0 {
		return x.wrong(one, "nothing is left of the alias %s; see what is wrong with: newaliases", one.name)
	}
	return nil
}

// element adds where one element of an alias goes.
func (x *expansion) element(one *alias, to string, path []string) error {
	if len(x.to) >= maxRecipients {
		return x.wrong(one, "more than %d addresses", maxRecipients)
	}
	if address.Domain(to) != "" {
		x.to = append(x.to, to)
		return nil
	}
	name, final := strings.CutPrefix(to, `\`)
	name = strings.ToLower(name)
	if !final && name != one.name && x.aliases.find(name) != nil {
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

func (x *expansion) wrong(one *alias, format string, args ...any) error {
	return sysexits.Errorf(sysexits.Config, "mend it, then type: newaliases", "%s:%d: %s", x.aliases.path, one.line, fmt.Sprintf(format, args...))
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
	longest, octets := 0, 0
	for i := range all.all {
		one := &all.all[i]
		right := len(strings.Join(one.to, ", "))
		longest, octets = max(longest, right), octets+len(one.name)+right
		x := expansion{submission: s}
		if err := x.follow(one.name, nil); err != nil && len(one.to) > 0 {
			all.wrong = append(all.wrong, err)
		}
	}
	for _, wrong := range all.wrong {
		fmt.Fprintln(s.Stderr, wrong)
	}
	fmt.Fprintf(s.Stdout, "%s: %d aliases, longest %d bytes, %d bytes total\n", all.path, len(all.all), longest, octets)
	if len(all.wrong) > 0 {
		return sysexits.DataErr
	}
	return sysexits.OK
}
