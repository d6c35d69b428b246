package policy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"mailcrane/internal/logbook"
	"mailcrane/internal/sysexits"
	"mailcrane/mta/safefile"
)

// The bounds of a file of a class.
const (
	mostClassFile = 16 << 20 // octets
	mostClassLine = 1024
)

// A classFile is local-host-names or relay-domains: an entry a line, and # before
// a remark. It is looked at when it is asked for, at most once a second, and read
// again where it has changed; where that cannot be done, the old entries stay.
type classFile struct {
	path  string
	parts Parts

	mu     sync.Mutex
	looked time.Time
	stamp  safefile.Stamp
	has    *entries
}

// entries are what stands in a file: its lines as names, and as entries of class
// R. Which of them counts is the class's affair.
type entries struct {
	names  set
	relays relays
}

var noEntries = &entries{}

// openClass reads a file, nil for none. An error names file and line.
func openClass(parts Parts, path string) (*classFile, error) {
	if path == "" {
		return nil, nil
	}
	f := &classFile{path: path, parts: parts, has: noEntries, looked: parts.Now(), stamp: safefile.Look(path)}
	return f, f.read()
}

// now is what stands in the file.
func (f *classFile) now() *entries {
	if f == nil {
		return noEntries
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.parts.Now(); now.Sub(f.looked) >= time.Second || now.Before(f.looked) {
		f.looked = now
		if stamp := safefile.Look(f.path); !stamp.Same(f.stamp) {
			f.stamp = stamp
			if err := f.read(); err != nil {
				logbook.Line(f.parts.Log, logbook.Serious, "the class file is not read again, what it said before holds: "+err.Error(), slog.String("file", f.path))
			}
		}
	}
	return f.has
}

func (f *classFile) read() error {
	file, err := f.parts.Safe.Open(safefile.Class, f.path)
	if err != nil {
		return fmt.Errorf("the file of a class cannot be read: %w", err)
	}
	defer file.Close()
	has, err := readEntries(f.path, file)
	if err == nil {
		f.has = has
	}
	return err
}

func readEntries(path string, from io.Reader) (*entries, error) {
	e := &entries{names: make(set)}
	limited := &io.LimitedReader{R: from, N: mostClassFile + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, mostClassLine)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		where := fmt.Sprintf("%s:%d", path, n)
		entry, err := parseRelay(text, false)
		if err != nil {
			return nil, wrongEntry(where, err)
		}
		entry.where = where
		e.relays.add(entry)
		e.names[canonical(text)] = where
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, wrongEntry(path, fmt.Errorf("a line is longer than %d octets", mostClassLine))
	case err != nil:
		return nil, err
	case limited.N == 0:
		return nil, wrongEntry(path, fmt.Errorf("it is larger than %d octets", mostClassFile))
	}
	return e, nil
}

func wrongEntry(where string, err error) error {
	return sysexits.Errorf(sysexits.Config, "mend the entry, or take it out", "%s: %w", where, err)
}
