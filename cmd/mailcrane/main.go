// Command mailcrane keeps mail while there is no way out and sends it when
// there is one: the agent, the queue, and everything a person types.
//
// The files go by theme, which their names begin with. What needs nothing of the
// program is a package below: events, top.
//
//	main, wiring           the commands, and the rooms that each is made of
//	agent                  the agent: what it is made of, answers over its socket, and tells
//	mta, doors, trace      server mode, where its mail goes, and the dialogues of its clients
//	lda                    who delivers on this machine for a server without the rights
//	fetch                  mail that a server holds for this machine
//	system                 the machine's own agent, and the commands of users that it does
//	sendmail               sendmail's personalities, as msp wants them done
//	queue, undo            what waits, and what a person does to it
//	takes                  how long what waits would take to send
//	flush                  a queue run that a person asks for, and what it tells
//	send                   a message in, and the wait for what becomes of it
//	events, top            what happens, as lines and as a screen
//	status, explain        how it stands; the story of a message, the way of an address
//	dial, metered, policy  what keeps mail back by the configuration
//	load, log              the machine's load, and what is written of all that
//	setup, import          the first configuration, and that of other programs
//	login, password        log-ins, and how a secret is asked for
//	config, doctor         what is set, and what is wrong with it
//	service                the service of the operating system
//	complete, page, say    completion; words for a person
//	undumpable             what keeps secrets out of cores
//	demo                   the first run of a newcomer
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for an end in good order; the second one ends.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args)
	stop()
	os.Exit(code)
}

// run is the whole program on the standard streams; it returns the exit code.
func run(ctx context.Context, args []string) int {
	undumpable()
	a := &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		getenv: os.Getenv, now: time.Now, load: loadAverage,
	}
	if personality(args[0]) {
		return a.sendmail(ctx, args)
	}
	root := a.commands()
	root.SetArgs(args[1:])
	err := root.ExecuteContext(ctx)
	if err != nil && err.Error() != "" {
		sysexits.Report(a.stderr, "mailcrane", err)
	}
	return codeOf(err)
}

func codeOf(err error) int {
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	return sysexits.Code(err)
}

// An exitCode ends a command that has said all there is to say.
type exitCode int

func (exitCode) Error() string { return "" }

func exit(code int) error {
	if code == sysexits.OK {
		return nil
	}
	return exitCode(code)
}

// An app is the process as its commands see it.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	load           func() float64 // the machine's, over the last minute

	configFile string           // --config
	settings   []config.Setting // sendmail's -O and -o
	every      time.Duration    // between two tries of a message, as -bD -q30m has it; 0 for the file's
	json       bool             // --json
	owner      string           // the user ID whose messages alone are shown, where the agent answers that user; "" for all
	slow       string           // the slow queue of sendmail's -qG; "" for the whole queue
	// wait is how long a command waits for a message that is on its way.
	wait time.Duration
	// idleExit is how long the agent stays with nothing queued; 0 is for ever.
	idleExit time.Duration
}

func (a *app) commands() *cobra.Command {
	root := &cobra.Command{
		Use:   "mailcrane",
		Short: "Keeps mail while there is no way out, and sends it when there is one",
		Long: `mailcrane takes mail from local programs at any time, keeps it safe, and hands
it to your smarthost the moment a network passes.`,
		Example: `  mailcrane demo                     see it work; nothing is set up or left behind
  mailcrane setup                    find your provider's settings, log in, send a test
  mailcrane agent                    watch the network and run the queue
  mailcrane queue                    what is waiting, and why
  mailcrane flush                    send it now`,
		// Runnable, so that an unknown command is a wrong argument: exit code 64.
		Args:          args(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Version:           version(),
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetVersionTemplate("mailcrane {{.Version}}\n")
	root.PersistentFlags().StringVar(&a.configFile, "config", "", "read this `file` instead of ~/.config/mailcrane/mailcrane.toml")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return sysexits.Errorf(sysexits.Usage, "see: "+c.CommandPath()+" --help", "%w", err)
	})
	root.AddCommand(
		a.agentCommand(), a.flushCommand(), a.fetchCommand(), a.explainCommand(), a.undoCommand(), a.queueCommand(), a.statusCommand(), a.configCommand(),
		a.eventsCommand(), a.traceCommand(), a.sendCommand(), a.topCommand(),
		a.setupCommand(),
		a.loginCommand(), a.logoutCommand(), a.demoCommand(), a.serviceCommand(),
		a.doctorCommand(),
		a.mtaCommand(),
		a.importCommand(),
		a.personalityCommand("sendmail", "Take in a message as sendmail does, with sendmail's flags"),
		a.personalityCommand("mailq", "List the queue in sendmail's layout"),
		a.personalityCommand("newaliases", "Check the file of aliases, which needs no database"),
	)
	if lda := a.ldaCommand(); lda != nil {
		root.AddCommand(lda)
	}
	a.through(root)
	a.complete(root)
	return root
}

// args is cobra's check of the number of arguments with our exit code, and our
// words where cobra counts args.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, words []string) error {
		if err := check(c, words); err != nil {
			form, _ := strings.CutSuffix(c.UseLine(), " [flags]")
			switch {
			case c.HasSubCommands(): // it is the name of one that cobra misses
			case len(words) == 0:
				err = errors.New("say which: " + form)
			default:
				err = errors.New("too many words: write " + form)
			}
			return sysexits.Errorf(sysexits.Usage, "see: "+c.CommandPath()+" --help", "%w", err)
		}
		return nil
	}
}
