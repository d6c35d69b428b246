package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"mailcrane/internal/sysexits"
)

// A reader walks the expressions of a TOML file. The library's parser alone
// does that in ten microseconds, where filling a struct by reflection takes
// the shim a hundred and thirty, once a message.
type reader struct {
	parser unstable.Parser
	file   file
	home   string
	// narrow are the keys that beat others wherever they stand.
	narrow []assignment
}

// An assignment is a key with its value, to be taken in.
type assignment struct {
	option *Option
	to     any
	name   string
	at     unstable.Range
	value  value
}

// read takes in text, the content of path. Its errors name file and line.
func read(path string, text []byte, home string) (*file, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // as Windows editors put it
	r := &reader{home: home, file: file{
		path: path, text: text, at: make(map[string]int), config: defaults(), tables: make(map[string]*table),
	}}
	r.parser.Reset(text)
	var table []string
	listed := make(map[string]int) // the tables of each list so far
	for r.parser.NextExpression() {
		node := r.parser.Expression()
		switch node.Kind {
		case unstable.Table:
			var at unstable.Range
			table, at = r.key(nil, node)
			if err := r.table(at, table); err != nil {
				return nil, err
			}
		case unstable.KeyValue:
			if err := r.keyValue(table, node); err != nil {
				return nil, err
			}
		case unstable.ArrayTable:
			key, at := r.key(nil, node)
			list := dotted(key)
			if !isList(list) {
				return nil, r.bad(at, "write ["+list+"], if that is meant", "[[%s]] is a list of tables, and there is none of that name", list)
			}
			listed[list]++
			table = slices.Concat(key, []string{strconv.Itoa(listed[list])})
			if _, err := r.named(at, table); err != nil {
				return nil, err
			}
		default:
			// Comments, where the parser is told to keep them.
		}
	}
	if err := r.syntax(r.parser.Error()); err != nil {
		return nil, err
	}
	for _, a := range r.narrow {
		if err := r.assign(a); err != nil {
			return nil, err
		}
	}
	return &r.file, nil
}

func (r *reader) assign(a assignment) error {
	if err := a.option.read(a.to, a.value, r.home); err != nil {
		return r.bad(a.at, "", "%s: %v", a.name, err)
	}
	return nil
}

func (r *reader) bad(at unstable.Range, hint, format string, args ...any) error {
	return sysexits.Errorf(sysexits.Config, hint, "%s: %s", r.file.where(int(at.Offset)), fmt.Sprintf(format, args...))
}

// syntax puts the line before the library's own words.
func (r *reader) syntax(err error) error {
	if err == nil {
		return nil
	}
	wrong, ok := errors.AsType[*unstable.ParserError](err)
	if !ok {
		return sysexits.Errorf(sysexits.Config, "", "%s: %w", r.file.path, err)
	}
	return r.bad(r.parser.Range(wrong.Highlight), "", "%s", wrong.Message)
}

// key is the dotted key of node below table, and where it stands.
func (r *reader) key(table []string, node *unstable.Node) (key []string, at unstable.Range) {
	key = append(key, table...)
	for it := node.Key(); it.Next(); {
		part := it.Node()
		if at.Length == 0 {
			at = part.Raw
		}
		key = append(key, string(part.Data))
	}
	return key, at
}

// once refuses a key or a table that stands there twice.
func (r *reader) once(at unstable.Range, what string) error {
	if _, twice := r.file.at[what]; twice {
		return r.bad(at, "keep one of them", "%s stands here a second time", what)
	}
	r.file.at[what] = int(at.Offset)
	return nil
}

// table takes in a line [key].
func (r *reader) table(at unstable.Range, key []string) error {
	name := dotted(key)
	if err := r.once(at, "["+name+"]"); err != nil {
		return err
	}
	general := dotted(generally(key))
	if isList(general) || len(key) > 2 && isList(dotted(key[:2])) {
		list := dotted(key[:2])
		return r.bad(at, fmt.Sprintf("write [[%s]], once for each", list), "[%s]: %s is a list of tables", name, list)
	}
	if firstBelow(general) == "" {
		hint := "see all keys with: mailcrane config show"
		if near := nearestTable(key); near != "" {
			hint = fmt.Sprintf("did you mean [%s]?", near)
		}
		return r.bad(at, hint, "there is no table [%s]", name)
	}
	_, err := r.named(at, key)
	return err
}

// named makes the account, the rule or the slow queue that a key is about, if it
// is about one.
func (r *reader) named(at unstable.Range, key []string) (*table, error) {
	i := nameAt(key)
	if i == 0 {
		return nil, nil
	}
	kind, name := "an account", key[i]
	switch key[0] {
	case "queue":
		kind = "a queue"
	case "policy":
		kind = "a rule"
	}
	if !plainName(name) {
		return nil, r.bad(at, "use letters, digits, dot, dash and underscore", "%q cannot be the name of %s", name, kind)
	}
	whole := dotted(key[:i+1])
	t := r.file.tables[whole]
	if t == nil {
		t = &table{at: int(at.Offset), name: whole}
		switch key[0] {
		case "account":
			t.account = &Account{Name: name}
		case "policy":
			t.rule = &Rule{Name: name, at: t.at}
		case "mta":
			if key[1] == "listen" {
				t.listener = &Listener{at: t.at}
			} else {
				t.dnsbl = &DNSBL{at: t.at}
			}
		default:
			t.slow = &SlowQueue{Name: name}
		}
		r.file.tables[whole] = t
	}
	return t, nil
}

// nameAt is where in key the name of an account, a rule or a queue stands; 0
// where there is none.
func nameAt(key []string) int {
	switch {
	case len(key) > 1 && (key[0] == "account" || key[0] == "policy"):
		return 1
	case len(key) > 2 && (key[0] == "queue" && key[1] == "slow" || key[0] == "mta" && isList("mta."+key[1])):
		return 2
	}
	return 0
}

// isList says that a key is that of a list of tables, whose numbers from 1 on
// stand for names.
func isList(key string) bool { return key == "mta.listen" || key == "mta.dnsbl" }

// plainName says that a name can also be a file's.
func plainName(name string) bool {
	if name == "" || len(name) > 64 || name[0] == '.' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// dotted is a key as one writes it; quotes tell "a.b" from a.b.
func dotted(key []string) string {
	for i, part := range key {
		if strings.Contains(part, ".") {
			return strings.Join(key[:i], ".") + "."[:min(i, 1)] + fmt.Sprintf("%q", part) + "."[:min(len(key)-1-i, 1)] + dotted(key[i+1:])
		}
	}
	return strings.Join(key, ".")
}

// generally is the key as the options have it.
func generally(key []string) []string {
	i := nameAt(key)
	if i == 0 {
		return key
	}
	key = append([]string{}, key...)
	key[i] = "NAME"
	return key
}

func (r *reader) keyValue(table []string, node *unstable.Node) error {
	key, at := r.key(table, node)
	name, general := dotted(key), dotted(generally(key))
	if err := r.once(at, name); err != nil {
		return err
	}
	// The table of options is searched as seldom as can be: this is done for
	// each key whenever the shim is started.
	if node.Value().Kind == unstable.InlineTable && firstBelow(general) != "" {
		for it := node.Value().Children(); it.Next(); {
			if err := r.keyValue(key, it.Node()); err != nil {
				return err
			}
		}
		return nil
	}
	inside, err := r.named(at, key)
	if err != nil {
		return err
	}
	o := keyed(general)
	if o == nil {
		return r.unknown(at, key, firstBelow(general))
	}
	a := assignment{option: o, to: r.destination(o, inside), name: name, at: at, value: r.value(node.Value())}
	if o.narrow {
		r.narrow = append(r.narrow, a)
		return nil
	}
	return r.assign(a)
}

func (r *reader) destination(o *Option, inside *table) any {
	switch {
	case o.account != nil:
		return o.account(inside.account)
	case o.rule != nil:
		return o.rule(inside.rule)
	case o.slow != nil:
		return o.slow(inside.slow)
	case o.listener != nil:
		return o.listener(inside.listener)
	case o.dnsbl != nil:
		return o.dnsbl(inside.dnsbl)
	}
	return o.config(r.file.config)
}

// unknown is the error for a key that is none. Where it is a table, below is
// one of its keys.
func (r *reader) unknown(at unstable.Range, key []string, below string) error {
	name := dotted(key)
	if below != "" {
		return r.bad(at, "for example: "+named(below, key)+" = …", "%s is a table, which has keys and no value", name)
	}
	o := Named(name)
	if o == nil {
		o = Named(key[len(key)-1]) // whatever table it was put in
	}
	switch {
	case o == nil:
	case !o.Obeyed():
		return r.bad(at, "take it out", "%q has no meaning here: %s", name, o.Why)
	case o.Key != "":
		return r.bad(at, "write "+o.Key, "%s is sendmail's name, which the command line takes: in this file it is %s", name, o.Key)
	}
	hint := "see all keys with: mailcrane config show"
	if near := nearestKey(key); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return r.bad(at, hint, "unknown key %q", name)
}

func (r *reader) value(node *unstable.Node) value {
	v := value{str: string(node.Data)}
	switch node.Kind {
	case unstable.String:
		v.kind = "string"
	case unstable.Bool:
		v.kind = "boolean"
	case unstable.Array:
		v.kind = "array"
		for it := node.Children(); it.Next(); {
			v.items = append(v.items, r.value(it.Node()))
		}
	case unstable.InlineTable:
		v.kind = "table"
	case unstable.Integer:
		v.kind = "number"
	case unstable.Float:
		v.kind = "number with a point"
	default:
		v.kind = "date or time"
	}
	return v
}
