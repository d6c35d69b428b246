package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/smarthost"
)

func (a *app) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "config", Short: "Check and show the configuration",
		Example: "  mailcrane config check --online",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	online := false
	check := &cobra.Command{
		Use: "check", Short: "Read the configuration, and say what is wrong with it",
		Long: `check reads the configuration and says what is wrong with it, by file and line.
With --online it also connects to each account's server and logs in.`,
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
	c.AddCommand(check, show)
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
	fmt.Fprintf(a.stdout, "%s: %s, no error\n", c.Path, count(len(c.Accounts), "account"))
	if c.DefaultAccount == nil && len(c.Accounts) > 1 {
		fmt.Fprintln(a.stdout, `no default_account: mail whose sender no account names waits; add default_account = "NAME" at the top to send it`)
	}
	if !online {
		return nil
	}
	out := smarthost.New(c, smarthost.Options{Now: a.now, Getenv: a.getenv})
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

func (a *app) configShow() error {
	c, err := a.config()
	if err != nil {
		return err
	}
	p := func(format string, args ...any) { fmt.Fprintf(a.stdout, format+"\n", args...) }
	p("# %s", orDefault(c.Path))
	p("delivery_mode = %q", map[config.Mode]string{
		config.Interactive: "interactive", config.Background: "background",
		config.QueueOnly: "queue", config.DeferredRun: "deferred",
	}[c.DeliveryMode])
	p("privacy = %v", c.Privacy)
	p("hostname = %q", c.Hostname)
	if c.DefaultAccount != nil {
		p("default_account = %q", c.DefaultAccount.Name)
	}
	p("\n[queue]\ndirectory = %q", c.Spool)
	p("\n[listen]\nmsp = [%s]", quoted(c.ListenMSP))
	t := c.Timeout
	p("\n[timeout]")
	for _, v := range []struct {
		name  string
		value time.Duration
	}{
		{"connect", t.Connect},
		{"initial", t.Initial},
		{"helo", t.Helo},
		{"starttls", t.StartTLS},
		{"auth", t.Auth},
		{"mail", t.Mail},
		{"rcpt", t.Rcpt},
		{"datainit", t.DataInit},
		{"datablock", t.DataBlock},
		{"datafinal", t.DataFinal},
		{"rset", t.Rset},
		{"quit", t.Quit},
	} {
		p("%-9s = %q", v.name, fmt.Sprintf("%ds", int(v.value/time.Second)))
	}
	for _, account := range c.Accounts {
		p("\n[account.%s]\nfrom      = [%s]\nsmarthost = %q\nuser      = %q\nauth      = %q\nsecret    = %q",
			account.Name, quoted(account.From), account.Smarthost, account.User, account.Auth, secretText(account.Secret))
		p("tls       = { ca = %q, pin = [%s], cert = %q, key = %q }", account.TLS.CA, quoted(account.TLS.Pin), account.TLS.Cert, account.TLS.Key)
	}
	return nil
}

func orDefault(path string) string {
	if path == "" {
		return "no configuration file; all is default"
	}
	return path
}

func quoted(words []string) string {
	var out []string
	for _, w := range words {
		out = append(out, fmt.Sprintf("%q", w))
	}
	return strings.Join(out, ", ")
}

// secretText does not show a command: a person may have written a password
// into it.
func secretText(s config.Secret) string {
	switch {
	case s.Value == "":
		return s.Kind
	case s.Kind == "command":
		return "command:(not shown)"
	}
	return s.Kind + ":" + s.Value
}
