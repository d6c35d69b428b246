package maps

import (
	"context"
	"fmt"
	"io"
	"strings"

	"mailcrane/mta/textmap"
)

// database is a map in a database. Its definition is read again when it has
// changed.
type database struct {
	setting  string
	deferred bool
	file     *textmap.File[*pool]
}

// kindOf is the kind of database that a setting names, and its file; "" is a text
// file.
func kindOf(setting string) (kind, path string) {
	kind, path, ok := strings.Cut(setting, ":")
	if ok && (kind == sqliteKind || kind == postgresKind || kind == ldapKind) {
		return kind, path
	}
	return "", setting
}

func openDatabase(kind, path string, o Options) (Map, error) {
	file, err := textmap.Open(textmap.Source[*pool]{
		Kind: o.Kind, Path: path, Rules: o.Rules, Log: o.Log, Now: o.Now,
		Read: func(name string, in io.Reader) (*pool, []string, error) {
			d, err := readDefinition(kind, name, in)
			if err != nil {
				return nil, nil, err
			}
			p, err := newPool(d, kind+":"+name, o)
			return p, nil, err
		},
	})
	return &database{setting: kind + ":" + path, deferred: o.Deferred, file: file}, err
}

func (d *database) Find(ctx context.Context, key string) (value, where string, ok bool, err error) {
	p, err := d.file.Get()
	if err != nil {
		return "", "", false, fmt.Errorf("the map cannot be asked: %w", err)
	}
	if d.deferred && p.definition.Deferred != nil && !*p.definition.Deferred {
		return "", "", false, ErrLater
	}
	value, ok, err = p.find(ctx, key)
	if err != nil || !ok {
		return "", "", false, err
	}
	return value, d.setting, true, nil
}

// Reload reads the definition at once.
func (d *database) Reload() error { return d.file.Reload() }
