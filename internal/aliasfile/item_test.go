package aliasfile

import (
	"fmt"
	"strings"
	"testing"
)

// shown is items in one line.
func shown(items []Item) string {
	var words []string
	for _, i := range items {
		words = append(words, [...]string{"", `\`, "file ", "program ", "list "}[i.Kind]+i.Text)
	}
	return strings.Join(words, "; ")
}

func told(wrong []error) string {
	var words []string
	for _, err := range wrong {
		words = append(words, err.Error())
	}
	return strings.Join(words, "\n")
}

// Coverage: A2, A3, A4, A5, A6.
func TestEachKindOfDestinationIsRead(t *testing.T) {
	for _, c := range []struct{ reason, text, want string }{
		{"an address", "joe@example.net", "joe@example.net"},
		{"a local name", "joe", "joe"},
		{"several", "a, b@example.net ,c", "a; b@example.net; c"},
		{"commas that divide nothing", ",a,,b,", "a; b"},
		{"one with its name", "Joe Doe <joe@example.net>", "joe@example.net"},
		{"a name with a comma in quotes", `"Doe, Joe" <joe@example.net>, x`, "joe@example.net; x"},
		{"a remark with a comma", "joe@example.net (Joe, at home), x", "joe@example.net; x"},
		{"a quoted local part", `"joe doe"@example.net`, `"joe doe"@example.net`},
		{"a quoted local part that looks like a program is an address", `"|run"@example.net`, `|run@example.net`},
		{"the own mailbox", `\joe, joe@example.net`, `\joe; joe@example.net`},
		{"in quotes", `"\joe"`, `\joe`},
		{"with two backslashes in quotes", `"\\joe", "|/usr/bin/vacation joe"`, `\joe; program /usr/bin/vacation joe`},
		{"with a domain", `\joe@example.org`, `\joe@example.org`},
		{"a file", "/var/log/mail", "file /var/log/mail"},
		{"a file with a blank and a comma", `"/var/my mail, old"`, "file /var/my mail, old"},
		{"nothing at all", "/dev/null", "file /dev/null"},
		{"an X.400 address is no file", "/C=de/S=doe/@gateway.example", "/C=de/S=doe/@gateway.example"},
		{"a program", "|/bin/true", "program /bin/true"},
		{"a program with words", "|/bin/echo a b", "program /bin/echo a b"},
		{"in quotes with a comma", `"|/bin/echo a, b"`, "program /bin/echo a, b"},
		{"quotes behind the bar", `|"/usr/bin/procmail -a work"`, "program /usr/bin/procmail -a work"},
		{"quotes within quotes", `"|/bin/echo \"a b\" '\\n'"`, `program /bin/echo "a b" '\n'`},
		{"the classic line of procmail", `"|IFS=' ' && exec /usr/bin/procmail -f- || exit 75 #joe"`, "program IFS=' ' && exec /usr/bin/procmail -f- || exit 75 #joe"},
		{"parentheses of a shell", `|(cat; echo), x`, "program (cat; echo); x"},
		{"a list", ":include:/etc/mail/list", "list /etc/mail/list"},
		{"in any case, in quotes, with a blank", `":Include: /etc/mail/my list"`, "list /etc/mail/my list"},
	} {
		items, wrong := ParseValue(c.text, "f:1")
		if shown(items) != c.want || len(wrong) > 0 {
			t.Errorf("%s: %s is %s, %s; want %s", c.reason, c.text, shown(items), told(wrong), c.want)
		}
		for _, i := range items {
			if i.Where != "f:1" {
				t.Errorf("%s: %q stands at %s", c.reason, i.Text, i.Where)
			}
		}
	}
}

func TestABadDestinationIsToldAndTheOthersAreGood(t *testing.T) {
	for _, c := range []struct{ reason, text, want string }{
		{"no command", "|", "no command"},
		{"no command in quotes", `"| "`, "no command"},
		{"no file", "/", "names no file"},
		{"no list", ":include:", "no file stands behind"},
		{"a list without a path", ":include:list", "begin with /"},
		{"Postfix's errors", ":error: no", "virtusertable"},
		{"no user", `\`, "no name of a user"},
		{"two users", `\joe doe`, "no name of a user"},
		{"no domain", "joe@", ""},
		{"two addresses without a comma", "joe@example.net ann@example.net", ""},
		{"a control character", "|a\x01", "control character"},
		{"a control character in a path", "/a\x7f", "control character"},
		{"quotes that do not end", `"|/bin/true`, ""},
	} {
		items, wrong := ParseValue("good, "+c.text, "f:1")
		if c.reason == "quotes that do not end" { // sendmail too takes what stands there
			continue
		}
		if shown(items) != "good" || len(wrong) != 1 || !strings.HasPrefix(told(wrong), "f:1: ") || !strings.Contains(told(wrong), c.want) {
			t.Errorf("%s: %s is %s; %s", c.reason, c.text, shown(items), told(wrong))
		}
	}
}

// Coverage: A5.
func TestAFileOfAListHasOneOnEachLine(t *testing.T) {
	const text = "# a comment\n\\me, a@example.net\r\n\n  b@example.net #@# not this one\n  # nor this\n#@# c\nd#e@example.net\n" +
		"|echo #@#\nbad@\n\"|two\nlines\"\nlast"
	items, wrong := ParseList(text, "f")
	var lines []string
	for _, i := range items {
		lines = append(lines, strings.TrimPrefix(i.Where, "f:"))
	}
	if got, want := shown(items), `\me; a@example.net; b@example.net; d#e@example.net; program echo; program two; last`; got != want {
		t.Errorf("%s\nwant %s\n%s", got, want, told(wrong))
	}
	if got := strings.Join(lines, " "); got != "2 2 4 7 8 10 12" {
		t.Errorf("they stand in lines %s", got)
	}
	if !strings.HasPrefix(told(wrong), "f:9: bad@: ") || !strings.Contains(told(wrong), "f:11: ") {
		t.Errorf("wrong: %s", told(wrong))
	}
}

func TestAListHasABound(t *testing.T) {
	items, wrong := ParseList(strings.Repeat("a,b,c\n", MaxItems), "f")
	if len(items) != MaxItems || !strings.Contains(told(wrong), "more than 100000 destinations") {
		t.Errorf("%d destinations; %.200s", len(items), told(wrong))
	}
	items, wrong = ParseList(strings.Repeat("x", MaxLine+1)+"\ngood\n", "f")
	if shown(items) != "good" || !strings.Contains(told(wrong), "f:1:") || len(told(wrong)) > 200 {
		t.Errorf("%s; %.200s", shown(items), told(wrong))
	}
}

func FuzzParseList(f *testing.F) {
	for _, seed := range []string{"a, b@c.example", `\joe, "|x \"y\""`, ":include:/x #@# y", "/a b,|c,(d", "\"a\\", "a\n\n#b\n,,\n", `"|x"@y`, "\x00", `\\\\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		items, _ := ParseList(text, "f")
		for _, i := range items {
			var line int
			if _, err := fmt.Sscanf(i.Where, "f:%d", &line); err != nil || line < 1 || line > lines {
				t.Fatalf("%q stands at %s of %d lines", i.Text, i.Where, lines)
			}
			if i.Text == "" || strings.ContainsAny(i.Text, "\n\r\x00") && i.Kind != Address {
				t.Fatalf("%v %q", i.Kind, i.Text)
			}
			if i.Kind == Include && i.Text[0] != '/' || i.Kind == File && i.Text[0] != '/' {
				t.Fatalf("%v %q", i.Kind, i.Text)
			}
			if i.Kind == Address && strings.HasPrefix(i.Text, "|") && !strings.Contains(i.Text, "@") {
				t.Fatalf("%q is taken for an address", i.Text)
			}
		}
	})
}
