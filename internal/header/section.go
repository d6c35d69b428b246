package header

import (
	"bytes"
	"iter"
	"slices"
)

// A Section is a header section taken apart. Its fields share the memory that
// was parsed.
type Section struct {
	Fields []Field
	// EOL is the line end that the message uses, "\n" or "\r\n", for the
	// fields that are added to it.
	EOL string
}

// spare is room for the fields that are added to most messages.
const spare = 4

// Parse takes apart a header section as End measured it.
func Parse(section []byte) *Section {
	s := &Section{EOL: "\n"}
	if i := bytes.IndexByte(section, '\n'); i > 0 && section[i-1] == '\r' {
		s.EOL = "\r\n"
	}
	s.Fields = make([]Field, 0, bytes.Count(section, []byte("\n"))+spare)
	for len(section) > 0 {
		n := fieldLength(section)
		s.Fields = append(s.Fields, Field{section[:n:n]})
		section = section[n:]
	}
	return s
}

// fieldLength is the length of the field that b starts with, to the end of
// its last continuation line.
func fieldLength(b []byte) int {
	for n := 0; ; {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			return len(b)
		}
		n += i + 1
		if n == len(b) || b[n] != ' ' && b[n] != '\t' {
			return n
		}
	}
}

// All goes through the fields of that name, in order.
func (s *Section) All(name string) iter.Seq2[int, Field] {
	return func(yield func(int, Field) bool) {
		for i, f := range s.Fields {
			if f.Is(name) && !yield(i, f) {
				return
			}
		}
	}
}

// Get is the first field of that name.
func (s *Section) Get(name string) (Field, bool) {
	for _, f := range s.All(name) {
		return f, true
	}
	return Field{}, false
}

// Has says whether a field of that name is there.
func (s *Section) Has(name string) bool {
	_, ok := s.Get(name)
	return ok
}

// Count is how many fields of that name are there.
func (s *Section) Count(name string) int {
	n := 0
	for range s.All(name) {
		n++
	}
	return n
}

// Delete takes all fields of that name out.
func (s *Section) Delete(name string) {
	kept := s.Fields[:0]
	for _, f := range s.Fields {
		if !f.Is(name) {
			kept = append(kept, f)
		}
	}
	clear(s.Fields[len(kept):])
	s.Fields = kept
}

// Insert puts fields before Fields[i]; i may be the number of fields.
func (s *Section) Insert(i int, fields ...Field) {
	if i == len(s.Fields) {
		s.closeLast()
	}
	s.Fields = slices.Insert(s.Fields, i, fields...)
}

// closeLast gives the last field the line end that it lacks where the input
// stopped in it.
func (s *Section) closeLast() {
	if n := len(s.Fields); n > 0 && s.Fields[n-1].eol() == 0 {
		s.Fields[n-1].Raw = slices.Concat(s.Fields[n-1].Raw, []byte(s.EOL))
	}
}

// Set replaces the first field of that name by one with this body, takes the
// others out, and appends the field where there was none.
func (s *Section) Set(name, body string) {
	field := New(name, body, s.EOL)
	for i := range s.All(name) {
		first := s.Fields[:i:i]
		rest := Section{Fields: s.Fields[i+1:], EOL: s.EOL}
		rest.Delete(name)
		s.Fields = append(append(first, field), rest.Fields...)
		return
	}
	s.Insert(len(s.Fields), field)
}

// AppendTo appends the section to b.
func (s *Section) AppendTo(b []byte) []byte {
	for _, f := range s.Fields {
		b = append(b, f.Raw...)
	}
	return b
}
