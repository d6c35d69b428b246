package aliases

import (
	"path"
	"strings"
	"testing"
)

// What comes with a message chooses a file among those of the user, and none
// elsewhere.
func FuzzForwardPath(f *testing.F) {
	f.Add("$z/.forward$h", "work", "me@example.org", "ESMTP", "client.example")
	f.Add("/var/forward/$u:$z/.forward.$w", "../../etc/passwd", "..", ".", "/")
	f.Add("$z/$f$s/$r", "", ".", ".", ".")
	f.Add("$z/$$h$", "\x00", "a/b", "", "\\")
	f.Fuzz(func(t *testing.T, template, detail, sender, protocol, client string) {
		l := NewLists(ListOptions{Host: "mail.example.org"})
		u := User{Name: "joe", Home: "/home/joe"}
		for part := range strings.SplitSeq(template, ":") {
			got, ok := l.expand(part, u, Letter{Detail: detail, Sender: sender, Protocol: protocol, Client: client})
			if !ok {
				continue
			}
			plain, ok := l.expand(part, u, Letter{})
			if ok && strings.Count(got, "/") != strings.Count(plain, "/") {
				t.Fatalf("%q becomes %q, without the mail %q", part, got, plain)
			}
			if strings.HasPrefix(part, "$z/") && !strings.HasPrefix(path.Clean(got)+"/", "/home/joe/") {
				t.Fatalf("%q becomes %q", part, got)
			}
		}
	})
}
