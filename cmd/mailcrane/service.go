package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"mailcrane/installer"
	"mailcrane/installer/links"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

func (a *app) serviceCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "service", Short: "Run the agent as a service of the operating system",
		Example: "  mailcrane service install\n  mailcrane service start\n  mailcrane service status",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var user, system, stay bool
	c.PersistentFlags().BoolVar(&user, "user", false, "your own service (the default)")
	c.PersistentFlags().BoolVar(&system, "system", false, "the machine's service")
	add := func(name, short string, do func(context.Context, *installer.Service, installer.Options) error) *cobra.Command {
		sub := &cobra.Command{
			Use: name, Short: short, Example: "  mailcrane service " + name, Args: args(cobra.NoArgs),
			RunE: func(cmd *cobra.Command, _ []string) error {
				if user && system {
					return sysexits.Errorf(sysexits.Usage, "name one of them; --user is the default", "it cannot be both --user and --system")
				}
				o, err := a.serviceOptions(!system, name == "install")
				if err != nil {
					return err
				}
				o.Stay = stay
				s, err := installer.New(o)
				if err != nil {
					return err
				}
				return do(cmd.Context(), s, o)
			},
		}
		c.AddCommand(sub)
		return sub
	}
	install := add("install", "Have the agent started with the session, or the machine", a.installService)
	install.Flags().BoolVar(&stay, "stay", false, "keep the agent running also with nothing queued")
	add("uninstall", "Stop the service and take it away; mail and settings stay", a.uninstallService)
	add("start", "Start the service now", func(ctx context.Context, s *installer.Service, _ installer.Options) error { return s.Start(ctx) })
	add("stop", "Stop the service", func(ctx context.Context, s *installer.Service, _ installer.Options) error { return s.Stop(ctx) })
	add("restart", "Stop the service and start it again", func(ctx context.Context, s *installer.Service, _ installer.Options) error { return s.Restart(ctx) })
	add("status", "Say whether it is installed and runs", a.serviceStatus)
	c.AddCommand(a.linkCommands()...)
	c.AddCommand(a.serviceFilesCommand())
	return c
}

func (a *app) installService(ctx context.Context, s *installer.Service, o installer.Options) error {
	change, err := s.Install(ctx)
	if err != nil {
		return err
	}
	if change == installer.Unchanged && runsOlder(ctx, o) {
		if err := s.Restart(ctx); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "the service is %s: the agent of the mailcrane before has ended, and this one's runs\n", installer.Replaced)
		return nil
	}
	fmt.Fprintf(a.stdout, "the service is %s; start it now with: %s\n", change, o.Command("start"))
	for _, c := range o.Needs.Credentials {
		if _, err := os.Stat(c.File); err != nil {
			fmt.Fprintf(a.stdout, "it expects the secret %q; put it there with: sudo %s; then restart the service\n", printable(c.Name), c.Command())
		}
	}
	return nil
}

// runsOlder says that the agent which runs is that of a program that stood in the
// place of this one before.
func runsOlder(ctx context.Context, o installer.Options) bool {
	if len(o.Needs.Spools) == 0 {
		return false
	}
	agent, err := askAgent(ctx, &config.Config{Spools: o.Needs.Spools}, askStatus)
	return err == nil && agent.Replaced
}

func (a *app) uninstallService(ctx context.Context, s *installer.Service, o installer.Options) error {
	change, err := s.Uninstall(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "the service is %s\n", change)
	if o.User || runtime.GOOS == "windows" { // which has no links of sendmail
		return nil
	}
	if left := o.Left(); len(left) > 0 {
		fmt.Fprintf(a.stdout, "mail and state stay in %s, and so does their user, %s\n", strings.Join(left, ", "), installer.Name)
	}
	if _, err := links.Shim(o.Program); err != nil {
		return nil // no link leads to a shim that is not there
	}
	return a.unlink(ctx, "")
}

func (a *app) serviceStatus(ctx context.Context, s *installer.Service, _ installer.Options) error {
	status, err := s.Status(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, status.Detail)
	if !status.Running && !status.Waiting {
		return exit(sysexits.Unavailable)
	}
	return nil
}

// runService is the agent; one that the service manager of Windows has started
// has to answer it, the others are just started.
func (a *app) runService(ctx context.Context, managed bool) error {
	run := func(ctx context.Context) error { return a.agent(ctx, given{}) }
	if !managed {
		return run(ctx)
	}
	s, err := installer.New(installer.Options{Run: run})
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// service is the agent as a service that can be installed.
func (a *app) service(user bool) (*installer.Service, error) {
	o, err := a.serviceOptions(user, true)
	if err != nil {
		return nil, err
	}
	return installer.New(o)
}

// serviceCall is what a person types for an action on the service that serves this
// queue: the machine's, where one agent serves all users, or the queue is another
// user's.
func serviceCall(c *config.Config, action string) string {
	machine := c.System.Used()
	if uid, _, ok := ownerOf(c.Spools[0]); ok && os.Geteuid() == 0 && uid != 0 {
		machine = true
	}
	return installer.Options{User: !machine}.Command(action)
}

// machineConfig is the configuration of the machine's service.
const machineConfig = "/etc/mailcrane/mailcrane.toml"

// serviceOptions say which service is meant, and what it needs; that comes from
// the configuration, which has to be in order where it is wanted.
func (a *app) serviceOptions(user, wanted bool) (installer.Options, error) {
	o := installer.Options{User: user, Config: a.configFile, Run: func(ctx context.Context) error { return a.agent(ctx, given{}) }}
	var err error
	if o.Program, err = os.Executable(); err != nil {
		return o, sysexits.Errorf(sysexits.OSErr, "", "cannot find this program: %w", err)
	}
	if o.Config == "" {
		o.Config = a.getenv("MAILCRANE_CONFIG")
	}
	if o.Config != "" {
		if o.Config, err = filepath.Abs(o.Config); err != nil {
			return o, sysexits.Errorf(sysexits.OSErr, "", "%w", err)
		}
	}
	if !user && o.Config == machineConfig {
		o.Config = "" // where it looks by itself
	}
	if o.Needs, err = a.serviceNeeds(o); err != nil && wanted {
		return o, err
	}
	return o, nil
}
