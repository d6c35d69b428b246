package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/smarthost"
)

func (a *app) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "config", Short: "Check, show and explain the configuration",
		Example: "  mailcrane config check --online",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	online := false
	check := &cobra.Command{
		Use: "check", Short: "Read the configuration, and say what is wrong with it",
		Long: `check reads the configuration and says what is wrong with it, by file and line.
Of a server it tries to relay from outside, in its head: by each listener, as
clients from everywhere, by each route, it asks what the server would say. It
names each setting that lets strangers through, and ends with 78 where everybody
could send mail through the server. With --online it also connects to each account's server and logs in.`,
		Example: "  mailcrane config check\n  mailcrane config check --online",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.configCheck(cmd, online) },
	}
	check.Flags().BoolVar(&online, "online", false, "connect to each account's server and log in")
	show := &cobra.Command{
		Use: "show", Short: "Print what is set, defaults included",
		Example: "  mailcrane config show",
		Args:    args(cobra.NoArgs),
		RunE:    func(*cobra.Command, []string) error { return a.configShow() },
	}
	c.AddCommand(check, show, a.configExplainCommand())
	return c
}

func (a *app) configCheck(cmd *cobra.Command, online bool) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	if c.Path == "" {
		fmt.Fprintln(a.stdout, "there is no configuration; all is default, and no account can send")
		return nil
	}
	rules := ""
	if len(c.Rules) > 0 {
		rules = ", " + count(len(c.Rules), "rule")
	}
	fmt.Fprintf(a.stdout, "%s: %s%s, no error\n", c.Path, count(len(c.Accounts), "account"), rules)
	if agent, err := askAgent(cmd.Context(), c, askStatus); err == nil && changedSince(c.Path, agent.Since) {
		fmt.Fprintf(a.stdout, "the agent works by the configuration there was before; %s\n", startAnew(c))
	}
	if c.DefaultAccount == nil && len(c.Accounts) > 1 && len(c.MTA.Listeners) == 0 {
		fmt.Fprintln(a.stdout, `no default_account: mail whose sender no account names waits; add default_account = "NAME" at the top to send it`)
	}
	for i := range c.Rules {
		rule := &c.Rules[i]
		if by := c.Hidden(rule); by != nil {
			fmt.Fprintf(a.stdout, "%s: the rule %s never decides anything: whenever it matches, %s does, which stands before it; put it above that one\n", c.Where(rule), rule.Name, by.Name)
		}
	}
	if serves(c) {
		open, err := a.checkServer(cmd.Context(), c)
		if err != nil {
			return err
		}
		if open {
			return exit(sysexits.Config)
		}
	}
	if !online {
		return nil
	}
	if direct, err := a.mayUseSpool(c); err != nil {
		return err
	} else if !direct {
		return onlyRoot("config check --online")
	}
	out := smarthost.New(c, smarthost.Options{Now: a.now, Getenv: a.getenv, Known: a.spool(c), Warn: plainLog{a.stderr}.Error})
	faults := make(map[queue.Route]*queue.RouteFault)
	for _, account := range c.Accounts {
		report, fault := out.Check(cmd.Context(), account.Name)
		if fault != nil {
			faults[queue.Route(account.Name)] = fault
			continue
		}
		fmt.Fprint(a.stdout, report)
	}
	a.sayFaults(faults)
	if len(faults) > 0 {
		return exit(sysexits.Unavailable)
	}
	return nil
}
