package guide

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/installer/discover"
	"mailcrane/internal/config"
	"mailcrane/queue"
	"mailcrane/smarthost/relay"
	"mailcrane/smarthost/secret"
)

// A scripted person has the answers ready and counts the questions.
type scripted struct {
	t       *testing.T
	answers []string
	asked   []string
}

func (s *scripted) Text(_ context.Context, q Question) (string, error) {
	s.asked = append(s.asked, q.Title)
	if len(s.answers) == 0 {
		s.t.Fatalf("asked for %q, and nothing is left to say; before: %q", q.Title, s.asked)
	}
	answer := s.answers[0]
	s.answers = s.answers[1:]
	if q.Check != nil && q.Check(answer) != nil {
		return s.Text(context.Background(), q)
	}
	return answer, nil
}

func (s *scripted) Secret(ctx context.Context, q Question) (string, error) { return s.Text(ctx, q) }

func (s *scripted) Agree(ctx context.Context, q Question, _ bool) (bool, error) {
	answer, err := s.Text(ctx, Question{Title: q.Title})
	return answer == "yes", err
}

// A far end takes log-ins as user with password.
type farEnd struct {
	user, password string
	fault          *queue.RouteFault
	heard          []string
}

func (f *farEnd) check(ctx context.Context, c *config.Config, account string, source secret.Source) *queue.RouteFault {
	a := c.Account(account)
	if f.fault != nil {
		return f.fault
	}
	if source == nil {
		source = secret.New(a, func(string) string { return "" })
	}
	v, err := source.Read(ctx)
	if err != nil {
		return &queue.RouteFault{Step: queue.StepSecret, Err: err, NeedsPerson: true}
	}
	f.heard = append(f.heard, a.User+" "+string(v.Reveal()))
	if a.User != f.user || string(v.Reveal()) != f.password {
		return &queue.RouteFault{Step: queue.StepAuth, Err: &relay.Refused{Code: 535, Mechanism: "PLAIN"}, NeedsPerson: true}
	}
	return nil
}

func TestTheGuideAsksForWhatCannotBeFoundOut(t *testing.T) {
	t.Parallel()
	server := config.Smarthost{Host: "smtp.example.org", Port: "465"}
	found := &discover.Result{Settings: &discover.Settings{Server: server, User: "me@example.org", OtherUser: "me"}}
	foreign := *found.Settings
	foreign.Confirm = "the SRV record names a server in another domain"
	blocked := &queue.RouteFault{Step: queue.StepConnect, Err: errors.New("no connection")}
	for _, c := range []struct {
		name, why string
		result    *discover.Result
		far       farEnd
		answers   []string
		fails     string
		wants     string // in the configuration
	}{
		{
			"the usual", "address and password, and a file for want of a keyring", found,
			farEnd{user: "me@example.org", password: "pw"},
			[]string{"me@example.org", "yes", "pw"},
			"", `user = "me@example.org"`,
		},
		{
			"the local part", "RFC 6186 section 4, with the same password", found,
			farEnd{user: "me", password: "pw"},
			[]string{"me@example.org", "yes", "pw"},
			"", `user = "me"`,
		},
		{
			"a slip in the address", "it is asked for again", found,
			farEnd{user: "me@example.org", password: "pw"},
			[]string{"me", "me@example.org", "yes", "pw"},
			"", `me@example.org`,
		},
		{
			"another domain", "RFC 6186 section 6: the person agrees", &discover.Result{Settings: &foreign},
			farEnd{user: "me@example.org", password: "pw"},
			[]string{"me@example.org", "yes", "yes", "pw"},
			"", `smtp.example.org`,
		},
		{
			"another domain, and no", "then the person names it", &discover.Result{Settings: &foreign},
			farEnd{user: "me@example.org", password: "pw"},
			[]string{"me@example.org", "no", "mail.example.org:587", "yes", "pw"},
			"", `smarthost = "smtp://mail.example.org"`,
		},
		{
			"nothing found", "the server is asked for", new(discover.Result),
			farEnd{user: "me@example.org", password: "pw"},
			[]string{"me@example.org", "smtp.example.org", "yes", "pw"},
			"", `smarthost = "smtps://smtp.example.org"`,
		},
		{
			"no programs", "it is said and not asked", &discover.Result{Closed: "Tuta lets nothing send"},
			farEnd{},
			[]string{"me@example.org"},
			"Tuta", "",
		},
		{"no way out, and yes", "it goes on without", found, farEnd{fault: blocked}, []string{"me@example.org", "yes", "pw", "yes"}, "", `smtp.example.org`},
		{"no way out, and no", "nothing was written", found, farEnd{fault: blocked}, []string{"me@example.org", "yes", "pw", "no"}, "nothing was written", ""},
		{"no file, and no keyring", "the person's own decision", found, farEnd{}, []string{"me@example.org", "no"}, "no session bus", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			var out bytes.Buffer
			path := filepath.Join(home, "mailcrane.toml")
			person := &scripted{t: t, answers: c.answers}
			g := Guide{
				Wishes: Wishes{NoTest: true, NoService: true, NoLink: true},
				Ask:    person, Out: &out, Path: path,
				Getenv: func(name string) string { return map[string]string{"HOME": home}[name] },
				Find: func(context.Context, string, func(discover.Step)) (*discover.Result, error) {
					return c.result, nil
				},
				Check: c.far.check,
			}
			err := g.Run(t.Context())
			text, _ := os.ReadFile(path)
			switch {
			case c.fails == "" && err != nil, c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("%s: %v\n%s", c.why, err, &out)
			case !strings.Contains(string(text), c.wants), c.fails != "" && len(text) > 0:
				t.Errorf("%s: wrote %q", c.why, text)
			case len(person.answers) > 0:
				t.Errorf("%s: not asked for %q", c.why, person.answers)
			case strings.Contains(out.String(), "pw\n") || strings.Contains(string(text), `"pw"`):
				t.Errorf("the password is shown:\n%s%s", &out, text)
			}
		})
	}
}
