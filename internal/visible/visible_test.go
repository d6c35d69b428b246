package visible

import (
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	for _, c := range []struct {
		reason, text string
		most         int
		want         string
	}{
		{"plain", "hello, Köln", 0, "hello, Köln"},
		{"line ends and tabs", "a\r\nb\tc", 0, "a??b?c"},
		{"escape sequences", "\x1b[2J", 0, "?[2J"},
		{"the second set of controls", "a\u009bb\x7f", 0, "a?b?"},
		{"not UTF-8", "a\xff\xfeb", 0, "a?b"},
		{"as long as allowed", "abcdef", 6, "abcdef"},
		{"too long", "abcdefg", 6, "abc…"},
		{"no letter is cut in two", "aüüüü", 7, "aü…"},
	} {
		if got := Line(c.text, c.most); got != c.want {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
	}
	if got := Line(strings.Repeat("ü", 1000), 100); len(got) > 100 {
		t.Errorf("%d octets", len(got))
	}
}
