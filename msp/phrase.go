package msp

import (
	"strings"
	"unicode/utf8"

	"mailcrane/internal/address"
)

// maxPhrase bounds a full name, in octets.
const maxPhrase = 256

// phrase writes a full name so that it may stand before an address (RFC 5322
// section 3.2.5): words, a quoted string, or encoded words (RFC 2047), which
// are divided by fold: they may be longer together than a line.
func phrase(name, fold string) string {
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if len(name) > maxPhrase {
		name = strings.ToValidUTF8(name[:maxPhrase], "")
	}
	switch {
	case address.NeedsUTF8(name):
		return encodedWords(strings.ToValidUTF8(name, "?"), fold)
	case strings.ContainsAny(name, `()<>[]:;@\,."`), strings.Contains(name, "=?"):
		return address.QuotedString(name)
	}
	return name
}

// encodedWords is RFC 2047's Q encoding, in words of at most 75 characters
// that no character of the name is divided between.
func encodedWords(name, fold string) string {
	const open, shut = "=?utf-8?q?", "?="
	const digits = "0123456789ABCDEF"
	var out, word strings.Builder
	for _, r := range name {
		var enc []byte
		switch {
		case r == ' ':
			enc = []byte{'_'}
		case r < utf8.RuneSelf && (r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z'):
			enc = []byte{byte(r)}
		default:
			for _, c := range []byte(string(r)) {
				enc = append(enc, '=', digits[c>>4], digits[c&15])
			}
		}
		if len(open)+word.Len()+len(enc)+len(shut) > 75 {
			out.WriteString(open + word.String() + shut + fold)
			word.Reset()
		}
		word.Write(enc)
	}
	out.WriteString(open + word.String() + shut)
	return out.String()
}
