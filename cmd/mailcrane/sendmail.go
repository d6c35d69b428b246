package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/internal/when"
	"mailcrane/msp"
)

// personality says that this program was called by one of sendmail's names.
func personality(argv0 string) bool {
	names := []string{"sendmail", "send-mail", "mailq", "newaliases", "hoststat", "purgestat", "smtpd", "runq", "rmail"}
	return slices.Contains(names, filepath.Base(argv0))
}

// personalityCommand is "mailcrane NAME …", whose flags are sendmail's.
func (a *app) personalityCommand(name, short string) *cobra.Command {
	long := short + ".\n\nAll words behind it are sendmail's own; see docs/sendmail.md."
	example := "  mailcrane " + name
	if name == "sendmail" {
		long += " Before them may\nstand --at TIME, for a message that is not to leave before that time: " + when.Forms + "."
		example = "  mailcrane sendmail -t < message\n  mailcrane sendmail --at \"tomorrow 8:00\" -t < message"
	}
	return &cobra.Command{
		Use: name, Short: short, DisableFlagParsing: true,
		Long: long, Example: example,
		RunE: func(cmd *cobra.Command, words []string) error {
			// sendmail itself has no such option.
			if len(words) == 1 && words[0] == "--help" {
				return cmd.Help()
			}
			var at time.Time
			if name == "sendmail" {
				var err error
				if at, words, err = a.cutTime(words); err != nil {
					return err
				}
			}
			p := a.program(append([]string{name}, words...))
			p.NotBefore, p.Stdin = at, a.typedIn(cmd.Context())
			return exit(msp.Main(cmd.Context(), p))
		},
	}
}

// cutTime takes "--at TIME" off the front of sendmail's own words.
func (a *app) cutTime(words []string) (at time.Time, rest []string, err error) {
	if len(words) == 0 {
		return at, words, nil
	}
	text, joined := strings.CutPrefix(words[0], "--at=")
	switch {
	case joined:
		rest = words[1:]
	case words[0] == "--at" && len(words) > 1:
		text, rest = words[1], words[2:]
	case words[0] == "--at":
		return at, nil, sysexits.Errorf(sysexits.Usage, "write "+when.Forms, "--at wants a time")
	default:
		return at, words, nil
	}
	if at, err = when.Parse(text, a.now()); err != nil {
		return at, nil, sysexits.Errorf(sysexits.Usage, "nothing was queued; to send it at once, leave --at out", "%w", err)
	}
	return at, rest, nil
}

// sendmail is the sendmail personality inside this program.
func (a *app) sendmail(ctx context.Context, args []string) int {
	p := a.program(args)
	p.Stdin = a.typedIn(ctx)
	return msp.Main(ctx, p)
}

// program is the sendmail command line with everything that it can ask for.
func (a *app) program(args []string) *msp.Program {
	p := msp.Process(version())
	p.Args = args
	p.Stdin, p.Stdout, p.Stderr = a.stdin, a.stdout, a.stderr
	p.Getenv, p.Now = a.getenv, a.now
	s := &services{app: *a}
	p.Services = s
	p.Config = func(file string) (*config.Config, error) {
		if file != "" {
			s.configFile = file
		}
		return config.Load(s.configFile, a.getenv)
	}
	return p
}
