package dsn

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decodeXtext takes the xtext of an ENVID or ORCPT back to what was meant (RFC
// 3461 section 4). Text that is none, or that hides what cannot be seen, stays
// as it is.
func decodeXtext(text string) string {
	if strings.IndexByte(text, '+') < 0 {
		return text
	}
	plain := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '+' {
			plain = append(plain, text[i])
			continue
		}
		if i+2 >= len(text) {
			return text
		}
		v, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
		if err != nil || v < ' ' || v == 0x7f {
			return text
		}
		plain = append(plain, byte(v))
		i += 2
	}
	if !utf8.Valid(plain) {
		return text
	}
	return string(plain)
}

// EncodeXtext is text as an ENVID, or the part of an ORCPT behind its type, has
// it (RFC 3461 section 4).
func EncodeXtext(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c > ' ' && c < 0x7f && c != '+' && c != '=' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "+%02X", c)
		}
	}
	return b.String()
}

// encodeUTF8Address is the ASCII form of an address of the type utf-8,
// utf-8-addr-xtext (RFC 6533 section 3).
func encodeUTF8Address(plain string) string {
	var b strings.Builder
	for _, c := range plain {
		if c > ' ' && c < 0x7f && c != '\\' && c != '+' && c != '=' {
			b.WriteRune(c)
			continue
		}
		hex := strings.ToUpper(strconv.FormatUint(uint64(c), 16))
		if len(hex) < 2 {
			hex = "0" + hex
		}
		b.WriteString(`\x{` + hex + `}`)
	}
	return b.String()
}

// decodeUTF8Address undoes that; a utf-8-addr-unitext, where letters beyond
// ASCII stand for themselves, is taken too. ok is false for what is neither, or
// hides what cannot be seen.
func decodeUTF8Address(text string) (plain string, ok bool) {
	var b strings.Builder
	for text != "" {
		i := strings.IndexByte(text, '\\')
		if i < 0 {
			b.WriteString(text)
			break
		}
		b.WriteString(text[:i])
		code, found := strings.CutPrefix(text[i:], `\x{`)
		hex, rest, closed := strings.Cut(code, "}")
		v, err := strconv.ParseUint(hex, 16, 32)
		if !found || !closed || err != nil || v < ' ' || v >= 0x7f && v < 0xa0 || v > utf8.MaxRune || !utf8.ValidRune(rune(v)) {
			return "", false
		}
		b.WriteRune(rune(v))
		text = rest
	}
	return b.String(), utf8.ValidString(b.String())
}

// ASCIIORcpt is an ORCPT as a server without SMTPUTF8 takes it (RFC 6533
// section 3). ok is false for one that has no such form: a type other than
// utf-8 with letters beyond ASCII.
func ASCIIORcpt(orcpt string) (text string, ok bool) {
	if ascii([]byte(orcpt)) {
		return orcpt, true
	}
	kind, value, _ := strings.Cut(orcpt, ";")
	plain, ok := decodeUTF8Address(value)
	if !ok || !strings.EqualFold(kind, "utf-8") {
		return "", false
	}
	return kind + ";" + encodeUTF8Address(plain), true
}

// onlyASCII shows what is beyond ASCII as question marks.
func onlyASCII(text string) string {
	return strings.Map(func(c rune) rune {
		if c >= utf8.RuneSelf {
			return '?'
		}
		return c
	}, text)
}

func ascii(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
