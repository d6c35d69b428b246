package syntax

import (
	"strings"
	"testing"
	"time"
)

func TestAPathIsCutOffTheFront(t *testing.T) {
	for _, c := range []struct{ text, mailbox, rest, wrong string }{
		{"<a@b.c> SIZE=1", "a@b.c", " SIZE=1", ""},
		{"<>", "", "", ""},
		{"<Postmaster>", "Postmaster", "", ""},
		{"root", "root", "", ""},
		{`<"a b\">"@c>`, `"a b\">"@c`, "", ""},
		{"<@x,@y:a@b>", "a@b", "", ""},
		{"<a@[IPv6:::1]>", "a@[IPv6:::1]", "", ""},
		{"<@x>", "", "", "a route without a colon"},
		{"<a@b", "", "", "the closing >"},
		{"<a@b>x", "", "", "without a space"},
		{"<a b@c>", "", "", "the closing >"},
		{"<@:@b>", "", "", "the local part is missing"},
		{"<a@b..c>", "", "", "a part of the domain is empty"},
		{`<"a@b>`, "", "", "the closing quote is missing"},
	} {
		mailbox, rest, err := CutPath(c.text)
		switch {
		case c.wrong == "" && (err != nil || mailbox != c.mailbox || rest != c.rest):
			t.Errorf("%q: %q, %q, %v", c.text, mailbox, rest, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%q: the error is %v, want %q", c.text, err, c.wrong)
		}
	}
}

func FuzzAPathIsOneWhenItIsCutAgain(f *testing.F) {
	for _, s := range []string{"<a@b.c> SIZE=1", "<>", `<"a b"@c>`, "root x", "<@x:y@z>", "<\xc3\xa5@b>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		mailbox, _, err := CutPath(s)
		if err != nil {
			return
		}
		if again, rest, err := CutPath("<" + mailbox + ">"); err != nil || again != mailbox || rest != "" {
			t.Errorf("%q: %q is cut again as %q, %q, %v", s, mailbox, again, rest, err)
		}
	})
}

// Clean is Next for many octets at once.
func FuzzACleanRunIsOneWithoutAWrongOctet(f *testing.F) {
	for _, s := range []string{"a\r\nb\r\n", "a\rb", "\n", "\r\n\r", "a\x00", "a\n", "\r\r\n", ""} {
		f.Add("x\r", s)
		f.Add("", s)
		f.Add("\r\n", s)
	}
	f.Fuzz(func(t *testing.T, before, run string) {
		fast := AfterLines(3)
		for _, c := range []byte(before) {
			fast.Next(c)
		}
		slow, clean := fast, true
		for _, c := range []byte(run) {
			clean = slow.Next(c) == "" && clean
		}
		if got := fast.Clean([]byte(run)); got != clean {
			t.Errorf("%q after %q: Clean is %v", run, before, got)
		} else if clean && fast != slow {
			t.Errorf("%q after %q: %+v octet by octet, %+v at once", run, before, slow, fast)
		}
	})
}

func TestAReleaseTime(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		params map[string]string
		want   time.Duration
		wrong  string
	}{
		{nil, 0, ""},
		{map[string]string{"HOLDFOR": "60"}, time.Minute, ""},
		{map[string]string{"HOLDUNTIL": "2026-11-22T13:00:00Z"}, time.Hour, ""},
		{map[string]string{"HOLDUNTIL": "2026-11-22T11:00:00Z"}, -time.Hour, ""},
		{map[string]string{"HOLDUNTIL": "tomorrow"}, 0, "HOLDUNTIL= wants a time"},
		{map[string]string{"HOLDFOR": "-1"}, 0, "HOLDFOR= wants a number"},
		{map[string]string{"HOLDFOR": "9999999999"}, 0, "HOLDFOR= wants a number"},
		{map[string]string{"HOLDFOR": "90000"}, 0, "at most 24h0m0s ahead"},
		{map[string]string{"HOLDFOR": "1", "HOLDUNTIL": "2026-11-22T13:00:00Z"}, 0, "not both"},
	} {
		at, err := ReleaseTime(c.params, now, 24*time.Hour)
		switch {
		case c.wrong == "" && (err != nil || !at.IsZero() && at.Sub(now) != c.want || at.IsZero() && c.want != 0):
			t.Errorf("%v: %v, %v", c.params, at, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%v: the error is %v, want %q", c.params, err, c.wrong)
		}
	}
}
