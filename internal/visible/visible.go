// Package visible makes text from outside fit to be seen: in a log, in a line
// of a file, on a terminal.
package visible

import "strings"

// Line is text as one line: control characters (those of ISO 6429's second
// set too) and octets that are no UTF-8 show as question marks. At most most
// octets are kept, and "…" says that there were more; 0 is no bound.
func Line(text string, most int) string {
	if (most == 0 || len(text) <= most) && plain(text) {
		return text
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	const more = "…"
	if most == 0 || len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len(more)], "") + more
}

// plain says that the text is printable ASCII, as most is.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}
