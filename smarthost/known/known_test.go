package known

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"mailcrane/smarthost/relay"
)

var (
	testNow  = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	identity = Identity{"work", "smtp.example.org", "465", "me@example.org"}
	someone  = relay.Known{
		Addresses:    []relay.Address{{IP: netip.MustParseAddr("192.0.2.1"), LookedUp: testNow}},
		Capabilities: relay.Capabilities{Pipelining: true, Chunking: true, Size: true, MaxSize: 1 << 20, Auth: []string{"PLAIN"}},
		LoggedIn:     "PLAIN",
		Link:         relay.Link{RoundTrip: 600 * time.Millisecond, Rate: 1200, At: testNow},
		Broken:       relay.Broken{Breaks: relay.Breaks{Chunking: true}, At: testNow},
	}
)

// files is a directory in memory.
type files struct {
	mu     sync.Mutex
	text   map[string]string
	broken error
	kept   int
}

func newFiles() *files { return &files{text: map[string]string{}} }

func (f *files) Known(name string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text[name], f.broken
}

func (f *files) KeepKnown(name, text string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken == nil {
		f.text[name] = text
		f.kept++
	}
	return f.broken
}

func at(when time.Time) func() time.Time { return func() time.Time { return when } }

// run is a process's view of a server.
func run(f Files) *Server {
	v := NewStore(f, at(testNow), nil).Server(identity)
	v.Refresh()
	return v
}

func TestWhatIsKnownOutlivesTheProcess(t *testing.T) {
	f := newFiles()
	v := run(f)
	v.Memory.Learn(func(k *relay.Known) { *k = someone })
	v.Save()
	if got := run(f).Memory.Recall(); !reflect.DeepEqual(got, someone) {
		t.Errorf("%+v, want %+v", got, someone)
	}
	v.Save()
	if f.kept != 1 {
		t.Errorf("written %d times, want once: nothing was news", f.kept)
	}
}

func TestAServerThatWasNotReachedLeavesNoFile(t *testing.T) {
	f := newFiles()
	v := run(f)
	v.Save()
	if f.kept != 0 {
		t.Error("nothing is known, and it was written down")
	}
	v.Memory.Learn(func(k *relay.Known) { k.LoggedIn = "PLAIN" })
	v.Save()
	v.Memory.Learn(func(k *relay.Known) { k.LoggedIn = "" })
	v.Save()
	if run(f).Memory.Recall().LoggedIn != "" {
		t.Error("what is not true any more was kept")
	}
}

func TestTheLastProcessWinsAndTheOthersHearOfIt(t *testing.T) {
	f := newFiles()
	agent, flush := run(f), run(f)
	flush.Memory.Learn(func(k *relay.Known) { k.LoggedIn = "PLAIN" })
	flush.Save()
	agent.Refresh()
	if agent.Memory.Recall().LoggedIn != "PLAIN" {
		t.Error("the agent did not hear of the log-in")
	}
	agent.Memory.Learn(func(k *relay.Known) { k.LoggedIn = "" })
	agent.Save()
	flush.Refresh()
	if flush.Memory.Recall().LoggedIn != "" {
		t.Error("the run did not hear that the log-in was refused")
	}
}

func TestWhatCannotBeUsedCountsAsNothing(t *testing.T) {
	f := newFiles()
	v := run(f)
	v.Memory.Learn(func(k *relay.Known) { *k = someone })
	v.Save()
	good := f.text[identity.file()]
	for _, c := range []struct{ why, text string }{
		{"cut short", good[:len(good)/2]},
		{"of a later version", strings.Replace(good, `"version":1`, `"version":2`, 1)},
		{"of another server", strings.Replace(good, identity.Host, "other.example.org", 1)},
		{"of another user", strings.Replace(good, identity.User, "you@example.org", 1)},
		{"no address", strings.Replace(good, "192.0.2.1", "", 1)},
		{"a name for an address", strings.Replace(good, "192.0.2.1", "localhost", 1)},
		{"a round trip below zero", strings.Replace(good, "600000000", "-6", 1)},
		{"a round trip of a year", strings.Replace(good, "600000000", "31536000000000000", 1)},
		{"a long mechanism", strings.Replace(good, `"LoggedIn":"PLAIN"`, `"LoggedIn":"`+strings.Repeat("X", 99)+`"`, 1)},
		{"text", "hello\n"},
	} {
		if c.text == good {
			t.Fatalf("%s: the case changes nothing", c.why)
		}
		f.text[identity.file()] = c.text
		var said []string
		v := NewStore(f, at(testNow), func(msg string, args ...any) { said = append(said, fmt.Sprint(msg, args)) }).Server(identity)
		v.Refresh()
		if got := v.Memory.Recall(); got.LoggedIn != "" || got.Addresses != nil {
			t.Errorf("%s: %+v", c.why, got)
		}
		if len(said) != 1 || !strings.Contains(said[0], "damaged") {
			t.Errorf("%s: the log says %q", c.why, said)
		}
		v.Memory.Learn(func(k *relay.Known) { k.LoggedIn = "LOGIN" })
		v.Save()
		if got := run(f).Memory.Recall().LoggedIn; got != "LOGIN" {
			t.Errorf("%s: it was not replaced: %q", c.why, got)
		}
	}
}

func TestADiskThatFailsCostsNoSession(t *testing.T) {
	f := newFiles()
	f.broken = errors.New("input/output error")
	said := 0
	v := NewStore(f, at(testNow), func(string, ...any) { said++ }).Server(identity)
	v.Refresh()
	v.Memory.Learn(func(k *relay.Known) { *k = someone })
	v.Sessions("").Put("smtp.example.org", resumable(t, "a"))
	if _, ok := v.Sessions("").Get("smtp.example.org"); ok {
		t.Error("there is a session that could not be sealed")
	}
	v.Save()
	if said != 3 || v.Memory.Recall().LoggedIn != "PLAIN" {
		t.Errorf("said %d times", said)
	}
}

func TestWithoutFilesTheProcessRemembers(t *testing.T) {
	v := run(nil)
	v.Sessions("").Put("smtp.example.org", resumable(t, "a"))
	v.Save()
	v.Refresh()
	if got := shown(t, v.Sessions(""), "smtp.example.org"); got != "a" {
		t.Errorf("shown %q", got)
	}
}

func TestProcessesAtOnceNeverTearAFile(t *testing.T) {
	f := newFiles()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			v := run(f)
			for range 20 {
				v.Refresh()
				v.Memory.Learn(func(k *relay.Known) { k.Link.Rate++ })
				c := v.Sessions("")
				c.Get("smtp.example.org")
				c.Put("smtp.example.org", resumable(t, fmt.Sprint(i)))
				v.Save()
			}
		})
	}
	all.Wait()
	if _, err := decode(f.text[identity.file()], identity); err != nil {
		t.Error(err)
	}
	if _, ok := run(f).Sessions("").Get("smtp.example.org"); !ok {
		t.Error("the last session cannot be opened")
	}
}

// FuzzFile: whatever stands in a file is read within bounds or not at all.
func FuzzFile(f *testing.F) {
	store := newFiles()
	v := run(store)
	v.Memory.Learn(func(k *relay.Known) { *k = someone })
	v.Sessions("").Put("smtp.example.org", &tls.ClientSessionState{})
	v.Save()
	for _, text := range []string{
		store.text[identity.file()], "", "{}", "null", `{"version":1}`, `{"version":1,"known":{"Addresses":[{}]}}`,
		`{"version":1,"account":"work","host":"smtp.example.org","port":"465","user":"me@example.org"}`,
		`{"version":1,"account":"work","host":"smtp.example.org","port":"465","user":"me@example.org","tickets":[{"at":"2026-05-04T03:02:01Z","sealed":"AAAA"}]}`,
		`{"version":1,"account":"work","host":"smtp.example.org","port":"465","user":"me@example.org","known":{"Link":{"RoundTrip":-1}}}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		files := newFiles()
		files.text[identity.file()] = text
		v := run(files)
		k := v.Memory.Recall()
		if len(k.Addresses) > mostAddresses || len(v.tickets) > mostTickets || k.Link.RoundTrip < 0 || len(k.LoggedIn) > mostMechanism {
			t.Errorf("%+v", k)
		}
		if _, ok := v.Sessions("").Get("smtp.example.org"); ok {
			t.Error("a session that nobody sealed was opened")
		}
		v.Memory.Learn(func(k *relay.Known) { k.LoggedIn = "LOGIN" })
		v.Save()
		if _, err := decode(files.text[identity.file()], identity); err != nil {
			t.Errorf("what was written cannot be read: %v", err)
		}
	})
}
