package recode

import (
	"bytes"
	"fmt"
	"strings"
)

// splitParameters cuts the value of Content-Type or Content-Disposition at its
// semicolons, quotes and comments respected; there is always a first piece.
// What is never closed ends with the value.
func splitParameters(value []byte) [][]byte {
	var pieces [][]byte
	start, n := 0, 0
	for n < len(value) {
		switch value[n] {
		case '"':
			skip, _ := enclosedLen(value[n:], '"')
			n += skip
			continue
		case '(':
			skip, _ := commentLen(value[n:])
			n += skip
			continue
		case ';':
			pieces = append(pieces, value[start:n])
			start = n + 1
		}
		n++
	}
	return append(pieces, value[start:])
}

// A parameter is one "name=value" of RFC 2045 section 5.1.
type parameter struct {
	name string // in lower case
	text string // the value without quotes
}

// parseParameter reads one piece; false means that it is malformed.
func parseParameter(piece []byte) (parameter, bool) {
	piece, ok := dropComments(piece)
	if !ok {
		return parameter{}, false
	}
	name, value, ok := bytes.Cut(piece, []byte("="))
	name, value = bytes.Trim(name, " \t\n"), bytes.Trim(value, " \t\n")
	if !ok || len(name) == 0 || len(value) == 0 || bytes.ContainsAny(name, " \t\n\"") {
		return parameter{}, false
	}
	p := parameter{name: strings.ToLower(string(name)), text: string(value)}
	if value[0] == '"' {
		if n, closed := enclosedLen(value, '"'); !closed || n != len(value) {
			return p, false
		}
		p.text = string(unfold(nil, unescape(value[1:len(value)-1])))
		return p, true
	}
	return p, !bytes.ContainsAny(value, " \t\n\"")
}

// parameters writes a Content-Type or Content-Disposition, unfit values in the
// extended form of RFC 2231.
func (w *fieldWriter) parameters(value []byte) error {
	pieces := splitParameters(value)
	if w.unfitText(pieces[0]) {
		return errNotText
	}
	w.raw(pieces[0])
	extended := make(map[string]bool) // names that are there in the extended form
	for _, piece := range pieces[1:] {
		p, _ := parseParameter(piece)
		if base, _, ok := strings.Cut(p.name, "*"); ok {
			extended[base] = true
		}
	}
	for _, piece := range pieces[1:] {
		w.raw([]byte(";"))
		if !w.unfitText(piece) && !(w.need.ShortLines && unfoldable(piece)) {
			w.raw(piece)
			continue
		}
		if err := w.parameter(piece, extended); err != nil {
			return err
		}
	}
	return nil
}

func (w *fieldWriter) parameter(piece []byte, twice map[string]bool) error {
	p, ok := parseParameter(piece)
	base, _, extended := strings.Cut(p.name, "*")
	bare, _ := dropComments(piece)
	switch {
	case !ok || len(bare) != len(piece):
		return errMalformed
	case base == "boundary":
		return errParameter // the lines between the parts would have to change
	case extended && strings.HasSuffix(p.name, "*") && w.unfitText(piece):
		// Its charset is declared; only the octets lack their escape.
		w.raw(appendPercent(nil, piece, func(c byte) bool { return c < 0x80 }))
		return nil
	case extended, twice[base]:
		return errParameter
	}
	gap := piece[:len(piece)-len(bytes.TrimLeft(piece, " \t\n"))]
	end := piece[len(bytes.TrimRight(piece, " \t\n")):]
	name := string(bytes.TrimSpace(piece[:bytes.IndexByte(piece, '=')]))
	w.sections(gap, name, p.text)
	w.raw(end)
	return nil
}

// sections writes name*=charset'language'value, cut into name*0*=, name*1*=, …
// where it is longer than a line should be (RFC 2231 sections 3 and 4).
func (w *fieldWriter) sections(gap []byte, name, text string) {
	coded := appendPercent([]byte(w.charset+"''"), []byte(text), attributeChar)
	if len(gap)+len(name)+len("*=")+len(coded) < encodedLine {
		if w.column()+len(gap)+len(name)+len("*=")+len(coded) >= encodedLine {
			gap = []byte("\n ")
		}
		w.raw(gap)
		w.out = append(append(append(w.out, name...), "*="...), coded...)
		return
	}
	for n := 0; len(coded) > 0; n++ {
		if n > 0 {
			w.out = append(w.out, ';')
		}
		start := len(w.out)
		w.out = fmt.Appendf(w.out, "\n %s*%d*=", name, n)
		size := min(max(encodedLine-1-(len(w.out)-start), 20), len(coded))
		if i := bytes.LastIndexByte(coded[:size], '%'); i >= size-2 && size < len(coded) {
			size = i // an escape stays whole
		}
		w.out = append(w.out, coded[:size]...)
		coded = coded[size:]
	}
}

// attributeChar says which octets need no escape (RFC 2231 section 7).
func attributeChar(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune("*'%()<>@,;:\\\"/[]?=", rune(c))
}

func appendPercent(dst, text []byte, literal func(byte) bool) []byte {
	for _, c := range text {
		if literal(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}
