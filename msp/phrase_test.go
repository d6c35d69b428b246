package msp

import (
	"net/mail"
	"strings"
	"testing"
)

func TestFullNameCanStandBeforeAnAddress(t *testing.T) {
	for _, c := range []struct{ reason, name, want string }{
		{"words", "Joe Public", "Joe Public"},
		{"white space around and between", "  Joe\t Public\n", "Joe Public"},
		{"a dot", "Joe Q. Public", `"Joe Q. Public"`},
		{"a quote and a backslash", `J"o\e`, `"J\"o\\e"`},
		{"what looks like an encoded word", "=?x?", `"=?x?"`},
		{"a second field", "Joe\r\nBcc: x@y", `"Joe Bcc: x@y"`},
		{"nothing", " ", ""},
	} {
		if got := phrase(c.name, " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
	}
}

// FuzzPhrase reads what we write with another program's eyes.
func FuzzPhrase(f *testing.F) {
	for _, seed := range []string{"Joe", "Jö Ü", "a.b \"c", strings.Repeat("ü", 100), strings.Repeat("ü", 128), "=?utf-8?q?x?=", "\xff", "a\x00\x7fb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := phrase(name, "\r\n ")
		for word := range strings.FieldsSeq(got) {
			if strings.HasPrefix(got, "=?") && len(word) > 75 {
				t.Fatalf("%q: an encoded word of %d characters", name, len(word))
			}
		}
		for line := range strings.SplitSeq(got, "\r\n") {
			if len(line) > 600 { // an address of 320 is to follow
				t.Fatalf("%q: a line of %d octets", name, len(line))
			}
		}
		got = strings.ReplaceAll(got, "\r\n ", " ")
		if got == "" || len(name) > maxPhrase || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
			return
		}
		a, err := mail.ParseAddress(got + " <a@x.org>")
		if err != nil {
			t.Fatalf("%q: %q is no phrase: %v", name, got, err)
		}
		if want := strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == ' ' }), " "); a.Name != want {
			t.Fatalf("%q is read as %q", name, a.Name)
		}
	})
}
