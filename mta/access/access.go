// Package access is sendmail's access map, from its text: who may connect, send,
// and be sent to, with what TLS.
package access

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"mailcrane/mta/safefile"
	"mailcrane/mta/textmap"
)

// Options are the arguments of FEATURE(access_db), and those that go with it.
type Options struct {
	// Skip has the value SKIP end a search; without, it is an error text.
	Skip bool
	// LookupDotDomain has .b.c tried for a.b.c, before b.c.
	LookupDotDomain bool
	// RelayToFullAddress has To:user@domain let mail be relayed.
	RelayToFullAddress bool
}

// A Map is an access map. A nil Map has no entries. Its methods are safe for use
// by several goroutines, and each error is temporary: the map cannot be read,
// and sendmail answers 451 4.3.0.
type Map struct {
	options Options
	fixed   *textmap.Table
	file    *textmap.File[*textmap.Table] // nil where the map does not change
}

// Read reads a map. An error names each line that can mean nothing; warnings are
// of lines that mean something else than they seem to.
func Read(name string, in io.Reader, o Options) (m *Map, warnings []string, err error) {
	table, warnings, err := read(o)(name, in)
	if err != nil {
		return nil, warnings, err
	}
	return &Map{options: o, fixed: table}, warnings, nil
}

// Parse is Read of a text, for what says its entries itself.
func Parse(name, text string, o Options) (*Map, error) {
	m, _, err := Read(name, strings.NewReader(text), o)
	return m, err
}

// Open is the map in a file, which is read again when it has changed. An error
// says what is wrong with the file, and the Map is good all the same: it answers
// with errors until the file is mended.
func Open(path string, rules safefile.Rules, o Options, log *slog.Logger, now func() time.Time) (*Map, error) {
	file, err := textmap.Open(textmap.Source[*textmap.Table]{
		Kind: safefile.Map, Path: path, Rules: rules, Read: read(o), Log: log, Now: now,
	})
	return &Map{options: o, file: file}, err
}

// Check reads the map in a file as Open would, and says what is worth a warning.
func Check(path string, rules safefile.Rules, o Options) (warnings []string, err error) {
	in, err := rules.Open(safefile.Map, path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	_, warnings, err = Read(path, in, o)
	return warnings, err
}

func read(o Options) func(string, io.Reader) (*textmap.Table, []string, error) {
	return func(name string, in io.Reader) (*textmap.Table, []string, error) {
		c := checker{options: o}
		table, warnings, err := textmap.Read(name, in, c.check)
		if err = errors.Join(err, c.strangers(name)); err != nil {
			return nil, warnings, err
		}
		return table, warnings, nil
	}
}

// Reload looks at the file at once.
func (m *Map) Reload() error {
	if m == nil || m.file == nil {
		return nil
	}
	return m.file.Reload()
}

// table is the entries as they are now.
func (m *Map) table() (*textmap.Table, error) {
	if m == nil {
		return nil, nil
	}
	if m.file == nil {
		return m.fixed, nil
	}
	table, err := m.file.Get()
	if err != nil {
		return nil, fmt.Errorf("the access map cannot be used: %w", err)
	}
	return table, nil
}

// Usable is why nobody can be judged by the map now, or nil.
func (m *Map) Usable() error {
	_, err := m.table()
	return err
}
