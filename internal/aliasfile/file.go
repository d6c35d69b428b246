package aliasfile

import (
	"fmt"
	"strings"

	"mailcrane/internal/address"
)

// maxEntry bounds one alias, in octets.
const maxEntry = 1 << 20

// An Entry is an alias.
type Entry struct {
	// Name is in lower case, without quotes.
	Name string
	// Value is what stands right of the colon, in one line.
	Value string
	// Where is file:line, of the line with the name.
	Where string
	// Wrong is what is wrong with it, or nil: its mail must not go elsewhere
	// meanwhile.
	Wrong error
}

// Items are its destinations, and what is wrong with others.
func (e *Entry) Items() ([]Item, []error) { return ParseValue(e.Value, e.Where) }

// Aliases are what stands in a file of aliases.
type Aliases struct {
	Name string
	// Entries are in the order of the file. Of two with one name the last counts,
	// and is the only one here.
	Entries []Entry
	// Warnings and Wrong begin with file:line.
	Warnings []string
	Wrong    []error
	// Stored, Longest and Octets are what newaliases reports: how many were taken
	// in, the longest value, and how much all of them are.
	Stored, Longest, Octets int

	index map[string]int
}

// Find is the entry of a name in lower case, or nil.
func (f *Aliases) Find(name string) *Entry {
	if i, ok := f.index[name]; ok {
		return &f.Entries[i]
	}
	return nil
}

// Summary is the line of newaliases.
func (f *Aliases) Summary() string {
	return fmt.Sprintf("%s: %d aliases, longest %d bytes, %d bytes total", f.Name, f.Stored, f.Longest, f.Octets)
}

// Parse reads a file of aliases by sendmail's rules: a line that begins with white
// space goes on with the one before it, a backslash at the end of a line takes the
// next one in, a line that begins with # says nothing. local says which domains
// may stand in a name; nil is none. Bad lines are reported, and the rest is read.
func Parse(name, text string, local func(domain string) bool) *Aliases {
	r := reading{Aliases: &Aliases{Name: name, index: make(map[string]int)}, local: local, rest: text}
	for r.rest != "" {
		begin := r.line + 1
		line := r.next()
		switch {
		case line == "" || line[0] == '#':
			r.flush()
			r.adrift = false
		case isBlank(line[0]):
			r.goOn(begin, line)
		default:
			r.flush()
			r.adrift, r.begin, r.entry = false, begin, append(r.entry[:0], line...)
		}
	}
	r.flush()
	return r.Aliases
}

// reading is Aliases that are being made.
type reading struct {
	*Aliases
	local func(string) bool
	rest  string
	line  int // how many were read

	entry  []byte // what has been read of an alias; empty is none
	begin  int    // its line
	adrift bool   // the line before went on with nothing, and was told
}

// next is the next line, with those that backslashes take in.
func (r *reading) next() string {
	var joined []string
	for {
		part, rest, more := strings.Cut(r.rest, "\n")
		r.rest = rest
		r.line++
		part = strings.TrimSuffix(part, "\r")
		begin, again := strings.CutSuffix(part, `\`)
		switch {
		case again && more:
			joined = append(joined, begin)
		case len(joined) > 0:
			return strings.Join(append(joined, begin), "")
		default:
			return begin
		}
	}
}

// goOn takes in a line that begins with white space.
func (r *reading) goOn(number int, line string) {
	switch text := strings.TrimLeft(line, " \t"); {
	case len(r.entry) > 0 && strings.HasPrefix(text, "#"):
		r.bad(number, "a comment has to begin the line: here it goes on with the alias before it")
	case len(r.entry) > 0:
		if len(r.entry) <= maxEntry { // more is too long already
			r.entry = append(r.entry, line...)
		}
	case text != "" && text[0] != '#' && !r.adrift:
		r.bad(number, "Non-continuation line starts with space: begin it with a name and a colon")
		r.adrift = true
	}
}

func (r *reading) bad(line int, format string, args ...any) {
	r.Wrong = append(r.Wrong, fmt.Errorf("%s:%d: %s", r.Name, line, fmt.Sprintf(format, args...)))
}

// flush takes in the alias that was read.
func (r *reading) flush() {
	entry := string(r.entry)
	r.entry = r.entry[:0]
	if entry == "" {
		return
	}
	if len(entry) > maxEntry {
		r.bad(r.begin, "alias too long: it has more than %d octets; keep its members in a file, and write :include:/path", maxEntry)
		return
	}
	name, value, ok := cut(entry)
	if !ok {
		r.bad(r.begin, "%s... missing colon: write name: address", address.Shown(entry))
		return
	}
	name, why := r.key(name)
	if why != "" {
		r.bad(r.begin, "%s... %s", address.Shown(name), why)
		return
	}
	r.add(Entry{Name: name, Value: strings.TrimSpace(value), Where: fmt.Sprintf("%s:%d", r.Name, r.begin)})
}

// add takes an alias in.
func (r *reading) add(e Entry) {
	if e.Value == "" {
		r.bad(r.begin, "%s... missing value for alias: write an address behind the colon", address.Shown(e.Name))
		e.Wrong = r.Wrong[len(r.Wrong)-1]
	} else if _, wrong := e.Items(); len(wrong) > 0 {
		e.Wrong = wrong[0]
		r.Wrong = append(r.Wrong, wrong...)
	}
	if i, twice := r.index[e.Name]; twice {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s: Warning: duplicate alias name %s: it counts, and %s does not", e.Where, address.Shown(e.Name), r.Entries[i].Where))
		r.Entries[i] = e
	} else {
		r.index[e.Name] = len(r.Entries)
		r.Entries = append(r.Entries, e)
	}
	if e.Value == "" {
		return
	}
	r.Stored++
	r.Longest = max(r.Longest, len(e.Value))
	r.Octets += len(e.Name) + len(e.Value)
}

// cut divides an alias at its colon; a name in quotes may hold one.
func cut(entry string) (name, value string, ok bool) {
	if strings.HasPrefix(entry, `"`) {
		end := closingQuote(entry)
		rest, value, ok := strings.Cut(entry[end:], ":")
		return entry[:end] + rest, value, ok
	}
	return strings.Cut(entry, ":")
}

// key is a name as it is looked up, or why it is none.
func (r *reading) key(text string) (name, why string) {
	text = strings.TrimSpace(text)
	local, domain := address.Split(text)
	quoted := strings.HasPrefix(local, `"`)
	switch {
	case domain != "" && (r.local == nil || !r.local(strings.ToLower(domain))):
		return text, "cannot alias non-local names: for other domains there is the virtusertable"
	case quoted && closingQuote(local) != len(local), !quoted && strings.ContainsAny(local, " \t,|/;<>()[]\\"), !printable(local):
		return text, "illegal alias name: write it in quotes if it is one"
	}
	name = Key(local)
	if name == "" {
		return text, "illegal alias name"
	}
	return name, ""
}

// Key is a local part as aliases are looked up by it.
func Key(local string) string {
	if strings.HasPrefix(local, `"`) {
		local = withoutQuotes(local)
	}
	return strings.ToLower(local)
}
