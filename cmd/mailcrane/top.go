package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"mailcrane/cmd/mailcrane/events"
	"mailcrane/cmd/mailcrane/top"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

func (a *app) topCommand() *cobra.Command {
	return &cobra.Command{
		Use: "top", Short: "The queue on a full screen, with keys",
		Long: `top shows how each account stands, how far the message on the wire is, and what
waits, and keeps that true. Keys do to the chosen message what mailcrane queue
does: show, hold, release, retry, edit, remove; ? lists them.

With a screen reader use mailcrane queue list --watch, which tells the same in
lines.`,
		Example: "  mailcrane top",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.top(cmd.Context()) },
	}
}

func (a *app) top(ctx context.Context) error {
	for _, stream := range []any{a.stdin, a.stdout} {
		if file, ok := stream.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
			return sysexits.Errorf(sysexits.Usage, "elsewhere use: mailcrane queue list --watch", "top needs a terminal")
		}
	}
	c, err := a.config()
	if err != nil {
		return err
	}
	return top.Run(ctx, &topSource{app: a, config: c, spool: a.spool(c)}, func(ctx context.Context, tell func(any)) error {
		return a.follow(ctx, c, func() {}, func(e events.Item) {
			switch e.Event {
			case events.Progress:
				tell(top.Progress{ID: string(e.ID), Octets: e.Octets, Size: e.Size, At: e.At})
			case events.Sent, events.Failed, events.Deferred, events.Uncertain, events.Left, events.Removed:
				tell(top.Off{ID: string(e.ID)})
			case events.SessionClosed:
				tell(top.Off{})
			default:
				tell(top.Changed{})
			}
		})
	})
}

// A topSource has the queue and the agent seen by the full screen.
type topSource struct {
	app    *app
	config *config.Config
	spool  *queue.Spool
}

// Accounts is how each account stands.
func (s *topSource) Accounts(ctx context.Context) ([]top.Account, error) {
	var all []top.Account
	agent, err := askAgent(ctx, s.config, askStatus)
	for _, account := range s.config.Accounts {
		t := top.Account{Name: account.Name}
		if standing, ok := agent.Routes[queue.Route(account.Name)]; err == nil && ok {
			t.Up, t.Standing, t.Reason, t.Waits = standing.MayGo(), standing.Prospect.String(), printable(standing.Reason), standing.Reacts
			if standing.Sessions > 0 {
				t.Standing = "sending"
			}
			all = append(all, t)
			continue
		}
		t.Standing, t.Reason = "no agent runs", "start it with "+serviceCall(s.config, "start")
		if last, err := s.spool.RouteState(queue.Route(account.Name)); err == nil && last.Fault != nil {
			t.Reason = printable(last.Fault.Sentence)
		}
		all = append(all, t)
	}
	return all, nil
}

// Window reads no more messages than it returns, unless a filter asks for more.
func (s *topSource) Window(ctx context.Context, filter string, from, n int) (top.Window, error) {
	names, err := s.spool.Sorted()
	if err != nil {
		return top.Window{}, cannotUseSpool(s.config, err)
	}
	k := s.app.clerk(ctx, s.config)
	if filter == "" {
		w := top.Window{From: min(from, max(len(names)-1, 0)), Total: len(names)}
		for _, name := range names[w.From:min(w.From+n, len(names))] {
			if entry, ok := s.spool.Shown(name); ok {
				w.Rows = append(w.Rows, s.row(k.describe(entry)))
			}
		}
		return w, nil
	}
	w := top.Window{From: from}
	for _, name := range names {
		if ctx.Err() != nil {
			return w, ctx.Err()
		}
		entry, ok := s.spool.Shown(name)
		if !ok || !matches(entry, filter) {
			continue
		}
		if w.Total >= from && len(w.Rows) < n {
			w.Rows = append(w.Rows, s.row(k.describe(entry)))
		}
		w.Total++
	}
	return w, nil
}

// matches says that the text occurs in what is shown of the message.
func matches(e queue.Entry, text string) bool {
	text = strings.ToLower(text)
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	if has(string(e.Name.ID)) || has(e.Envelope.From) {
		return true
	}
	for _, to := range e.Envelope.To {
		if has(to.Address) {
			return true
		}
	}
	return false
}

func (s *topSource) row(w waiting) top.Row {
	return top.Row{
		ID: string(w.Name.ID), State: w.state(s.app.now()), Size: octets(w.Name.Size),
		From: printable(path(w.Envelope.From)), To: printable(w.pendingList()), Why: printable(w.why),
	}
}

// Story is what mailcrane explain says.
func (s *topSource) Story(ctx context.Context, id string) (string, error) {
	var text bytes.Buffer
	a := *s.app
	a.stdout, a.json = &text, false
	err := a.explainMessage(ctx, id)
	return text.String(), err
}

func (s *topSource) deed(ctx context.Context, id string, do func(context.Context, queue.ID) error) error {
	parsed, err := queue.ParseID(id)
	if err == nil {
		err = do(ctx, parsed)
	}
	return err
}

// Hold holds a message.
func (s *topSource) Hold(ctx context.Context, id string) error {
	return s.deed(ctx, id, func(ctx context.Context, id queue.ID) error { return s.spool.Hold(ctx, id, "a person said hold") })
}

// Release lets it go.
func (s *topSource) Release(ctx context.Context, id string) error {
	return s.deed(ctx, id, s.spool.ReleaseHeld)
}

// Retry makes it due at once, and has the agent look.
func (s *topSource) Retry(ctx context.Context, id string) error {
	err := s.deed(ctx, id, s.spool.Retry)
	if err == nil {
		askAgent(ctx, s.config, askRun) //nolint:errcheck // there may be no agent
	}
	return err
}

// Remove takes it out of the queue.
func (s *topSource) Remove(ctx context.Context, id string) error {
	return s.deed(ctx, id, s.spool.Remove)
}

// Flush has the agent try all that is due.
func (s *topSource) Flush(ctx context.Context) error {
	if _, err := askAgent(ctx, s.config, askRun); err != nil {
		return sysexits.Errorf(sysexits.Unavailable, "", "no agent runs; leave with q and type: mailcrane flush")
	}
	return nil
}

// Editor is mailcrane queue edit in a process of its own, which has the
// terminal meanwhile.
func (s *topSource) Editor(id string) *exec.Cmd {
	own, err := os.Executable()
	if err != nil {
		own = "mailcrane"
	}
	words := []string{"queue", "edit", id}
	if s.app.configFile != "" {
		words = append(words, "--config", s.app.configFile)
	}
	return exec.Command(own, words...) //nolint:gosec,noctx // this program; it ends when its person ends it
}
