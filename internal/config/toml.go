package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"mailcrane/internal/sysexits"
)

// A reader walks the expressions of a TOML file. The library's parser alone
// does that in ten microseconds, where filling a struct by reflection takes
// the shim a hundred and thirty, once a message.
type reader struct {
	path   string
	parser unstable.Parser
	file   file
	seen   map[string]bool
}

// read takes in text, the content of path. Its errors name file and line.
func read(path string, text []byte) (*file, error) {
	r := &reader{path: path, file: file{accounts: make(map[string]*accountFile)}, seen: make(map[string]bool)}
	r.parser.Reset(text)
	var table []string
	for r.parser.NextExpression() {
		node := r.parser.Expression()
		switch node.Kind {
		case unstable.Table:
			var at unstable.Range
			table, at = r.key(nil, node)
			if err := r.once(at, "["+strings.Join(table, ".")+"]"); err != nil {
				return nil, err
			}
			if r.account(table) != nil && !plainName(table[1]) {
				return nil, r.badName(at, table[1])
			}
		case unstable.KeyValue:
			if err := r.keyValue(table, node); err != nil {
				return nil, err
			}
		case unstable.ArrayTable:
			key, at := r.key(nil, node)
			return nil, r.bad(at, "", "[[%s]] is a list of tables, and there is none of that name", strings.Join(key, "."))
		default:
			// Comments, where the parser is told to keep them.
		}
	}
	return &r.file, r.syntax(r.parser.Error())
}

// bad is an error with the line of at, which is counted from the start of the
// file and so only here.
func (r *reader) bad(at unstable.Range, hint, format string, args ...any) error {
	line := r.parser.Shape(at).Start.Line
	return sysexits.Errorf(sysexits.Config, hint, "%s:%d: %s", r.path, line, fmt.Sprintf(format, args...))
}

// syntax puts the line before the library's own words.
func (r *reader) syntax(err error) error {
	if err == nil {
		return nil
	}
	wrong, ok := errors.AsType[*unstable.ParserError](err)
	if !ok {
		return sysexits.Errorf(sysexits.Config, "", "%s: %w", r.path, err)
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
	if r.seen[what] {
		return r.bad(at, "keep one of them", "%s stands here a second time", what)
	}
	r.seen[what] = true
	return nil
}

// account makes the account that a key is about, if it is about one.
func (r *reader) account(key []string) *accountFile {
	if len(key) < 2 || key[0] != "account" {
		return nil
	}
	a := r.file.accounts[key[1]]
	if a == nil {
		a = &accountFile{}
		r.file.accounts[key[1]] = a
	}
	return a
}

func (r *reader) badName(at unstable.Range, name string) error {
	return r.bad(at, "use letters, digits, dot, dash and underscore", "%q cannot be the name of an account", name)
}

// plainName says that an account's name can also be a file's.
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

func (r *reader) keyValue(table []string, node *unstable.Node) error {
	key, at := r.key(table, node)
	name := strings.Join(key, ".")
	if err := r.once(at, name); err != nil {
		return err
	}
	if node.Value().Kind == unstable.InlineTable {
		for it := node.Value().Children(); it.Next(); {
			if err := r.keyValue(key, it.Node()); err != nil {
				return err
			}
		}
		return nil
	}
	account := r.account(key)
	if account != nil && !plainName(key[1]) {
		return r.badName(at, key[1])
	}
	general := name
	if account != nil {
		general = strings.Join(append([]string{"account", "NAME"}, key[2:]...), ".")
	}
	for _, s := range settings {
		if s.key != general {
			continue
		}
		if err := s.set(&r.file, account, r.value(node.Value())); err != nil {
			return r.bad(at, "", "%s: %v", name, err)
		}
		return nil
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
	case unstable.Integer, unstable.Float:
		v.kind = "number"
	default:
		v.kind = "date or time"
	}
	return v
}
