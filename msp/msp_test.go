package msp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// A station is a machine on which sendmail is called.
type station struct {
	*Program
	out, err bytes.Buffer
	cfg      *config.Config
	env      map[string]string
	spool    memorySpool
	bounces  []Bounce
	bounced  []string
	handed   [][]string
}

// A memorySpool keeps what it is given.
type memorySpool struct {
	dir      string
	envelope *queue.Envelope
	message  string
	puts     int
	fail     error
	// meanwhile happens after the message was read.
	meanwhile func()
}

func (s *memorySpool) Put(_ context.Context, e *queue.Envelope, m io.Reader) (queue.ID, error) {
	text, err := io.ReadAll(m)
	if err != nil {
		return "", err
	}
	if s.meanwhile != nil {
		s.meanwhile()
	}
	if s.fail != nil {
		return "", s.fail
	}
	copied := *e
	s.envelope, s.message = &copied, string(text)
	s.puts++
	return "2600000000001", nil
}

type people map[string]User

func (p people) ByName(name string) (User, bool) { u, ok := p[name]; return u, ok }

func (p people) ByID(uid int) (User, bool) {
	for _, u := range p {
		if u.UID == uid {
			return u, true
		}
	}
	return User{}, false
}

const oneAccount = `
[account.work]
from = ["me@example.org", "*@example.org"]
smarthost = "smtps://smtp.example.org"
`

// newStation has one user joe, whose account sends for example.org; the time
// is fixed, and randomness is zeros.
func newStation(t testing.TB, toml string) *station {
	t.Helper()
	s := &station{env: map[string]string{"HOME": t.TempDir(), "LOGNAME": "joe"}}
	getenv := func(name string) string { return s.env[name] }
	cfg, err := config.Parse("test.toml", []byte(toml), getenv)
	if err != nil {
		t.Fatal(err)
	}
	s.cfg = cfg
	s.Program = &Program{
		Stdin: strings.NewReader(""), Stdout: &s.out, Stderr: &s.err,
		Getenv: getenv, Getuid: func() int { return 1000 },
		Now: func() time.Time {
			return time.Date(2026, 3, 2, 15, 4, 5, 0, time.FixedZone("", 2*3600))
		},
		Hostname: func() (string, error) { return "laptop.lan", nil },
		Rand:     zeros{}, Version: "0.1",
		Users: people{"joe": {"joe", 1000, "Joe Public", "/home/joe"}, "www-data": {"www-data", 33, "www-data", "/var/www"}},
		Config: func(string) (*config.Config, error) {
			fresh := *s.cfg // the settings of one command line are not those of the next
			return &fresh, nil
		},
		OpenSpool: func(dirs []string) (Spool, error) {
			s.spool.dir = dirs[0]
			return &s.spool, nil
		},
		Bounce: func(_ context.Context, _ Spool, b *Bounce) error {
			text, err := io.ReadAll(b.Message)
			s.bounces = append(s.bounces, *b)
			s.bounced = append(s.bounced, string(text))
			return err
		},
		Handoff: func(args []string, _ bool) (int, error) {
			s.handed = append(s.handed, args)
			return 0, errors.New("no mailcrane here")
		},
	}
	return s
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// sendmail runs a command line; stdin is the message.
func (s *station) sendmail(stdin string, args ...string) int {
	s.Stdin = strings.NewReader(stdin)
	s.Args = append([]string{"sendmail"}, args...)
	return Main(context.Background(), s.Program)
}

func TestMessageWithRecipientsInHeaderReachesTheSpoolWhole(t *testing.T) {
	s := newStation(t, oneAccount)
	if code := s.sendmail("To: a@x.org, b@y.org\nSubject: hi\n\nbody\n.\nmore\n", "-t", "-oi"); code != 0 {
		t.Fatalf("exit %d: %s", code, &s.err)
	}
	const want = "Received: by localhost.localdomain (mailcrane); Mon, 02 Mar 2026 13:04:05 +0000\n" +
		"Date: Mon, 02 Mar 2026 13:04:05 +0000\n" +
		"From: me@example.org\n" +
		"Message-ID: <00000000000000000000000000000000@example.org>\n" +
		"To: a@x.org, b@y.org\nSubject: hi\n\nbody\n.\nmore\n"
	if s.spool.message != want {
		t.Errorf("spooled:\n%s\nwant:\n%s", s.spool.message, want)
	}
	e := s.spool.envelope
	if e.From != "me@example.org" || len(e.To) != 2 || e.To[0].Address != "a@x.org" || e.To[1].Address != "b@y.org" {
		t.Errorf("envelope %+v", e)
	}
	if s.out.Len()+s.err.Len() > 0 {
		t.Errorf("said %q %q, want silence", &s.out, &s.err)
	}
}
