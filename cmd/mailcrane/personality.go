package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/msp"
)

// personality says that this program was called by one of sendmail's names.
func personality(argv0 string) bool {
	names := []string{"sendmail", "send-mail", "mailq", "newaliases", "hoststat", "purgestat", "smtpd", "runq", "rmail"}
	return slices.Contains(names, filepath.Base(argv0))
}

// personalityCommand is "mailcrane NAME …", whose flags are sendmail's.
func (a *app) personalityCommand(name, short string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, DisableFlagParsing: true,
		Long:    short + ".\n\nAll words behind it are sendmail's own; see docs/sendmail.md.",
		Example: fmt.Sprintf("  mailcrane %s", name),
		RunE: func(cmd *cobra.Command, words []string) error {
			// sendmail itself has no such option.
			if len(words) == 1 && words[0] == "--help" {
				return cmd.Help()
			}
			return exit(a.sendmail(cmd.Context(), append([]string{name}, words...)))
		},
	}
}

// sendmail is the sendmail personality inside this program.
func (a *app) sendmail(ctx context.Context, args []string) int {
	return msp.Main(ctx, a.program(args))
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
