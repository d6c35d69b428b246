package recode

import "bytes"

// A tokenKind is a lexical element of RFC 5322 section 3.2, taken leniently.
type tokenKind uint8

const (
	space tokenKind = iota
	comment
	quoted
	angle // <…>, whole
	separator
	atom // anything else, domain literals too
)

type token struct {
	kind tokenKind
	raw  []byte
}

// lex takes one token off b, which is not empty. False means that a quote,
// comment or bracket is never closed.
func lex(b []byte) (token, []byte, bool) {
	n, ok, kind := 1, true, atom
	switch b[0] {
	case '(':
		n, ok = commentLen(b)
		kind = comment
	case '"':
		n, ok = enclosedLen(b, '"')
		kind = quoted
	case '<':
		n, ok = angleLen(b)
		kind = angle
	case '[':
		n, ok = enclosedLen(b, ']')
	case ',', ';', ':':
		kind = separator
	case ' ', '\t', '\n':
		for n < len(b) && isSpace(b[n]) {
			n++
		}
		kind = space
	default:
		if i := bytes.IndexAny(b[1:], "(\"<[,;: \t\n"); i >= 0 {
			n = i + 1
		} else {
			n = len(b)
		}
	}
	return token{kind, b[:n]}, b[n:], ok
}

// enclosedLen is the length of b up to its unescaped closing octet.
func enclosedLen(b []byte, closing byte) (int, bool) {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case closing:
			return i + 1, true
		}
	}
	return len(b), false
}

func angleLen(b []byte) (int, bool) {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '"':
			n, ok := enclosedLen(b[i:], '"')
			if !ok {
				return len(b), false
			}
			i += n - 1
		case '>':
			return i + 1, true
		}
	}
	return len(b), false
}

func commentLen(b []byte) (int, bool) {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1, true
			}
		}
	}
	return len(b), false
}

// dropComments returns b without comments; false means that something in it is
// never closed.
func dropComments(b []byte) ([]byte, bool) {
	if bytes.IndexByte(b, '(') < 0 {
		return b, true
	}
	var out []byte
	for len(b) > 0 {
		var t token
		var ok bool
		if t, b, ok = lex(b); !ok {
			return nil, false
		}
		if t.kind != comment {
			out = append(out, t.raw...)
		}
	}
	return out, true
}

// structured writes a structured value: unfit comments are encoded and, where
// hasPhrases, unfit phrases: what stands before <…> or a group's colon, or
// everything where onlyPhrases. White space goes in where a list has none and
// a line is too long, so that it can be folded.
func (w *fieldWriter) structured(b []byte, hasPhrases, onlyPhrases bool) error {
	widen := w.need.ShortLines && measure(b).long
	var pending []token
	var sawAngle bool
	for len(b) > 0 {
		t, rest, ok := lex(b)
		if !ok {
			return errMalformed
		}
		b = rest
		switch t.kind {
		case separator:
			phrase := onlyPhrases || hasPhrases && !sawAngle && t.raw[0] == ':'
			if err := w.element(pending, phrase, hasPhrases); err != nil {
				return err
			}
			w.raw(t.raw)
			if widen && t.raw[0] == ',' && len(b) > 0 && !isSpace(b[0]) {
				w.raw([]byte(" "))
			}
			pending, sawAngle = nil, false
		case angle:
			if err := w.element(pending, hasPhrases && !sawAngle, hasPhrases); err != nil {
				return err
			}
			if w.unfitText(t.raw) {
				return errAddress
			}
			if widen && w.out[len(w.out)-1] == '>' {
				w.raw([]byte(" "))
			}
			w.raw(t.raw)
			pending, sawAngle = nil, true
		default:
			pending = append(pending, t)
		}
	}
	return w.element(pending, onlyPhrases, hasPhrases)
}

// element writes the tokens between two separators.
func (w *fieldWriter) element(tokens []token, phrase, address bool) error {
	var list []word
	var gap []byte
	for _, t := range tokens {
		switch {
		case t.kind == space:
			gap = t.raw
			continue
		case t.kind == comment:
			w.words(list)
			w.raw(gap)
			w.comment(t.raw)
			list = nil
		case !w.unfitText(t.raw):
			list = append(list, word{gap, t.raw, unquote(t), false})
		case phrase:
			list = append(list, word{gap, t.raw, unquote(t), true})
		case address:
			return errAddress
		default:
			return errNotText
		}
		gap = nil
	}
	w.words(list)
	w.raw(gap)
	return nil
}

// unquote is the text that a token of a phrase stands for.
func unquote(t token) []byte {
	if t.kind != quoted {
		return t.raw
	}
	return unescape(t.raw[1 : len(t.raw)-1])
}

// unescape resolves quoted-pairs (RFC 5322 section 3.2.1).
func unescape(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	var out []byte
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			i++
		}
		out = append(out, b[i])
	}
	return out
}

// comment writes a comment, the unfit words in it encoded.
func (w *fieldWriter) comment(b []byte) {
	if !w.unfitText(b) {
		w.raw(b)
		return
	}
	for len(b) > 0 {
		if b[0] == '(' || b[0] == ')' {
			w.raw(b[:1])
			b = b[1:]
			continue
		}
		n := 0
		for n < len(b) && b[n] != '(' && b[n] != ')' {
			if b[n] == '\\' {
				n++
			}
			n++
		}
		n = min(n, len(b))
		list := splitWords(b[:n], w.unfitText)
		for i := range list {
			list[i].text = unescape(list[i].text)
		}
		w.words(list)
		b = b[n:]
	}
}
