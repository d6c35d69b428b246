package mta

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/mta/aliases"
	"mailcrane/mta/expand"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// residents are users who live below a directory, and whose files are this
// process's own.
type residents struct {
	homes string
	uid   uint32
}

func (r residents) Lookup(name string) (aliases.User, bool, error) {
	home := filepath.Join(r.homes, name)
	_, err := os.Stat(home)
	return aliases.User{Name: name, Home: home, UID: r.uid, Shell: "/bin/sh"}, err == nil, nil
}

func (r residents) LookupUID(uint32) (aliases.User, bool, error) { return r.Lookup("ann") }

// Coverage: X4, A6.
func TestAServerFollowsTheFilesOfItsConfiguration(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"aliases":      "staff: ann, carl@far.example\nlist: :include:" + dir + "/list\nowner-list: ann\npostmaster: ann\n",
		"list":         "# friends\nx@far.example\n",
		"ann/.forward": "\\ann, \"|/bin/vacation ann\"\n",
		"bob/.profile": "\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // as such files are
			t.Fatal(err)
		}
	}
	readable(t, dir)
	c := configOf(t, fmt.Sprintf("dont_blame_sendmail = \"TrustStickyBit,NonRootSafeAddr\"\n[mta.map]\naliases = [%q]\n", filepath.Join(dir, "aliases")))
	r, err := NewRouting(c, RoutingOptions{Users: residents{dir, uint32(os.Getuid())}, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ to, want string }{
		{"ann@mx.example.org", "mailbox ann, |/bin/vacation ann by forward:ann"},
		{"bob", "mailbox bob"},
		{"staff", "mailbox ann, |/bin/vacation ann by forward:ann, carl@far.example"},
		{"list", "x@far.example from ann@mx.example.org"},
		{"nobody", "550"},
	} {
		answers, err := r.Expander.Expand(t.Context(), []expand.Question{{Sender: "me@far.example", Recipient: queue.Recipient{Address: test.to}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := destinations(answers[0]); got != test.want {
			t.Errorf("%s comes to %s, not %s", test.to, got, test.want)
		}
		s, err := r.Expander.Known(t.Context(), "", test.to)
		if err != nil || (s.Kind == route.Refused) != (test.want == "550") {
			t.Errorf("%s at RCPT: %+v, %v", test.to, s, err)
		}
	}
}

func destinations(a expand.Answer) string {
	var all []string
	for _, d := range a.Destinations {
		text := d.Address
		switch {
		case d.Route == "":
			text = fmt.Sprint(d.Reply.Code)
		case d.Target != "":
			text = d.Target + " by " + d.By
		case d.User != "":
			text = "mailbox " + d.User
		}
		if d.Owned {
			text += " from " + d.Owner
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestAliasesThatCannotBeReadPutOffTheirMail(t *testing.T) {
	dir := t.TempDir()
	c := configOf(t, fmt.Sprintf("dont_blame_sendmail = \"TrustStickyBit\"\n[mta.map]\naliases = [%q]\n", filepath.Join(dir, "aliases")))
	var log strings.Builder
	r, err := NewRouting(c, RoutingOptions{Users: everybody{}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Expander.Known(t.Context(), "", "ann"); err == nil {
		t.Error("a name is known though nobody can say so now")
	}
	if !strings.Contains(log.String(), "not all aliases can be used") {
		t.Errorf("the log says nothing of it: %s", &log)
	}
}

// readable lets others go where a test keeps its files: lists are read with the
// rights of a user.
func readable(t *testing.T, dir string) {
	t.Helper()
	for d := dir; d != os.TempDir() && len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil { //nolint:gosec // a directory of a test
			t.Fatal(err)
		}
	}
}
