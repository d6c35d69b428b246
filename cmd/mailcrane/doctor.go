package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/installer/checkup"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/smarthost"
)

// A doctorWish is the flags of doctor.
type doctorWish struct {
	account                string
	offline, system, quiet bool
}

func (a *app) doctorCommand() *cobra.Command {
	var wish doctorWish
	c := &cobra.Command{
		Use: "doctor", Short: "Check everything that mail needs, and say what mends it",
		Long: `doctor looks at the configuration, the queue directory and its disk, the clock,
name lookup, the server's ports, its certificate, what it offers, the log-in, the
sendmail links, other mail programs, the service and the agent. Of a server it looks
at every map, class and file of aliases too, whether its user can read them, whether
local mail can be delivered, and whether its name and its domains lead to it. Of what
is not as it should be it says why, and the command that mends it. It changes nothing
and sends no mail; it logs in once to each account's server, and asks it whether it
takes mail from the addresses in from. It exits with 0 where nothing is broken.`,
		Example: "  mailcrane doctor\n  mailcrane doctor --account work --json\n  mailcrane doctor --offline\n  sudo mailcrane doctor --system",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), wish) },
	}
	c.Flags().StringVar(&wish.account, "account", "", "look at this account alone, by its `name`")
	c.Flags().BoolVar(&wish.offline, "offline", false, "ask nothing of the network")
	c.Flags().BoolVar(&wish.system, "system", false, "look at the machine's service, not your own")
	c.Flags().BoolVarP(&wish.quiet, "quiet", "q", false, "leave out what is as it should be")
	c.Flags().BoolVar(&a.json, "json", false, "one JSON object a finding")
	return c
}

func (a *app) doctor(ctx context.Context, wish doctorWish) error {
	o, err := a.checkup(wish)
	if err != nil {
		return err
	}
	code := sysexits.OK
	checkup.Run(ctx, o, func(f checkup.Finding) {
		if f.Code != sysexits.OK && code == sysexits.OK {
			code = f.Code
		}
		if wish.quiet && f.State == checkup.OK {
			return
		}
		if a.json {
			writeJSON(a.stdout, f)
			return
		}
		a.sayFinding(f)
	})
	return exit(code)
}

// checkup is what is looked at on this machine.
func (a *app) checkup(wish doctorWish) (checkup.Options, error) {
	program, err := os.Executable()
	if err != nil {
		return checkup.Options{}, sysexits.Errorf(sysexits.OSErr, "", "cannot find this program: %w", err)
	}
	o := checkup.Options{
		Account: wish.account, Offline: wish.offline, System: wish.system,
		Now: a.now, Built: madeOn(), Getenv: a.getenv,
		Dial: smarthost.Dialer(), AskName: new(net.Dialer).DialContext, Exec: printed,
		Program: program, Call: "mailcrane", UID: os.Getuid(),
	}
	if wish.system {
		a = a.asService()
		if own, _ := config.Find("", os.Getenv); a.configFile != own {
			o.Call += " --config " + a.configFile
		}
		o.Getenv = a.getenv
	} else if a.configFile != "" {
		o.Call += " --config " + a.configFile
	}
	o.File, _ = config.Find(a.configFile, a.getenv)
	if u, err := user.Current(); err == nil {
		o.User = u.Username
	}
	c, err := a.config()
	if o.Fault = err; err == nil {
		o.Config = c
		o.System = o.System || c.System.Used()
		if c.Path != "" {
			o.File = c.Path
		}
		o.Spool = a.spool(c)
		if len(c.MTA.Listeners) > 0 {
			o.Server = a.serverCheckup(c, wish.offline)
		}
		o.AskAgent = func(ctx context.Context) *checkup.Agent { return howAgentIs(ctx, c) }
	}
	return o, nil
}

// asService is this program as the machine's service sees it: with the service's
// home and configuration, and nothing of who has typed the command.
func (a *app) asService() *app {
	b := *a
	if b.configFile == "" {
		if b.configFile = a.getenv("MAILCRANE_CONFIG"); b.configFile == "" {
			b.configFile = machineConfig
		}
	}
	b.getenv = func(name string) string {
		if name == "PATH" {
			return a.getenv(name) // of who asks: what a shell would call
		}
		return machineEnvironment(name)
	}
	return &b
}

func howAgentIs(ctx context.Context, c *config.Config) *checkup.Agent {
	agent, err := askAgent(ctx, c, askStatus)
	switch {
	case errors.Is(err, errSilent):
		return &checkup.Agent{Silent: true}
	case err != nil:
		return nil
	}
	return &checkup.Agent{PID: agent.PID, Since: agent.Since, Outdated: changedSince(c.Path, agent.Since), Replaced: agent.Replaced}
}

// madeOn is when the source of this program was last changed, as far as it knows.
func madeOn() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Time{}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			at, _ := time.Parse(time.RFC3339, s.Value) // zero: nobody knows
			return at
		}
	}
	return time.Time{}
}

const (
	// programTime and programOutput bound what a program of the system may take.
	programTime   = 30 * time.Second
	programOutput = 64 << 10
)

// printed runs a program of the system and returns what it printed. It is asked in
// English, and nothing is typed into it.
func printed(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, programTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "SYSTEMD_COLORS=0")
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout = &bounded{&out, programOutput}
	err := cmd.Run()
	return out.String(), err
}

// A bounded writer drops what is too much.
type bounded struct {
	w    io.Writer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	keep := p[:min(len(p), b.left)]
	b.left -= len(keep)
	if _, err := b.w.Write(keep); err != nil {
		return 0, err
	}
	return len(p), nil
}

// sayFinding is a finding in a few lines: how it is, why, and what to do.
func (a *app) sayFinding(f checkup.Finding) {
	about := ""
	if f.Account != "" {
		about = f.Account + ": "
	}
	a.labelled(string(f.State), "%s", about+f.What)
	if f.State == checkup.OK {
		return
	}
	for _, more := range []struct{ label, text string }{{"why", f.Why}, {"do", f.Mend}, {"type", f.Command}} {
		if more.text != "" {
			a.labelled("", "%-5s %s", more.label, strings.TrimSpace(more.text))
		}
	}
}
