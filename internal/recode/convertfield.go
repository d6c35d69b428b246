package recode

import (
	"bytes"
	"errors"
	"slices"
	"unicode/utf8"
)

// The faults of a header field, as the end of a sentence.
var (
	errAddress   = errors.New("an address that is not ASCII has no other form")
	errNotText   = errors.New("those octets stand where no encoding is allowed")
	errMalformed = errors.New("it is too malformed to be encoded")
	errControl   = errors.New("a header has no other form for it")
	errFold      = errors.New("it has no place to be folded")
	errLarge     = errors.New("it is larger than 64 KiB")
	errParameter = errors.New("that parameter has no other form")
)

// convertField makes a field fit, or returns one of the faults above.
func convertField(f field, need Need) ([]byte, error) {
	d := measure(f.raw)
	switch {
	case f.name == "":
		return nil, errMalformed
	case need.ShortLines && (d.nul || d.cr):
		return nil, errControl
	case len(f.raw) > maxField:
		return nil, errLarge
	}
	w := &fieldWriter{need: need, charset: "utf-8"}
	if !utf8.Valid(f.value) {
		w.charset = "unknown-8bit"
	}
	w.out = append(w.out, f.title...)
	if err := w.value(f); err != nil {
		return nil, err
	}
	if bytes.HasSuffix(f.raw, []byte("\n")) {
		w.out = append(w.out, '\n')
	}
	out := w.out
	if need.ShortLines {
		out = fold(out)
	}
	if d = measure(out); d.unfit(need) {
		if need.SevenBit && d.high > 0 {
			return nil, errNotText
		}
		return nil, errFold
	}
	return out, nil
}

func (w *fieldWriter) value(f field) error {
	switch classOf(f.name) {
	case addresses:
		return w.structured(f.value, true, false)
	case phrases:
		return w.structured(f.value, true, true)
	case comments:
		return w.structured(f.value, false, false)
	case parameters:
		return w.parameters(f.value)
	}
	w.words(splitWords(f.value, w.unfitWord))
	return nil
}

// fold breaks lines over maxLine before white space, where RFC 5322 section
// 2.2.3 lets a line end be put in without a change of meaning. A line of white
// space only would not be lawful.
func fold(head []byte) []byte {
	var out []byte
	for line := range bytes.Lines(head) {
		for len(bytes.TrimSuffix(line, []byte("\n"))) > maxLine {
			i := foldAt(line)
			if i < 0 {
				break
			}
			out = append(append(out, line[:i]...), '\n')
			line = line[i:]
		}
		out = append(out, line...)
	}
	return out
}

func foldAt(line []byte) int {
	text := len(bytes.TrimRight(line, " \t\n"))
	for i := min(maxLine, text-1); i > 0; i-- {
		if blank(line[i]) && len(bytes.TrimLeft(line[:i], " \t")) > 0 {
			return i
		}
	}
	return -1
}

// A fieldWriter builds one field, line ends as "\n".
type fieldWriter struct {
	need    Need
	charset string
	out     []byte
	encoded bool // the last thing written is an encoded-word
}

// unfitText says that a token has to be encoded.
func (w *fieldWriter) unfitText(b []byte) bool {
	return w.need.SevenBit && slices.ContainsFunc(b, func(c byte) bool { return c >= 0x80 })
}

// unfitWord says so of a word of unstructured text, where encoding is also a
// way to break what cannot be folded.
func (w *fieldWriter) unfitWord(b []byte) bool {
	return w.unfitText(b) || w.need.ShortLines && unfoldable(b)
}

// unfoldable says that no line can hold b, folded or not, with a space before
// it and a separator behind.
func unfoldable(b []byte) bool {
	for word := range bytes.FieldsSeq(b) {
		if len(word) > maxLine-len(" ;") {
			return true
		}
	}
	return false
}

// raw writes octets as they are, apart from an encoded-word before them
// (RFC 2047 section 5).
func (w *fieldWriter) raw(b []byte) {
	if len(b) == 0 {
		return
	}
	if w.encoded && !isSpace(b[0]) && b[0] != ')' {
		w.out = append(w.out, ' ')
	}
	w.encoded = false
	w.out = append(w.out, b...)
}

// column is how long the current line is so far.
func (w *fieldWriter) column() int {
	return len(w.out) - 1 - bytes.LastIndexByte(w.out, '\n')
}

func isSpace(c byte) bool { return blank(c) || c == '\n' }
