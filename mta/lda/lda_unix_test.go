//go:build unix

package lda

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mailcrane/mta/aliases"
	"mailcrane/mta/local"
	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// A post is an agent behind its socket, whose deliveries are remembered.
type post struct {
	t    *testing.T
	dir  string
	uid  uint32
	done chan error

	mu   sync.Mutex
	jobs []string
}

// newPost is an agent of a machine on which the user ann, who is this process, has
// the folder dir/ann.
func newPost(t *testing.T, idle time.Duration) *post {
	t.Helper()
	dir, err := os.MkdirTemp("/var/lib", "lda-")
	if err != nil {
		t.Skipf("needs a folder that only root writes to; run it as root: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &post{t: t, dir: dir, uid: 4711, done: make(chan error, 1)}
	for name, text := range map[string]string{
		"aliases":      "run: \"|/bin/run -x\"\nbox: /var/box\nlist: :include:" + dir + "/list\nboth: ann, \"|/bin/both\"\n",
		"list":         "|/bin/fromlist\nbob\n",
		"other":        "|/bin/other\n",
		"rules":        ":0\n/dev/null\n",
		"ann/.forward": "|/bin/mine, :include:" + dir + "/ann/more\n",
		"ann/more":     "|/bin/more\n",
		"ann/private":  "secret\n",

		"ann/.forward-private": "secret\n",
		"shells":               "/bin/sh\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ann", "ann/.forward", "ann/more", "ann/private", "ann/.forward-private", "list"} {
		if err := os.Chown(filepath.Join(dir, name), int(p.uid), int(p.uid)); err != nil {
			t.Skipf("needs root: %v", err)
		}
	}
	all, err := aliases.Open([]string{filepath.Join(dir, "aliases")}, aliases.Options{})
	if err != nil {
		t.Fatal(err)
	}
	opener := plain{}
	lists := aliases.NewLists(aliases.ListOptions{
		Opener: opener, Users: p, ForwardPath: "$z/.forward$h:$z/.forward", Host: "here.example", IncludeUID: 65534, FileOpen: time.Minute, Shells: filepath.Join(dir, "shells"),
	})
	s := &Server{
		Agent: p, Opener: opener, Log: slog.New(slog.DiscardHandler), IdleExit: idle,
		Authority: &Authority{Aliases: all, Lists: lists, Users: p, IncludeUID: 65534, Rules: func(path string) error {
			if path != filepath.Join(dir, "rules") {
				return fs.ErrPermission
			}
			return nil
		}},
	}
	l, err := net.Listen("unix", p.socket())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() { p.done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		<-p.done
	})
	return p
}

// plain opens files as who runs the test.
type plain struct{}

func (plain) Open(_ context.Context, kind safefile.Kind, path string, uid uint32) (*safefile.File, error) {
	return safefile.Rules{}.As(uid).Open(kind, path)
}

func (p *post) socket() string { return filepath.Join(p.dir, "lda.sock") }
func (p *post) client() Client { return Client{Path: p.socket()} }

func (p *post) Lookup(name string) (aliases.User, bool, error) {
	if name != "ann" {
		return aliases.User{}, false, nil
	}
	return aliases.User{Name: "ann", UID: p.uid, GID: p.uid, Home: filepath.Join(p.dir, "ann"), Shell: "/bin/sh"}, true, nil
}

func (p *post) LookupUID(uid uint32) (aliases.User, bool, error) {
	if uid != p.uid {
		return aliases.User{}, false, nil
	}
	return p.Lookup("ann")
}

// Deliver remembers the job.
func (p *post) Deliver(_ context.Context, j local.Job) queue.Reply {
	text := make([]string, 2)
	for i := range text {
		r, err := j.Open()
		if err != nil {
			p.t.Error(err)
			return queue.Reply{Code: 451}
		}
		all, err := io.ReadAll(r)
		if err != nil {
			p.t.Error(err)
		}
		r.Close()
		text[i] = fmt.Sprintf("%d octets", len(all))
	}
	if text[0] != text[1] {
		p.t.Errorf("the message is read differently: %q", text)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs = append(p.jobs, strings.TrimSpace(j.User+" "+j.By+" "+j.Target+j.Rules+" "+text[0]))
	return queue.Reply{Code: 250, Enhanced: "2.0.0", Text: "delivered"}
}

func job(user, by, target, text string) local.Job {
	return local.Job{User: user, By: by, Target: target, Recipient: "ann@here.example", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	}}
}

// A server that was taken over can have mail delivered, and nothing else.
//
// Coverage: B64, B65.
func TestOnlyWhatTheAdministratorOrTheUserHasWrittenIsRunOrWrittenTo(t *testing.T) {
	p := newPost(t, 0)
	for _, c := range []struct {
		reason, user, by, target string
		want                     int
	}{
		{"a mailbox is its user's", "ann", "", "", 250},
		{"a program of an alias", "", "alias:run", "|/bin/run -x", 250},
		{"another program by that name", "", "alias:run", "|/bin/sh", 550},
		{"the same program with other words", "", "alias:run", "|/bin/run -x; id", 550},
		{"a file of an alias", "", "alias:box", "/var/box", 250},
		{"another file", "", "alias:box", "/etc/passwd", 550},
		{"an alias that is not there", "", "alias:gone", "|/bin/run -x", 550},
		{"one beside a name", "", "alias:both", "|/bin/both", 250},
		{"a program of the user's own .forward", "", "forward:ann", "|/bin/mine", 250},
		{"of a list in it", "", "forward:ann", "|/bin/more", 250},
		{"one that is not in it", "", "forward:ann", "|/bin/run -x", 550},
		{"a user who is not there", "", "forward:root", "|/bin/mine", 550},
		{"a list of an alias, as its owner", "", fmt.Sprintf("include:4711:%s/list", p.dir), "|/bin/fromlist", 250},
		{"the same as another", "", fmt.Sprintf("include:0:%s/list", p.dir), "|/bin/fromlist", 550},
		{"a list that no alias names", "", fmt.Sprintf("include:0:%s/other", p.dir), "|/bin/other", 550},
		{"nobody has asked for it", "", "", "|/bin/sh", 550},
		{"no such way to ask", "", "root:root", "|/bin/sh", 550},
	} {
		if got := p.client().Deliver(t.Context(), job(c.user, c.by, c.target, "hello\n")); got.Code != c.want {
			t.Errorf("%s: %s", c.reason, got)
		}
	}
	j := job("", "", "", "hello\n")
	for rules, want := range map[string]int{p.dir + "/rules": 250, p.dir + "/ann/more": 550} {
		j.Rules = rules
		if got := p.client().Deliver(t.Context(), j); got.Code != want {
			t.Errorf("the rules %s: %s", rules, got)
		}
	}
}

func TestAMessageOfAnySizeComesWhole(t *testing.T) {
	p := newPost(t, 0)
	for _, size := range []int{0, 1, mostChunk, mostChunk + 1, inMemory + 1, 5 << 20} {
		if got := p.client().Deliver(t.Context(), job("ann", "", "", strings.Repeat("x", size))); got.Code != 250 {
			t.Errorf("%d octets: %s", size, got)
		}
		if want := fmt.Sprintf("ann   %d octets", size); p.jobs[len(p.jobs)-1] != want {
			t.Errorf("%q arrived, not %q", p.jobs[len(p.jobs)-1], want)
		}
	}
}

func TestAMessageThatBreaksOffIsNotDelivered(t *testing.T) {
	p := newPost(t, 0)
	conn, err := net.Dial("unix", p.socket())
	if err != nil {
		t.Fatal(err)
	}
	if err := put(conn, request{Version: version, Deliver: &delivery{User: "ann"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, 100), "half"...)); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := get(conn, &a); err != nil || a.Reply.Code != 451 {
		t.Errorf("%v: %s", err, a.Reply)
	}
	if len(p.jobs) > 0 {
		t.Errorf("delivered: %q", p.jobs)
	}
}

func TestWhatIsNoRequestEndsTheConnectionAndNothingElse(t *testing.T) {
	p := newPost(t, 0)
	for _, text := range []string{"", "\x00", "\xff\xff\xff\xff", "\x00\x00\x00\x02{}", "\x00\x00\x00\x05nojso", "GET / HTTP/1.0\r\n\r\n"} {
		conn, err := net.Dial("unix", p.socket())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%q: %v", text, err)
		}
		conn.Close()
	}
	if got := p.client().Deliver(t.Context(), job("ann", "", "", "x")); got.Code != 250 {
		t.Errorf("afterwards: %s", got)
	}
}

func TestOnlyFilesThatADeliveryNeedsAreOpened(t *testing.T) {
	p := newPost(t, 0)
	for _, c := range []struct {
		reason string
		kind   safefile.Kind
		path   string
		uid    uint32
		want   string
	}{
		{"a .forward", safefile.Forward, "ann/.forward", p.uid, "|/bin/mine"},
		{"a list in it", safefile.Include, "ann/more", p.uid, "|/bin/more"},
		{"a list of an alias, as DefaultUser", safefile.Include, "list", 65534, "|/bin/fromlist"},
		{"another file of the user's", safefile.Forward, "ann/private", p.uid, ""},
		{"the same as a list", safefile.Include, "ann/private", p.uid, ""},
		{"as root", safefile.Include, "list", 0, ""},
		{"of a user who is not there", safefile.Forward, "ann/.forward", 12, ""},
		{"a key", safefile.Key, "ann/private", p.uid, ""},
		{"a .forward for a detail that is not there", safefile.Forward, "ann/.forward+x", p.uid, ""},
		{"a file whose name begins alike", safefile.Forward, "ann/.forward-private", p.uid, ""},
		{"a path behind it", safefile.Forward, "ann/.forward/../private", p.uid, ""},
	} {
		f, err := p.client().Open(t.Context(), c.kind, p.dir+"/"+c.path, c.uid)
		switch {
		case c.want == "" && err == nil:
			f.Close()
			t.Errorf("%s: it is open", c.reason)
		case c.want != "" && err != nil:
			t.Errorf("%s: %v", c.reason, err)
		case c.want != "":
			text, err := io.ReadAll(f)
			if err != nil || !bytes.HasPrefix(text, []byte(c.want)) {
				t.Errorf("%s: %q, %v", c.reason, text, err)
			}
			f.Close()
		}
	}
}

func TestAnAgentSaysWhetherItIsThere(t *testing.T) {
	p := newPost(t, 0)
	if err := p.client().Hello(t.Context()); err != nil {
		t.Errorf("it is there: %v", err)
	}
	if err := (Client{Path: filepath.Join(p.dir, "nobody.sock")}).Hello(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nobody is there: %v", err)
	}
	if jobs := p.jobs; len(jobs) > 0 {
		t.Errorf("to ask delivers %v", jobs)
	}
	l, err := net.Listen("unix", filepath.Join(p.dir, "rude.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			conn.Close()
		}
	}()
	if err := (Client{Path: l.Addr().String()}).Hello(t.Context()); err == nil {
		t.Error("who hangs up is not there")
	}
}

func TestAnAgentThatNobodyAsksEnds(t *testing.T) {
	p := newPost(t, 50*time.Millisecond)
	if got := p.client().Deliver(t.Context(), job("ann", "", "", "x")); got.Code != 250 {
		t.Error(got)
	}
	select {
	case err := <-p.done:
		p.done <- err
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it goes on")
	}
}
