package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/sysexits"
)

func TestSeveralQueueDirectories(t *testing.T) {
	base := t.TempDir()
	for _, name := range []string{"spool2", "spool1", "other", ".spool"} {
		if err := os.Mkdir(filepath.Join(base, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(base, "spool.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	below := func(names ...string) []string {
		for i, name := range names {
			names[i] = filepath.Join(base, name)
		}
		return names
	}
	for _, c := range []struct {
		reason, set string
		want        []string
		wrong       string
	}{
		{"one that is not there yet", `"BASE/new"`, below("new"), ""},
		{"a list, in its order", `["BASE/spool2", "~/x"]`, append(below("spool2"), "/home/me/x"), ""},
		{"all that begin so, without plain files", `"BASE/spool*"`, below("spool1", "spool2"), ""},
		{"all, without hidden ones", `"BASE/*"`, below("other", "spool1", "spool2"), ""},
		{"none", `"BASE/queue*"`, nil, "no directory that begins so"},
		{"none, and no parent", `"BASE/no/queue*"`, nil, "no directory that begins so"},
		{"an empty list", `[]`, nil, "the list is empty"},
		{"not a path", `[1]`, nil, "string in quotes"},
		{"a relative path in a list", `["/a", "b"]`, nil, "in every folder"},
	} {
		text := "[queue]\ndirectory = " + strings.ReplaceAll(c.set, "BASE", base) + "\n"
		conf, err := Parse("f", []byte(text), func(name string) string { return map[string]string{"HOME": "/home/me"}[name] })
		var dirs []string
		if err == nil {
			dirs, err = conf.QueueDirs()
		}
		switch {
		case c.wrong != "":
			if sysexits.Code(err) != sysexits.Config || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v", c.reason, err)
			}
		case err != nil || !slices.Equal(dirs, c.want):
			t.Errorf("%s: %v, %v; want %v", c.reason, dirs, err, c.want)
		}
	}
}

func TestTheSlowQueueForAMessage(t *testing.T) {
	q := Queue{Slow: []SlowQueue{
		{Name: "second", After: 45 * time.Minute, Interval: time.Hour},
		{Name: "third", After: 3 * time.Hour, Interval: 4 * time.Hour},
		{Name: "often", Attempts: 20},
	}}
	for _, c := range []struct {
		reason, in string
		age        time.Duration
		attempts   int
		want       string
	}{
		{"too young", "", 44 * time.Minute, 3, ""},
		{"the first that it comes to", "", 45 * time.Minute, 3, "second"},
		{"the last that it has come to", "", 5 * time.Hour, 3, "third"},
		{"it stays", "second", time.Hour, 3, ""},
		{"it moves on", "second", 3 * time.Hour, 3, "third"},
		{"never back", "third", time.Hour, 3, ""},
		{"by its attempts", "", time.Minute, 20, "often"},
		{"age counts for more", "often", 4 * time.Hour, 20, "third"},
		{"a person has put it where no rule does", "mine", 5 * time.Hour, 30, ""},
	} {
		to, ok := q.SlowFor(c.in, c.age, c.attempts)
		if ok != (c.want != "") || ok && (to.Name != c.want || to.Interval <= 0) {
			t.Errorf("%s: %+v, %v; want %q", c.reason, to, ok, c.want)
		}
	}
	if got := q.SlowQueue("third").Interval; got != 4*time.Hour {
		t.Errorf("its interval is %v", got)
	}
	if got := q.SlowQueue("mine").Interval; got != defaultSlowInterval {
		t.Errorf("the interval of one that is not set is %v", got)
	}
}
