package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"mailcrane/installer"
	"mailcrane/internal/sysexits"
)

func (a *app) serviceCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "service", Short: "Run the agent as a service of the operating system",
		Example: "  mailcrane service install\n  mailcrane service start\n  mailcrane service status",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var user, system bool
	c.PersistentFlags().BoolVar(&user, "user", false, "your own service (the default)")
	c.PersistentFlags().BoolVar(&system, "system", false, "the machine's service")
	add := func(name, short string, do func(context.Context, *installer.Service) error) {
		c.AddCommand(&cobra.Command{
			Use: name, Short: short, Example: "  mailcrane service " + name, Args: args(cobra.NoArgs),
			RunE: func(cmd *cobra.Command, _ []string) error {
				if user && system {
					return sysexits.Errorf(sysexits.Usage, "name one of them; --user is the default", "it cannot be both --user and --system")
				}
				s, err := a.service(!system)
				if err != nil {
					return err
				}
				return do(cmd.Context(), s)
			},
		})
	}
	add("install", "Have the agent started with the session, or the machine", func(ctx context.Context, s *installer.Service) error {
		change, err := s.Install(ctx)
		if err == nil {
			fmt.Fprintf(a.stdout, "the service is %s; start it now with: mailcrane service start\n", change)
		}
		return err
	})
	add("uninstall", "Stop the service and take it away; mail and settings stay", func(ctx context.Context, s *installer.Service) error {
		change, err := s.Uninstall(ctx)
		if err == nil {
			fmt.Fprintf(a.stdout, "the service is %s\n", change)
		}
		return err
	})
	add("start", "Start the service now", func(ctx context.Context, s *installer.Service) error { return s.Start(ctx) })
	add("stop", "Stop the service", func(ctx context.Context, s *installer.Service) error { return s.Stop(ctx) })
	add("status", "Say whether it is installed and runs", func(ctx context.Context, s *installer.Service) error {
		status, err := s.Status(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintln(a.stdout, status.Detail)
		if !status.Running {
			return exit(sysexits.Unavailable)
		}
		return nil
	})
	c.AddCommand(a.linkCommands()...)
	return c
}

func (a *app) service(user bool) (*installer.Service, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, sysexits.Errorf(sysexits.OSErr, "", "cannot find this program: %w", err)
	}
	file := a.configFile
	if file == "" {
		file = a.getenv("MAILCRANE_CONFIG")
	}
	if file != "" {
		if file, err = filepath.Abs(file); err != nil {
			return nil, sysexits.Errorf(sysexits.OSErr, "", "%w", err)
		}
	}
	return installer.New(installer.Options{
		Program: own, Config: file, User: user,
		Run: func(ctx context.Context) error { return a.agent(ctx, nil, nil) },
	})
}
