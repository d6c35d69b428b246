package draft

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"mailcrane/queue"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// waits is a message to three, of whom the second has it.
func waits() queue.Entry {
	return queue.Entry{
		Name: queue.Name{ID: "cemj5daczhtqd"},
		Envelope: &queue.Envelope{
			From: "me@example.org", Account: "work", NotBefore: noon.Add(20 * time.Hour),
			To: []queue.Recipient{{Address: "ann@example.net"}, {Address: "bob@example.net"}, {Address: `"c d"@example.net`}},
		},
		Results: []queue.Result{{}, {State: queue.Delivered}, {State: queue.Deferred}},
	}
}

func TestATextThatWasNotChangedChangesNothing(t *testing.T) {
	for _, e := range []queue.Entry{waits(), {
		Name: queue.Name{ID: "cemj5daczhtqd"}, Envelope: &queue.Envelope{To: []queue.Recipient{{Address: "a@b.c"}}}, Results: make([]queue.Result, 1),
	}} {
		change, wrong := Parse(Text(e, noon), e, noon)
		if len(wrong) > 0 || !change.Empty() {
			t.Errorf("%s\nchanges %+v, %v", Text(e, noon), change, wrong)
		}
	}
}

// edited is the text with old replaced, below the comment.
func edited(old, to string) string {
	comment, lines, _ := strings.Cut(string(Text(waits(), noon)), "\n\n")
	return comment + "\n\n" + strings.Replace(lines, old, to, 1)
}

func TestWhatAPersonWritesIsWhatChanges(t *testing.T) {
	pointer := func(s string) *string { return &s }
	at := noon.Add(21 * time.Hour)
	for _, c := range []struct {
		reason, old, new string
		want             queue.Change
	}{
		{"another address", "ann@", "jo@", queue.Change{Redirect: []queue.Redirection{{Old: "ann@example.net", New: "jo@example.net"}}}},
		{"a quoted one in brackets", `"c d"@example.net`, `<"e f"@example.net>`, queue.Change{Redirect: []queue.Redirection{{Old: `"c d"@example.net`, New: `"e f"@example.net`}}}},
		{"a line less", "to 1    ann@example.net\n", "", queue.Change{Drop: []string{"ann@example.net"}}},
		{"a line more, with the editor's own line ends", "time ", "to\tjo@example.net\r\ntime ", queue.Change{Add: []string{"jo@example.net"}}},
		{"no sender", "me@example.org", "<>", queue.Change{From: pointer("")}},
		{"no account", "account work\n", "", queue.Change{Account: pointer("")}},
		{"another account", "account work", "account home", queue.Change{Account: pointer("home")}},
		{"at once", "2026-11-23T08:00:00Z", "now", queue.Change{NotBefore: &time.Time{}}},
		{"another time", "2026-11-23T08:00:00Z", "tomorrow 9:00", queue.Change{NotBefore: &at}},
	} {
		change, wrong := Parse([]byte(edited(c.old, c.new)), waits(), noon)
		if len(wrong) > 0 || !reflect.DeepEqual(change, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", c.reason, change, wrong, c.want)
		}
	}
}

func TestAMistakeIsToldWithItsLine(t *testing.T) {
	for _, c := range []struct{ reason, old, new, want string }{
		{"no address", "ann@example.net", "ann", `15: "ann" is no address`},
		{"no address at all", "to 1    ann@example.net", "to 1", `15: "" is no address`},
		{"a number that is none", "to 1 ", "to 9 ", "15: there is no recipient 9"},
		{"who has it", "to 1 ", "to 2 ", "15: nothing can be changed for recipient 2: delivered"},
		{"twice", "to 3    \"c d\"", "to 1 x", "17: recipient 1 is there twice"},
		{"a word of no meaning", "account", "acount", `13: "acount" is none of`},
		{"a word twice", "account work", "from a@b.c", "13: from stands in line 12"},
		{"a time that is past", "2026-11-23T08:00:00Z", "2025-11-23 08:00", "14: Sun 2025-11-23 08:00:00 +0000 UTC is past"},
		{"an escape sequence", "account", "\x1b[2J", `13: "?[2J" is none of`},
		{"no sender line", "from    me@example.org\n", "", "0: the line from is missing"},
		{"nothing but comments", "", "#", "0: the line from is missing"},
	} {
		text := edited(c.old, c.new)
		if c.old == "" {
			text = c.new
		}
		change, wrong := Parse([]byte(text), waits(), noon)
		if len(wrong) == 0 || !strings.HasPrefix(fmt.Sprintf("%d: %s", wrong[0].Line, wrong[0].Why), c.want) || !change.Empty() {
			t.Errorf("%s: %v, %+v; want %q", c.reason, wrong, change, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Text(waits(), noon))
	f.Add([]byte("from <>\ntime +2h\nto 1 a@b.c\nto x@y.z\nto 3 <q@r.s>\n"))
	f.Add([]byte("to 2 a@b.c\naccount\nfrom\ntime\n"))
	f.Add([]byte("\xef\xbb\xbf# x\r\nfrom a@b.c\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		e := waits()
		change, wrong := Parse(text, e, noon)
		if len(wrong) > maxWrong+3 {
			t.Errorf("%d mistakes", len(wrong))
		}
		for _, w := range wrong {
			if strings.ContainsAny(w.Why, "\n\x1b\r") {
				t.Errorf("line %d: %q", w.Line, w.Why)
			}
		}
		if len(wrong) > 0 && !change.Empty() {
			t.Errorf("mistakes %v, and a change %+v", wrong, change)
		}
		if len(wrong) == 0 && len(change.Drop) == 2 && len(change.Add) == 0 {
			t.Errorf("nobody is left")
		}
	})
}
