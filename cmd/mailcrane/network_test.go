package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/netwatch"
	"mailcrane/netwatch/network"
	"mailcrane/queue"
)

// A desk is a person's commands, run in this process, beside a queue with one
// message for account work.
type desk struct {
	*app
	t        *testing.T
	c        *config.Config
	out, err bytes.Buffer
	id       queue.ID
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "mailcrane.toml")
	text := "[queue]\ndirectory = \"" + filepath.ToSlash(filepath.Join(dir, "spool")) + "\"\n" +
		"[account.work]\nfrom = [\"me@work.test\"]\nsmarthost = \"smtps://192.0.2.1\"\nuser = \"me\"\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t}
	d.app = &app{stdout: &d.out, stderr: &d.err, now: time.Now, getenv: func(name string) string {
		return map[string]string{"HOME": dir, "MAILCRANE_CONFIG": path}[name]
	}}
	var err error
	if d.c, err = d.config(); err != nil {
		t.Fatal(err)
	}
	d.id, err = d.spool(d.c).Put(t.Context(), &queue.Envelope{From: "me@work.test", To: []queue.Recipient{{Address: "you@example.test"}}}, strings.NewReader("Subject: x\n\nx\n"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// agent has an agent answer for which account work stands so.
func (d *desk) agent(since time.Time, s netwatch.Standing) {
	d.t.Helper()
	ctx, stop := context.WithCancel(d.t.Context())
	d.t.Cleanup(stop)
	status := agentStatus{agentItem{PID: 1, Since: since}, network.State{Reason: "the network's own words"}, map[queue.Route]netwatch.Standing{"work": s}}
	nothing := func() {}
	if _, err := serveControl(ctx, d.c, controller{status: func() agentStatus { return status }, run: nothing, stir: nothing}); err != nil {
		d.t.Fatal(err)
	}
}

// says is what a command prints.
func (d *desk) says(command func(context.Context) error) string {
	d.t.Helper()
	d.out.Reset()
	if err := command(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	return d.out.String()
}

func (d *desk) list() string {
	return d.says(d.queueList)
}

func (d *desk) explain() string {
	return d.says(func(ctx context.Context) error { return d.explainMessage(ctx, string(d.id)) })
}

func (d *desk) status(why bool) string {
	return d.says(func(ctx context.Context) error { return d.app.status(ctx, why) })
}

// What was found out at the hotel is no reason on the train.
func TestMailWithoutAWayOutWaitsForThat(t *testing.T) {
	d := newDesk(t)
	portal := &queue.RouteFault{Step: queue.StepTLS, Captive: true, Err: errors.New("a captive portal answers"), Hint: "log in there"}
	if err := d.spool(d.c).NoteRoute("work", portal); err != nil {
		t.Fatal(err)
	}
	d.agent(time.Now(), netwatch.Standing{Prospect: netwatch.NoRoute, Reason: "no network: no interface is up", Reacts: "a change of the network"})
	if got := d.list(); !strings.Contains(got, "\n    no network: no interface is up\n") || strings.Contains(got, "log in") {
		t.Errorf("queue: %s", got)
	}
	if got := d.explain(); !strings.Contains(got, "Next: it waits for a change of the network: no network: no interface is up\n  see how the network stands with: mailcrane status --why\n") || strings.Contains(got, "log in") {
		t.Errorf("explain: %s", got)
	}
}

func TestExplainSaysHowTheAccountStands(t *testing.T) {
	broke := &queue.RouteFault{Step: queue.StepConnect, Err: errors.New("refused"), Hint: "mend it"}
	now := time.Now()
	for _, c := range []struct {
		reason string
		fault  *queue.RouteFault
		s      netwatch.Standing
		want   string
	}{
		{
			"a portal that another account has met", nil,
			netwatch.Standing{Prospect: netwatch.Captive, Hint: "log in at http://192.0.2.2/"},
			"Next: it waits for a login on the page of the captive portal that is in the way\n  log in at http://192.0.2.2/\n  try it now",
		},
		{"a connection that takes its time", nil, netwatch.Standing{Opening: now.Add(-7 * time.Second)}, "Next: it is due; account work is connecting, for 7 s so far\n"},
		{"a session with others before it", nil, netwatch.Standing{Sessions: 1}, "Next: it is due; a session of account work is open, and its turn comes\n"},
		{
			"a try that is planned", broke,
			netwatch.Standing{Prospect: netwatch.Unreachable, Next: now.Add(time.Hour)},
			"connecting: refused; it is tried again in 1 h, or when the network changes\n  mend it\n  try it now",
		},
		{"nothing in the way", nil, netwatch.Standing{Reason: "eth0 is up"}, "Next: it is due, and there is a way out: eth0 is up\n"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			d := newDesk(t)
			if c.fault != nil {
				if err := d.spool(d.c).NoteRoute("work", c.fault); err != nil {
					t.Fatal(err)
				}
			}
			d.agent(now, c.s)
			if got := d.explain(); !strings.Contains(got, c.want) || strings.Contains(got, "no agent is running") {
				t.Errorf("%s", got)
			}
		})
	}
}

func TestAnAgentThatDoesNotAnswerIsNotSaidToBeAbsent(t *testing.T) {
	d := newDesk(t)
	if err := d.spool(d.c).Prepare(); err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", agentSocket(d.c.Spools[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	if got := d.status(false); !strings.Contains(got, "does not answer") || strings.Contains(got, "not running") {
		t.Errorf("status: %s", got)
	}
	if got := d.explain(); !strings.Contains(got, "  the agent does not answer, so nothing is tried by itself; see: mailcrane status\n") {
		t.Errorf("explain: %s", got)
	}
}

func TestAnAgentThatHasNotReadTheConfigurationIsTold(t *testing.T) {
	for since, want := range map[time.Duration]bool{-time.Hour: true, time.Hour: false} {
		d := newDesk(t)
		d.agent(time.Now().Add(since), netwatch.Standing{})
		if got := d.status(false); strings.Contains(got, "the configuration was changed since then") != want {
			t.Errorf("an agent that began %v from now: %s", since, got)
		}
	}
}

func TestStatusWhySaysWhatToDoAndWhatComesNext(t *testing.T) {
	d := newDesk(t)
	d.agent(time.Now(), netwatch.Standing{
		Prospect: netwatch.Reachable, Reason: "the server refuses", Since: time.Now().Add(-time.Minute), Reacts: "you", Fault: "the server refuses",
		Hint: "correct the password", Next: time.Now().Add(time.Hour),
	})
	got := d.status(true)
	for _, want := range []string{
		"network   the network's own words, since ", "\nwhy       the server refuses\ndo        correct the password\nsince     ", " (1 min ago)\nwaits for you\nnext try  in 1 h\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
