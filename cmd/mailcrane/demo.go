package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/internal/sysexits"
)

func (a *app) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use: "demo", Short: "See it work on this machine; nothing is set up or left behind",
		Long: `demo starts a smarthost of its own on this machine, with TLS and a log-in,
hands in mail while the link is "down", lets the link come "up", and shows what
arrives. It touches no settings, and exits with 0 only if what arrived is octet
for octet what was sent.`,
		Example: "  mailcrane demo",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context()) },
	}
}

// demoTime bounds the wait for the mail to arrive.
const demoTime = 30 * time.Second

// A demoMail is a message of the demo, and how a program would hand it in.
type demoMail struct{ what, command, text string }

func demoMails() []demoMail {
	head := func(id, to, subject string) string {
		return "From: You <you@demo.example>\nTo: " + to + "\nSubject: " + subject +
			"\nDate: Sun, 22 Nov 2026 05:00:00 +0000\nMessage-ID: <" + id + "@demo.example>\n"
	}
	return []demoMail{
		{
			"a patch, as git send-email hands it in", "sendmail -i ann@demo.example",
			head("patch", "ann@demo.example", "[PATCH] fix the lamp") + "\nThe lamp was off by one.\n---\n.a lone dot may follow:\n.\nand does not end the message\n",
		},
		{
			"a letter, as mutt hands it in, with eight-bit text", "sendmail -oem -oi -f you@demo.example -B8BITMIME -- bob@demo.example",
			head("letter", "bob@demo.example", "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=") + "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nSchöne Grüße vom Zug,\nkein Netz bis Köln.\n",
		},
		{
			"a note whose recipients stand in its header", "sendmail -t",
			head("note", "ann@demo.example, Bob <bob@demo.example>", "Dinner") + "\nAt eight.",
		},
	}
}

func (a *app) demo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, demoTime)
	defer cancel()
	home, err := os.MkdirTemp("", "mailcrane-demo-")
	if err != nil {
		return sysexits.Errorf(sysexits.CantCreat, "", "the demo needs a directory for its spool: %w", err)
	}
	defer os.RemoveAll(home)
	server, err := newDemoServer(home, a.now())
	if err != nil {
		return err
	}
	defer server.close()
	d := &demo{app: *a, server: server, home: home, net: newDemoLink()}
	d.getenv = func(name string) string {
		if name == "HOME" {
			return home
		}
		return ""
	}
	d.configFile = filepath.Join(home, "mailcrane.toml")
	// Not where it would be by default, folders deeper: the agent's socket
	// stands in the spool, the path of a socket is short, and the name of a
	// temporary folder may be long.
	text := fmt.Sprintf("[queue]\ndirectory = %q\n\n", filepath.Join(home, "spool")) + server.account()
	if err := os.WriteFile(d.configFile, []byte(text), 0o600); err != nil {
		return sysexits.Errorf(sysexits.CantCreat, "", "the demo cannot write its settings: %w", err)
	}
	return d.play(ctx)
}

// A demo is one performance.
type demo struct {
	app
	server *demoServer
	home   string
	net    *demoLink
	step   int
}

func (d *demo) say(format string, args ...any) {
	d.step++
	fmt.Fprintf(d.stdout, "\n%d. %s\n\n", d.step, fmt.Sprintf(format, args...))
}

// run shows a command and does it.
func (d *demo) run(ctx context.Context, stdin, line string) int {
	fmt.Fprintf(d.stdout, "   $ %s\n", line)
	var out bytes.Buffer
	a := d.app
	a.stdin, a.stdout, a.stderr = strings.NewReader(stdin), &out, &out
	words := strings.Fields(line)
	var code int
	if personality(words[0]) {
		code = a.sendmail(ctx, words)
	} else {
		root := a.commands()
		root.SetArgs(append(words[1:], "--config", d.configFile))
		err := root.ExecuteContext(ctx)
		if code = codeOf(err); err != nil && err.Error() != "" {
			sysexits.Report(&out, "mailcrane", err)
		}
	}
	for text := range strings.Lines(out.String()) {
		fmt.Fprintf(d.stdout, "   %s", text)
	}
	fmt.Fprintf(d.stdout, "   (exit code %d)\n\n", code)
	return code
}

func (d *demo) play(ctx context.Context) error {
	mails := demoMails()
	d.say("The link is down: nothing listens at %s.\n   Programs hand in mail all the same, and are done at once:", d.server.address)
	for _, mail := range mails {
		fmt.Fprintf(d.stdout, "   %s:\n", mail.what)
		if code := d.run(ctx, mail.text, mail.command); code != sysexits.OK {
			return sysexits.Errorf(sysexits.Software, "", "the demo's mail was not taken in: exit code %d", code)
		}
	}
	d.say("It is safe on the disk, each message in one file, synced:")
	d.run(ctx, "", "mailq")
	d.say("Someone is impatient. The fault is the route's; no message ages or bounces for it:")
	if code := d.run(ctx, "", "mailcrane flush"); code != sysexits.TempFail {
		return sysexits.Errorf(sysexits.Software, "", "the demo's flush without a link ended with exit code %d, not %d", code, sysexits.TempFail)
	}
	d.say("The agent runs and waits. The link comes up; nobody types anything:")
	got, err := d.comeUp(ctx, len(mails))
	if err != nil {
		return err
	}
	return d.compare(ctx, mails, got)
}

// comeUp runs the agent, lets the link come up, and waits for n messages.
func (d *demo) comeUp(ctx context.Context, n int) ([]received, error) {
	agentCtx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	a := d.app
	a.stderr = io.Discard
	go func() {
		defer close(ended)
		ended <- a.agent(agentCtx, given{log: slog.New(slog.DiscardHandler), net: d.net})
	}()
	defer func() {
		stop()
		for range ended { // an end that was asked for has nothing to say
		}
	}()
	if err := d.server.listen(); err != nil {
		return nil, err
	}
	began := time.Now()
	d.net.comeUp()
	var got []received
	for len(got) < n {
		select {
		case m := <-d.server.got:
			fmt.Fprintf(d.stdout, "   +%3d ms  %s arrived for %s\n", time.Since(began).Milliseconds(), octets(int64(len(m.text))), strings.Join(m.to, ", "))
			got = append(got, m)
		case err := <-ended:
			return nil, sysexits.Errorf(sysexits.Software, "", "the agent ended early: %w", err)
		case <-ctx.Done():
			return nil, sysexits.Errorf(sysexits.Software, "", "%d of %d messages arrived within %v", len(got), n, demoTime)
		}
	}
	return got, nil
}

// compare shows what arrived and holds it against what was sent: the same
// octets, with CRLF for LF, below the Received field that each relay adds.
func (d *demo) compare(ctx context.Context, mails []demoMail, got []received) error {
	d.say("This is what the smarthost got, over TLS, logged in as %s:", d.server.user)
	left := make(map[string]bool, len(mails))
	for _, mail := range mails {
		left[wire(mail.text)] = true
	}
	for _, m := range got {
		fmt.Fprintf(d.stdout, "   MAIL FROM:<%s>\n", m.from)
		for _, to := range m.to {
			fmt.Fprintf(d.stdout, "   RCPT TO:<%s>\n", to)
		}
		for line := range strings.Lines(m.text) {
			fmt.Fprintf(d.stdout, "   | %s\n", strings.TrimRight(line, "\r\n"))
		}
		fmt.Fprintln(d.stdout)
		trace, rest, _ := strings.Cut(m.text, "\r\n")
		if !strings.HasPrefix(trace, "Received: ") || !left[rest] {
			return sysexits.Errorf(sysexits.Software, "", "a message that arrived is not the one that was sent")
		}
		delete(left, rest)
	}
	if code := d.run(ctx, "", "mailq"); code != sysexits.OK {
		return sysexits.Errorf(sysexits.Software, "", "mailq ended with exit code %d", code)
	}
	fmt.Fprintln(d.stdout, "All arrived, octet for octet what was sent, below the one line that every\nrelay adds. Set up your own account next: see README.md.")
	return nil
}

// wire is text as SMTP sends it.
func wire(text string) string {
	return strings.TrimSuffix(strings.ReplaceAll(text, "\n", "\r\n"), "\r\n") + "\r\n"
}
