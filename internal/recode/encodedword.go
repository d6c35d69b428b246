package recode

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"
)

// A word is a piece of text with the white space before it.
type word struct {
	gap    []byte
	raw    []byte
	text   []byte // what raw means, without quotes
	encode bool
}

// splitWords cuts text at white space; the last word may be empty, and then
// holds the white space at the end.
func splitWords(b []byte, unfit func([]byte) bool) []word {
	var words []word
	for len(b) > 0 {
		gap := 0
		for gap < len(b) && isSpace(b[gap]) {
			gap++
		}
		end := gap
		for end < len(b) && !isSpace(b[end]) {
			end++
		}
		raw := b[gap:end]
		words = append(words, word{b[:gap], raw, raw, unfit(raw)})
		b = b[end:]
	}
	return words
}

// isEncodedWord says that a word will be decoded by the reader.
func (x word) isEncodedWord() bool {
	return bytes.HasPrefix(x.raw, []byte("=?")) && bytes.HasSuffix(x.raw, []byte("?=")) &&
		bytes.Count(x.raw, []byte("?")) == 4
}

// words writes text, its unfit words as encoded-words. White space between two
// encoded-words is not shown (RFC 2047 section 6.2), so what stands between
// unfit words, and between one and an encoded-word that was there already, is
// encoded with them.
func (w *fieldWriter) words(list []word) {
	spread(list)
	for i := 0; i < len(list); {
		x := list[i]
		if !x.encode {
			w.raw(x.gap)
			w.raw(x.raw)
			i++
			continue
		}
		var text []byte
		if i > 0 && list[i-1].isEncodedWord() {
			text = unfold(text, x.gap)
		}
		text = unfold(text, x.text)
		for i++; i < len(list) && list[i].encode; i++ {
			text = unfold(unfold(text, list[i].gap), list[i].text)
		}
		if i < len(list) && list[i].isEncodedWord() {
			text = unfold(text, list[i].gap)
		}
		w.encodedWords(x.gap, text)
	}
}

// spread lets a word that touches an unfit one be encoded with it, since an
// encoded-word stands alone.
func spread(list []word) {
	for i := 1; i < len(list); i++ {
		if len(list[i].gap) == 0 && list[i-1].encode && len(list[i].raw) > 0 {
			list[i].encode = true
		}
	}
	for i := len(list) - 1; i > 0; i-- {
		if len(list[i].gap) == 0 && list[i].encode && len(list[i-1].raw) > 0 {
			list[i-1].encode = true
		}
	}
}

// unfold appends text without its line ends (RFC 5322 section 2.2.3).
func unfold(dst, text []byte) []byte {
	for _, c := range text {
		if c != '\n' {
			dst = append(dst, c)
		}
	}
	return dst
}

// encodedLine is how long a line with an encoded-word may be, and encodedMax
// how long one may be itself (RFC 2047 section 2).
const (
	encodedLine = 76
	encodedMax  = 75
)

// encodedWords writes text as encoded-words, gap before them. The standard
// library's encoder knows neither the column nor which octets a phrase and a
// comment allow, and never cuts text in unknown-8bit.
func (w *fieldWriter) encodedWords(gap, text []byte) {
	q := qIsShorter(text)
	least := min(12, base64.StdEncoding.EncodedLen(len(text))) // room for one character in either encoding
	around := len("=??b??=") + len(w.charset)
	after := byte('(')
	if len(w.out) > 0 {
		after = w.out[len(w.out)-1]
	}
	if len(gap) == 0 && (w.encoded || after != '(' && !isSpace(after)) {
		gap = []byte(" ")
	}
	if w.column()+len(gap)+around+least > encodedLine && !bytes.Contains(gap, []byte("\n")) {
		w.out = append(w.out, '\n')
		if len(gap) == 0 {
			gap = []byte(" ")
		}
	}
	w.out = append(w.out, gap...)
	for first := true; len(text) > 0; first = false {
		if !first {
			w.out = append(w.out, "\n "...)
		}
		room := max(min(encodedLine-w.column(), encodedMax)-around, least)
		n := w.fitting(text, room, q)
		w.out = append(append(append(w.out, "=?"...), w.charset...), '?')
		if q {
			w.out = appendQ(append(w.out, "q?"...), text[:n])
		} else {
			w.out = base64.StdEncoding.AppendEncode(append(w.out, "b?"...), text[:n])
		}
		w.out = append(w.out, "?="...)
		text = text[n:]
	}
	w.encoded = true
}

// fitting is how many octets of text fit into room when encoded; characters
// stay whole (RFC 2047 section 5).
func (w *fieldWriter) fitting(text []byte, room int, q bool) int {
	n, used := 0, 0
	for n < len(text) {
		size := 1
		if w.charset == "utf-8" {
			_, size = utf8.DecodeRune(text[n:])
		}
		if q {
			for _, c := range text[n : n+size] {
				used += qLen(c)
			}
		} else {
			used = base64.StdEncoding.EncodedLen(n + size)
		}
		if used > room && n > 0 {
			break
		}
		n += size
	}
	return n
}

// qLen is the length of an octet in the Q encoding, by the narrowest rule,
// that of phrases (RFC 2047 section 5 (3)).
func qLen(c byte) int {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return 1
	case c == ' ', c == '!', c == '*', c == '+', c == '-', c == '/':
		return 1
	}
	return 3
}

func appendQ(dst, text []byte) []byte {
	for _, c := range text {
		switch {
		case c == ' ':
			dst = append(dst, '_')
		case qLen(c) == 1:
			dst = append(dst, c)
		default:
			dst = append(dst, '=', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}

func qIsShorter(text []byte) bool {
	q := 0
	for _, c := range text {
		q += qLen(c)
	}
	return q <= base64.StdEncoding.EncodedLen(len(text))
}
