package main

import (
	"context"
	"log/slog"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/logbook"
	"mailcrane/internal/socket"
	"mailcrane/internal/sysexits"
	"mailcrane/mta"
	"mailcrane/mta/turn"
	"mailcrane/queue"
)

func (a *app) mtaCommand() *cobra.Command {
	verbose := false
	c := &cobra.Command{
		Use:   "mta",
		Short: "Server mode: take mail in from the network, and run the queue",
		Long: `mta is the agent of a machine that is a server: it takes mail in on the listeners of
[[mta.listen]] under the rules of [mta], and runs the queue like mailcrane agent. It
stays in the foreground; a service manager starts it for you.

Mail goes where its recipients are: into mailboxes, files and programs of this
machine, to the exchangers of other domains, by the maps of [mta.map], or by an
[account]. mailcrane explain ADDRESS tells which, and why.

Ports below 1024 are root's: mailcrane service install --system has systemd open
them. Or start it as root with [mta] run_as, and it becomes that user when it has
opened them.

On SIGHUP it reads the configuration, the maps and the certificates anew. No
client notices; one that is connected is served by the rules it came under. What
is about the queue and its accounts is read at the start alone; the log names the
settings that have changed and wait for a restart.`,
		Example: "  mailcrane mta\n  mailcrane mta --verbose",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if verbose {
				a.settings = append(a.settings, config.Setting{Name: "LogLevel", Value: strconv.Itoa(logSessions)})
			}
			return a.mta(cmd.Context())
		},
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "log each line of the sessions, without secrets")
	c.AddCommand(a.mtaUserCommand(), a.mtaDeliverCommand())
	return c
}

// mta opens the ports, becomes who it is to be, and is an agent from then on.
func (a *app) mta(ctx context.Context) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	look, err := a.lookout(ctx, c)
	if err != nil {
		return err
	}
	defer look.close()
	log := look.log
	answers, err := a.startDeliveryAgent(ctx, c)
	if err != nil {
		return err
	}
	agent, opener, err := a.localAgent(c, log, answers)
	if err != nil {
		return err
	}
	nodes := newNodeRuns()
	turns := turn.New(turn.Options{Spool: a.spool(c), Hostname: mta.Hostname(c), Timeouts: c.Timeout, Now: a.now, Log: log})
	server, err := mta.New(c, mta.Options{Spool: a.spool(c), Opener: opener, Hosts: a.hosts(c), Run: nodes.begin, Turn: turns, Load: a.load, Free: queue.OS{}.Free, Now: a.now, Log: log, Watch: look.watch})
	if err != nil {
		return err
	}
	inherited := socket.Inherit()
	if err := server.Bind(ctx, inherited); err != nil {
		return err
	}
	if err := server.Become(); err != nil {
		look.watch.CannotBecome(err)
		return err
	}
	undumpable() // the change of user has made it an ordinary process again
	defer a.onHangup(ctx, func() { a.reload(ctx, server, c, log) })()
	look.tell(ctx, a, c, server)
	doors := server.Doors()
	doors.Agent = agent
	look.watch.Starting(version(), c.Queue.Interval)
	defer look.watch.Stopping()
	return a.agent(ctx, given{config: c, log: log, inherited: inherited, server: server.Serve, doors: doors, addresses: server.Addresses, nodes: nodes, turns: turns, queue: look.watch.Queue, trace: look.hub.Serve})
}

// reload has the server go by the configuration as it is now. One that is wrong
// changes nothing. began is that of the start, by which all else goes on.
func (a *app) reload(ctx context.Context, server *mta.Server, began *config.Config, log *slog.Logger) {
	manager := liaison{log}
	manager.reloading()
	c, err := a.config()
	if err == nil {
		err = server.Reload(ctx, c)
	}
	if err != nil {
		log.Error("nothing was read anew; the rules are those there were", "err", err, "next", sysexits.Hint(err))
		manager.reloaded("the configuration is wrong, and the one before goes on: " + err.Error())
		return
	}
	logbook.SetLevel(log, c.LogLevel)
	log.Info("read anew", "configuration", c.Path)
	manager.reloaded("read anew")
	partly, not := notTaken(began, c)
	if len(partly) > 0 {
		log.Warn("changed for the clients of the server; queue runs and [listen] go by it after a restart", "settings", strings.Join(partly, ", "))
	}
	if len(not) > 0 {
		log.Warn("changed, and not taken before the server is started anew", "settings", strings.Join(not, ", "))
	}
}
