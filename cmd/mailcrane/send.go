package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/msp"
	"mailcrane/queue"
)

// sendWait is how long --wait without a time waits.
const sendWait = 30 * time.Second

// A sendWish is the words before sendmail's own.
type sendWish struct {
	wait  time.Duration // 0: not at all
	json  bool
	at    time.Time
	words []string // sendmail's
}

func (a *app) sendCommand() *cobra.Command {
	return &cobra.Command{
		Use: "send", Short: "Take in a message, and wait until it is delivered or why not", DisableFlagParsing: true,
		Long: `send takes a message from standard input as mailcrane sendmail does: the words
after its own are sendmail's flags and the recipients. Its own come first:

  --wait, --wait=TIME   say what became of each recipient, as soon as that is
                        known, and wait for it up to TIME (30s, 5m, 1h; 30
                        seconds where none is named)
  --json                with --wait, one JSON object for each recipient
  --at TIME             let it leave at that time, as mailcrane sendmail has it
  --config FILE         read this configuration

The message is in the queue, safe, before anything is waited for. With --wait the
exit code is 0 only if every recipient has it; 67 or 69 if a server refused one
for good; 75 if the message waits in the queue still, from where it leaves by
itself. Ctrl-C ends the waiting, and the message stays in the queue. Without an
agent it is tried once, by this program.`,
		Example: "  mailcrane send --wait you@example.org < message\n  mailcrane send --wait=2m --json -t < message",
		RunE: func(cmd *cobra.Command, words []string) error {
			if len(words) == 1 && words[0] == "--help" {
				return cmd.Help()
			}
			wish, err := a.cutWish(words)
			if err != nil {
				return err
			}
			return a.send(cmd.Context(), wish)
		},
	}
}

// cutWish takes our own words off the front of sendmail's.
func (a *app) cutWish(words []string) (w sendWish, err error) {
	for len(words) > 0 {
		name, value, joined := strings.Cut(words[0], "=")
		switch {
		case name == "--wait" && !joined:
			w.wait = sendWait
		case name == "--wait":
			if w.wait, err = config.ParseTime(value, time.Second); err != nil || w.wait <= 0 {
				return w, sysexits.Errorf(sysexits.Usage, "write --wait=30s, --wait=5m or --wait", "--wait: %q is no time to wait; nothing was queued", value)
			}
		case name == "--json" && !joined:
			w.json = true
		case name == "--at":
			if w.at, words, err = a.cutTime(words); err != nil {
				return w, err
			}
			continue
		case name == "--config" && joined:
			a.configFile = value
		case name == "--config" && len(words) > 1:
			a.configFile, words = words[1], words[1:]
		default:
			w.words = words
			return w, nil
		}
		words = words[1:]
	}
	return w, nil
}

// send takes the message in, and waits where that is wished.
func (a *app) send(ctx context.Context, wish sendWish) error {
	words := append([]string{"sendmail"}, wish.words...)
	if a.configFile != "" {
		words = append([]string{"sendmail", "-C", a.configFile}, wish.words...)
	}
	if wish.wait == 0 {
		p := a.program(words)
		p.NotBefore, p.Stdin = wish.at, a.typedIn(ctx)
		return exit(msp.Main(ctx, p))
	}
	c, err := a.config()
	if err != nil {
		return err
	}
	if c.System.Used() {
		return sysexits.Errorf(sysexits.Unavailable, "hand it in without --wait, and see what became of it with: mailcrane queue, or mailcrane explain ID",
			"nothing was queued: the mail of this machine is kept by its own agent, and --wait cannot follow it there")
	}
	w := newWaiter(a, c, wish.json)
	// Who waits for it could not take it back: that is mode i, of which the
	// delivery is ours.
	words = append([]string{"sendmail", "-odi"}, words[1:]...)
	p := a.program(words)
	p.NotBefore, p.Stdin = wish.at, a.typedIn(ctx)
	return w.send(ctx, p, wish.wait)
}

// submit takes the message in by sendmail's own code, and leaves it in the
// queue.
func (w *waiter) submit(ctx context.Context, p *msp.Program) (code int) {
	p.Services = waitingServices{p.Services}
	open, bounce := p.OpenSpool, p.Bounce
	p.OpenSpool = func(dirs []string) (msp.Spool, error) {
		s, err := open(dirs)
		return notedSpool{s, w.queued}, err
	}
	p.Bounce = func(ctx context.Context, s msp.Spool, b *msp.Bounce) error {
		if noted, ok := s.(notedSpool); ok {
			s = noted.Spool // a report is not what is waited for
		}
		return bounce(ctx, s, b)
	}
	return msp.Main(ctx, p)
}

// waitingServices leave the delivery to the waiter.
type waitingServices struct{ msp.Services }

func (waitingServices) Deliver(context.Context, []queue.ID, bool) int { return sysexits.OK }

// A notedSpool says what it has taken.
type notedSpool struct {
	msp.Spool
	took func(queue.ID, *queue.Envelope)
}

// Put keeps a message.
func (s notedSpool) Put(ctx context.Context, e *queue.Envelope, message io.Reader) (queue.ID, error) {
	id, err := s.Spool.Put(ctx, e, message)
	if err == nil {
		s.took(id, e)
	}
	return id, err
}

// refusedCode is the exit code for a recipient that was refused for good:
// EX_NOUSER where it is the address that is no good (RFC 3463: X.1.Z).
func refusedCode(reply string) int {
	if strings.HasPrefix(reply, "550 5.1.") || strings.HasPrefix(reply, "553 5.1.") {
		return sysexits.NoUser
	}
	return sysexits.Unavailable
}

// sayStays says where a message is that is not waited for any longer.
func (w *waiter) sayStays(why string) {
	note(w.app.stderr, "%s; %s stays in the queue, and leaves from there by itself", why, w.id)
	fmt.Fprintf(w.app.stderr, "mailcrane: see how it is with: mailcrane explain %s\n", w.id)
}
