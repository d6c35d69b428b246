package local

import (
	"io"
	"slices"
	"strings"
	"testing"
)

const text = "Subject: hello\r\nReturn-Path: <forged@example.net>\r\n\r\nHi\r\nFrom here on\r\n"

// job is mail for a user.
func job(user string) Job {
	return Job{
		User: user, Sender: "sender@example.com", Recipient: user + "@example.org", Original: "list@example.org",
		Size: int64(len(text)), Open: opens(text),
	}
}

// to is mail for what an alias or a .forward names.
func to(target, by string) Job {
	j := job("")
	j.Target, j.By, j.Recipient = target, by, "list@example.org"
	return j
}

func opens(text string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}

func TestArgumentsAreTakenApartAsAShellWouldAndGoToNone(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string // nil is refused
	}{
		{"/bin/x -d $u", []string{"/bin/x", "-d", "$u"}},
		{`/bin/x 'a b' "c d"\ e ''`, []string{"/bin/x", "a b", "c d e", ""}},
		{"/bin/x $(id);`id`", []string{"/bin/x", "$(id);`id`"}},
		{"/bin/x 'a", nil},
		{`/bin/x \`, nil},
		{"", nil},
	} {
		got, err := words(c.text)
		if !slices.Equal(got, c.want) || (err != nil) != (c.want == nil) {
			t.Errorf("%q: %q, %v", c.text, got, err)
		}
	}
}
