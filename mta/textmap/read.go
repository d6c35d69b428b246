package textmap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"strings"
	"unicode/utf8"

	"mailcrane/internal/visible"
)

// The bounds of a map: octets of a line and of all lines, and entries.
const (
	maxLine    = 16 << 10
	maxText    = 1 << 30
	maxEntries = 1 << 24
	maxKey     = 1 << 10
)

// An Entry is a line of a map.
type Entry struct {
	// Key is in lower case, Value without white space at its ends.
	Key, Value string
	// Line is its number in the file, from 1.
	Line int
}

// A Check looks at each entry as it is read: what is wrong with it keeps the
// whole map from being used; what is worth a warning does not.
type Check func(Entry) (warning string, wrong error)

// Read reads a map in makemap's form: key, white space, value; lines that are
// empty or begin with # say nothing, and there is no way to go on in the next
// line. Of two lines with one key the first counts, as for makemap, and there is
// a warning. An error names each bad line as name:line. A nil check takes every
// entry.
func Read(name string, in io.Reader, check Check) (*Table, []string, error) {
	r := reading{table: &Table{name: name, seed: maphash.MakeSeed()}, check: check}
	r.wrong.name, r.warnings.name = name, name
	if file, ok := in.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := file.Stat(); err == nil { // a text that grows by and by would be copied again and again
			r.text.Grow(int(min(info.Size()+1, maxText)))
		}
	}
	if err := r.lines(bufio.NewReaderSize(in, maxLine)); err != nil {
		return nil, nil, err
	}
	if r.wrong.count > 0 {
		return nil, r.warnings.shown(), errors.New(strings.Join(r.wrong.shown(), "\n"))
	}
	r.table.text = r.text.String()
	r.table.index(func(first, second Entry) {
		r.table.entries--
		r.warnings.add(second.Line, fmt.Sprintf("%s stands in line %d already, which counts", visible.Line(second.Key, mostShown), first.Line))
	})
	return r.table, r.warnings.shown(), nil
}

// reading is a Table that is being made.
type reading struct {
	table           *Table
	check           Check
	text            strings.Builder
	wrong, warnings complaints
	line            int
}

func (r *reading) lines(in *bufio.Reader) error {
	for {
		line, err := in.ReadSlice('\n')
		r.line++
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			r.wrong.add(r.line, fmt.Sprintf("the line is longer than %d octets", maxLine))
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = in.ReadSlice('\n')
			}
		case len(line) > 0:
			r.take(line)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading %s: %w", r.table.name, err)
		case r.text.Len() > maxText || r.table.entries > maxEntries:
			return fmt.Errorf("%s:%d: the map has more than %d entries or %d octets", r.table.name, r.line, maxEntries, maxText)
		}
	}
}

// take takes a line in.
func (r *reading) take(line []byte) {
	defer r.text.WriteByte('\n')
	key, value, wrong := split(bytes.TrimRight(line, " \t\r\n"))
	if wrong != nil {
		r.wrong.add(r.line, wrong.Error())
		return
	}
	if len(key) == 0 {
		return
	}
	start := r.text.Len()
	r.text.Write(key)
	r.text.WriteByte('\t')
	r.text.Write(value)
	r.table.entries++
	if r.check == nil {
		return
	}
	// The text so far: to ask for it copies nothing.
	kept := r.text.String()[start:]
	warning, wrong := r.check(Entry{kept[:len(key)], kept[len(key)+1:], r.line})
	if wrong != nil {
		r.wrong.add(r.line, wrong.Error())
	} else if warning != "" {
		r.warnings.add(r.line, warning)
	}
}

// split is the key, in lower case, and the value of a line, both empty where it
// says nothing.
func split(line []byte) (key, value []byte, wrong error) {
	if len(line) == 0 || line[0] == '#' {
		return nil, nil, nil
	}
	for i, c := range line {
		switch {
		case c != '\t' && c < ' ' || c == 0x7f:
			return nil, nil, fmt.Errorf("there is a control character (%#02x) in column %d", c, i+1)
		case c >= 'A' && c <= 'Z' && value == nil:
			line[i] = c + ('a' - 'A')
		case (c == ' ' || c == '\t') && value == nil:
			key, value = line[:i], bytes.TrimLeft(line[i:], " \t")
		}
	}
	switch {
	case line[0] == ' ' || line[0] == '\t':
		return nil, nil, errors.New("white space before the key: it has to begin the line")
	case value == nil:
		return nil, nil, fmt.Errorf("no value for %s: write the key, white space, and the value", visible.Line(string(line), mostShown))
	case len(key) > maxKey:
		return nil, nil, fmt.Errorf("the key is longer than %d octets", maxKey)
	case !utf8.Valid(line):
		return nil, nil, errors.New("this is no UTF-8")
	}
	return key, value, nil
}

// mostShown is how much of a key stands in a message.
const mostShown = 100

// complaints are about lines; so many are kept.
type complaints struct {
	name  string
	count int
	kept  []string
}

const mostComplaints = 50

func (c *complaints) add(line int, text string) {
	if c.count++; c.count <= mostComplaints {
		c.kept = append(c.kept, fmt.Sprintf("%s:%d: %s", c.name, line, text))
	}
}

func (c *complaints) shown() []string {
	if more := c.count - len(c.kept); more > 0 {
		return append(c.kept, fmt.Sprintf("%s: and %d lines more", c.name, more))
	}
	return c.kept
}
