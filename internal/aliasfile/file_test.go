package aliasfile

import (
	"fmt"
	"strings"
	"testing"
)

// Coverage: X4.
func TestAFileOfAliasesIsReadAsSendmailDoes(t *testing.T) {
	for _, c := range []struct{ reason, text, want string }{
		{"a line each", "a: b\nc:d\n", "1 a=b; 2 c=d"},
		{"comments and empty lines", "# x\n\na: b\n#c: d\n", "3 a=b"},
		{"white space goes on", "a: b,\n\tc,\n  d\ne: f\n", "1 a=b,\tc,  d; 4 e=f"},
		{"an empty value that goes on", "a:\n b\n", "1 a=b"},
		{"a backslash takes the next line in", "a: b,\\\nc\nd: e\n", "1 a=b,c; 3 d=e"},
		{"of a comment too", "# x \\\na: b\nc: d", "3 c=d"},
		{"names in any case", "PostMaster: Root", "1 postmaster=Root"},
		{"white space before the colon", "a : b", "1 a=b"},
		{"quoted names", "\"two words\": a\n\"a:b\" : c", "1 two words=a; 2 a:b=c"},
		{"names with details", "a+b: c\na+*: d", "1 a+b=c; 2 a+*=d"},
		{"a name with one of our domains", "a@local.example: b", "1 a=b"},
		{"lines of another system", "a: b,\r\n\tc\r\n", "1 a=b,\tc"},
		{"of two with one name the last counts", "a: b\nx: y\nA: c\n", "3 a=c; 2 x=y"},
		{"white space alone is an empty line", "a: b\n\n   \nc: d", "1 a=b; 4 c=d"},
	} {
		f := Parse("f", c.text, func(domain string) bool { return domain == "local.example" })
		var all []string
		for _, e := range f.Entries {
			all = append(all, fmt.Sprintf("%s %s=%s", strings.TrimPrefix(e.Where, "f:"), e.Name, e.Value))
			if f.Find(e.Name) == nil || f.Find(e.Name).Value != e.Value {
				t.Errorf("%s: %s is not found", c.reason, e.Name)
			}
		}
		if got := strings.Join(all, "; "); got != c.want || len(f.Wrong) > 0 {
			t.Errorf("%s: %s; want %s\n%s", c.reason, got, c.want, told(f.Wrong))
		}
	}
}

// Coverage: X4.
func TestABadLineOfAliasesIsNamed(t *testing.T) {
	for _, c := range []struct{ reason, line, want string }{
		{"no colon", "bare", "f:2: bare... missing colon"},
		{"no value", "a:", "f:2: a... missing value for alias"},
		{"no value but white space", "a: \t ", "f:2: a... missing value for alias"},
		{"white space behind a comment", "# x\n b", "f:3: Non-continuation line starts with space"},
		{"another's name", "a@far.example: b", "f:2: a@far.example... cannot alias non-local names"},
		{"a name of two words", "a b: c", "f:2: a b... illegal alias name"},
		{"no name", ": c", "f:2: ... illegal alias name"},
		{"a quoted name without an end", `"a: b`, "f:2: \"a: b... missing colon"},
		{"a bad address", "a: good, bad@", "f:2: bad@: "},
		{"a comment within an alias", "a: b\n # c", "f:3: a comment has to begin the line"},
		{"an alias that is too long", "a: " + strings.Repeat("b,\n ", maxEntry/2), "f:2: alias too long"},
	} {
		f := Parse("f", "good1: x\n"+c.line+"\ngood2: y\n", nil)
		if len(f.Wrong) == 0 || !strings.HasPrefix(f.Wrong[0].Error(), c.want) {
			t.Errorf("%s: %.300s", c.reason, told(f.Wrong))
		}
		if f.Find("good1") == nil || f.Find("good2") == nil {
			t.Errorf("%s: the lines around it are gone", c.reason)
		}
	}
	f := Parse("f", "\n a\n b\n c\n", nil)
	if len(f.Wrong) != 1 {
		t.Errorf("lines that go on with nothing are told one by one: %s", told(f.Wrong))
	}
	f = Parse("f", "a: x\nA: y, z\nb: bad@\n", nil)
	if got := strings.Join(f.Warnings, "\n"); got != "f:2: Warning: duplicate alias name a: it counts, and f:1 does not" {
		t.Errorf("the warning is %q", got)
	}
	if e := f.Find("b"); e == nil || e.Wrong == nil {
		t.Error("the alias with the bad address is not marked")
	}
	if got := f.Summary(); got != "f: 3 aliases, longest 4 bytes, 12 bytes total" {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a: b\n c\n", "\"a b\": |x", "a:\\\nb\n", " x\n", "a@b: c", "#\\\n\\\n", "a: b\nA: c", ":", "\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		all := Parse("f", text, nil)
		names := map[string]bool{}
		for _, e := range all.Entries {
			var line int
			if _, err := fmt.Sscanf(e.Where, "f:%d", &line); err != nil || line < 1 || line > lines {
				t.Fatalf("%q stands at %s", e.Name, e.Where)
			}
			if e.Name == "" || e.Name != strings.ToLower(e.Name) || names[e.Name] || all.Find(e.Name) == nil {
				t.Fatalf("the name %q", e.Name)
			}
			names[e.Name] = true
			if items, wrong := e.Items(); e.Wrong == nil && (len(items) == 0 && strings.Trim(e.Value, ", \t") != "" || len(wrong) > 0) {
				t.Fatalf("%q comes to %v, %v", e.Value, items, wrong)
			}
		}
	})
}
