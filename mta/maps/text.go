package maps

import (
	"context"
	"fmt"
	"io"

	"mailcrane/mta/textmap"
)

// text is a map in a file of makemap's form, which is read again when it has
// changed.
type text struct {
	file *textmap.File[*textmap.Table]
}

func openText(path string, o Options) (Map, error) {
	file, err := textmap.Open(textmap.Source[*textmap.Table]{
		Kind: o.Kind, Path: path, Rules: o.Rules, Log: o.Log, Now: o.Now,
		Read: func(name string, in io.Reader) (*textmap.Table, []string, error) {
			return textmap.Read(name, in, o.Check)
		},
	})
	return text{file}, err
}

func (t text) Find(_ context.Context, key string) (value, where string, ok bool, err error) {
	table, err := t.file.Get()
	if err != nil {
		return "", "", false, fmt.Errorf("the map cannot be asked: %w", err)
	}
	e, ok := table.Find(key)
	if !ok {
		return "", "", false, nil
	}
	return e.Value, fmt.Sprintf("%s:%d", table.Name(), e.Line), true, nil
}

// Reload looks at the file at once.
func (t text) Reload() error { return t.file.Reload() }
