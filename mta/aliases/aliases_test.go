package aliases

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/maps"
	"mailcrane/mta/safefile"
)

// tmpRules trust the directories of tests, which are below /tmp.
func tmpRules() safefile.Rules { return safefile.Rules{Blame: config.TrustStickyBit} }

// write puts a new file in the place of the old one, as editors do.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// shown is items in one line.
func shown(items []Item) string {
	var words []string
	for _, i := range items {
		words = append(words, fmt.Sprintf("%s%s", [...]string{"", `\`, "file ", "program ", "list "}[i.Kind], i.Text))
	}
	return strings.Join(words, "; ")
}

// Coverage: X4.
func TestAnAliasIsLookedUpWithItsDetailThenStarThenBare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "aliases")
	write(t, path, "joe+work: a@example.net\njoe+*: b@example.net\njoe: c@example.net\nPostMaster: root\n\"two words\": d@example.net\n")
	second := path + "2"
	write(t, second, "joe: second@example.net\nann+*: e@example.net\nann: f@example.net\n")
	a, err := Open([]string{path, "hash:" + second}, Options{Rules: tmpRules()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ reason, user, detail, want, key string }{
		{"the detail itself", "joe", "work", "a@example.net", "joe+work"},
		{"in any case", "JOE", "Work", "a@example.net", "joe+work"},
		{"another detail", "joe", "play", "b@example.net", "joe+*"},
		{"none", "joe", "", "c@example.net", "joe"},
		{"postmaster in any case", "POSTMASTER", "", "root", "postmaster"},
		{"postmaster with a detail", "postmaster", "x", "root", "postmaster"},
		{"a quoted name", `"two words"`, "", "d@example.net", "two words"},
		{"one of the second file", "ann", "x", "e@example.net", "ann+*"},
		{"nobody", "bob", "x", "", ""},
	} {
		items, key, ok, err := a.Lookup(t.Context(), c.user, c.detail)
		if err != nil || shown(items) != c.want || key != c.key || ok != (c.want != "") {
			t.Errorf("%s: %s by %q, %v, %v; want %s by %q", c.reason, shown(items), key, ok, err, c.want, c.key)
		}
	}
}

// town is a file of aliases with a clock that goes on by ten seconds whenever it is
// asked.
type town struct {
	*testing.T
	path string
	log  bytes.Buffer
	*Aliases
	err error // of opening it
}

func settle(t *testing.T, text string) *town {
	w := &town{T: t, path: filepath.Join(t.TempDir(), "aliases")}
	write(t, w.path, text)
	now := time.Unix(1e9, 0)
	w.Aliases, w.err = Open([]string{w.path}, Options{
		Rules: tmpRules(), Log: slog.New(slog.NewTextHandler(&w.log, nil)),
		Now: func() time.Time { now = now.Add(10 * time.Second); return now },
	})
	return w
}

// is what a name comes to: "-" for no alias, or the error.
func (w *town) is(name string) string {
	items, _, ok, err := w.Lookup(w.Context(), name, "")
	switch {
	case err != nil:
		return err.Error()
	case !ok:
		return "-"
	}
	return shown(items)
}

func (w *town) want(reason, name, want string) {
	w.Helper()
	if got := w.is(name); !strings.HasPrefix(got, want) {
		w.Errorf("%s: %s is %s, want %s", reason, name, got, want)
	}
}

// Coverage: X4.
func TestAliasesAreReadAgainAndABadEditLeavesThoseFromBefore(t *testing.T) {
	w := settle(t, "joe: a@example.net\n")
	if w.err != nil {
		t.Fatal(w.err)
	}
	w.want("at first", "joe", "a@example.net")
	write(t, w.path, "joe: b@example.net\nann: c@example.net\n")
	w.want("after a change", "joe", "b@example.net")
	write(t, w.path, "joe: d@example.net\nann\n")
	w.want("after a bad edit", "joe", "b@example.net")
	w.want("after a bad edit", "ann", "c@example.net")
	if !strings.Contains(w.log.String(), w.path+":2: ann... missing colon") {
		t.Errorf("the log does not name the line:\n%s", &w.log)
	}
	if err := w.Reload(); err == nil || !strings.Contains(err.Error(), w.path+":2:") {
		t.Errorf("reading it again says %v", err)
	}
	write(t, w.path, "joe: e@example.net\njoe: f@example.net\n")
	w.want("when it is mended", "joe", "f@example.net")
	w.want("when it is mended", "ann", "-")
	if !strings.Contains(w.log.String(), w.path+":2: Warning: duplicate alias name joe") {
		t.Errorf("the log does not warn:\n%s", &w.log)
	}
	if err := os.Remove(w.path); err != nil {
		t.Fatal(err)
	}
	w.want("without the file, mail waits", "joe", "the aliases cannot be read")
}

func TestAliasesThatWereNeverGoodHoldTheMailOfBadLinesOnly(t *testing.T) {
	w := settle(t, "joe: a@example.net\nann: bad@\nbob:\nnews@far.example: x\n")
	if w.err == nil || strings.Count(w.err.Error(), w.path) != 3 {
		t.Errorf("opening says %v", w.err)
	}
	w.want("a good line", "joe", "a@example.net")
	w.want("a bad address", "ann", "the alias cannot be used until its line is mended: "+w.path+":2: bad@: ")
	w.want("no value", "bob", "the alias cannot be used until its line is mended: "+w.path+":3: bob... missing value")
	w.want("a name of elsewhere", "news", "-")
	write(t, w.path, "joe: b@example.net\nann: bad@\n")
	w.want("half mended", "joe", "b@example.net")
	write(t, w.path, "joe: b@example.net\nann: c@example.net\n")
	w.want("mended", "ann", "c@example.net")
}

// Coverage: X4.
func TestTheOwnerOfAListIsItsNewSender(t *testing.T) {
	w := settle(t, "l: a, b\nowner-l: ann@example.net\nm: a\nowner-m: ann, joe\nn: a\no: a\nowner-o: /var/log/x\nowner-owner: root\np: a\nowner-p: :include:/x\n")
	for _, c := range []struct{ reason, key, want string }{
		{"a single address is the sender", "l", "ann@example.net"},
		{"in any case", "L", "ann@example.net"},
		{"several are not", "m", "owner-m"},
		{"there is none", "n", ""},
		{"a file is none", "o", "owner-o"},
		{"nor a list", "p", "owner-p"},
		{"the owner's own", "owner-l", "root"},
	} {
		got, ok, err := w.Owner(t.Context(), c.key)
		if err != nil || got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v, %v; want %q", c.reason, got, ok, err, c.want)
		}
	}
}

func TestAMapThatIsNotAskedInDeliveryModeDIsTemporary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "aliases")
	write(t, path, "joe: a@example.net\n")
	for _, deferred := range []bool{false, true} {
		a, err := Open([]string{"-D " + path}, Options{Rules: tmpRules(), Deferred: deferred})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, ok, err := a.Lookup(t.Context(), "joe", ""); ok == deferred || errors.Is(err, maps.ErrLater) != deferred {
			t.Errorf("deferred %v: %v, %v", deferred, ok, err)
		}
	}
	var none *Aliases
	if _, _, ok, err := none.Lookup(t.Context(), "joe", ""); ok || err != nil {
		t.Errorf("no aliases at all: %v, %v", ok, err)
	}
}

func TestNewaliasesReportsEachMap(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	write(t, one, "a: b@example.net\nc@our.example: d, e\n")
	write(t, two, "x: y\nX: z\nbare\n")
	all := Check([]string{one, "text:" + two, filepath.Join(dir, "none")}, Options{Rules: tmpRules(), Local: func(d string) bool { return d == "our.example" }})
	if len(all) != 3 || all[0].Summary != one+": 2 aliases, longest 13 bytes, 19 bytes total" || len(all[0].Wrong)+len(all[0].Warnings) > 0 {
		t.Errorf("%+v", all[0])
	}
	if r := all[1]; r.Summary != two+": 2 aliases, longest 1 bytes, 4 bytes total" || len(r.Wrong) != 1 || r.Wrong[0].Error() != two+":3: bare... missing colon: write name: address" ||
		len(r.Warnings) != 1 || !strings.HasPrefix(r.Warnings[0], two+":2: Warning: duplicate alias name x") {
		t.Errorf("%+v", r)
	}
	if r := all[2]; r.Summary != "" || len(r.Wrong) != 1 {
		t.Errorf("a file that is not there: %+v", r)
	}
}

// Coverage: B116.
func TestTheServiceSwitchMayLeaveTheAliasFileOut(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	write(t, first, "joe: a@x.example\n")
	write(t, second, "ann: b@x.example\n")
	for _, c := range []struct {
		reason   string
		settings []string
		methods  []string
		want     string
	}{
		{"no switch is named", []string{first, second}, nil, "joe ann"},
		{"files is in its line", []string{first, second}, []string{"nis", "files"}, "joe ann"},
		{"files is the first file alone", []string{first, second}, []string{"nis"}, "ann"},
		{"one with a class is not it", []string{"hash:" + first, second}, []string{"nis"}, "joe"},
	} {
		o := Options{Rules: tmpRules()}
		if c.methods != nil {
			o.Methods = func() []string { return c.methods }
		}
		a, err := Open(c.settings, o)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range []string{"joe", "ann"} {
			if _, _, ok, err := a.Lookup(t.Context(), name, ""); err != nil {
				t.Errorf("%s: %v", c.reason, err)
			} else if ok {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, not %s", c.reason, got, c.want)
		}
	}
}
