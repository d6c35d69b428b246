package main

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/cmd/mailcrane/events"
	"mailcrane/installer"
	"mailcrane/internal/config"
	"mailcrane/internal/socket"
	"mailcrane/internal/sysexits"
	"mailcrane/mta/site"
	"mailcrane/mta/turn"
	"mailcrane/netwatch"
	"mailcrane/netwatch/network"
	"mailcrane/netwatch/policy"
	"mailcrane/queue"
	"mailcrane/queue/arrivals"
	"mailcrane/smarthost"
)

func (a *app) agentCommand() *cobra.Command {
	verbose, managed := false, false
	c := &cobra.Command{
		Use:   "agent",
		Short: "Watch the network and run the queue, until stopped",
		Long: `agent stays in the foreground: it watches the network, sends what is queued the
moment there is a way out, and takes mail on the [listen] addresses. Its log has a
line for each result, and one for each session with what it has cost. A service
manager starts it for you; see: mailcrane service --help`,
		Example: "  mailcrane agent",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if verbose {
				a.settings = append(a.settings, config.Setting{Name: "LogLevel", Value: strconv.Itoa(logSessions)})
			}
			return a.runService(cmd.Context(), managed)
		},
	}
	c.Flags().DurationVar(&a.idleExit, "idle-exit", 0, "end after this `time` with nothing queued; for a service that starts the agent again")
	if runtime.GOOS == "windows" {
		c.Flags().BoolVar(&managed, installer.ManagedFlag, false, "the service manager has started it, and waits for an answer")
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "log each line of the sessions, without secrets")
	return c
}

// A watcher is what the agent needs of netwatch; the demo has one of its own.
type watcher interface {
	queue.Reach
	State() network.State
	Standing(queue.Route) netwatch.Standing
	Decision(queue.Route) policy.Decision
	Prove(queue.Transport) queue.Transport
}

// given is what an agent works with that it would else make itself: the log of
// LogLevel on standard error, the machine's own network, what the service manager
// has opened. The zero given leaves all to the agent.
type given struct {
	config    *config.Config
	log       *slog.Logger
	net       watcher
	inherited *socket.Inheritance
	// server is that of server mode, which serves until ctx is done; nil is none.
	server func(ctx context.Context) error
	// nodes are the queue runs that the server's clients ask for; nil is none.
	nodes *nodeRuns
	// turns sends mail over connections of those that it is for; nil is none.
	turns *turn.Desk
	// addresses are where the server listens now; nil is nowhere.
	addresses func() []net.Addr
	// doors are where the server's mail goes; nil has them read anew where there is a
	// server.
	doors *site.Options
	// queue is told of every event of the queue runs, and trace tells of the
	// server's clients; nil is nobody, and nothing.
	queue func(queue.Event)
	trace func(ctx context.Context, conn stream, request string)
}

// fillIn is by with what it leaves to the agent, but for the network.
func (a *app) fillIn(by given) (given, error) {
	if by.config == nil {
		c, err := a.config()
		if err != nil {
			return by, err
		}
		by.config = c
	}
	if by.log == nil {
		by.log = a.log(by.config.LogLevel)
	}
	if by.inherited == nil {
		by.inherited = socket.Inherit()
	}
	if by.queue == nil {
		by.queue = func(queue.Event) {}
	}
	return by, nil
}

// runs are the arrivals for which the queue is run: all, but for a server whose
// mode says otherwise.
func (by given) runs(ctx context.Context, arrivals <-chan struct{}) <-chan struct{} {
	if by.server == nil {
		return arrivals
	}
	return forRuns(ctx, by.config, arrivals)
}

// agent composes the rooms.
func (a *app) agent(ctx context.Context, by given) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	idle := newRest()
	defer idle.end()
	if by.server != nil {
		idle.serves()
	}
	by, err := a.fillIn(by)
	if err != nil {
		return err
	}
	c, log, own := by.config, by.log, by.net == nil
	net, naps := a.network(ctx, by)
	carriers := carriedBy(c, net)
	out := a.wayOut(ctx, c, carriers, log)
	runner := a.runner(c, out, log)
	obey(runner, c, carriers)
	if err := prepare(c, runner.Spool); err != nil {
		return err
	}
	pokes, stirs := make(chan struct{}, 1), make(chan struct{}, 1)
	does := newDoings(a.now)
	status := a.teller(c, net, does, by.addresses)
	notices := a.notifier(ctx, c, out, log, own)
	hub := events.NewHub(a.now, func() map[queue.Route]netwatch.Standing { return status().Routes }, notices.looker())
	fetches, err := a.pickup(c, out, log)
	if err != nil {
		return err
	}
	runner.Reach, runner.Transport, runner.Stirs, runner.Naps = hub.Reach(ctx, fetches.hears(ctx, net)), net.Prove(out), stirs, naps
	tells := liaison{log}
	ends := &idler{after: a.idleExit, spool: runner.Spool, drop: c.System.Drop, end: stop, log: log, install: serviceCall(c, "install")}
	if err := a.doors(runner, c, log, by.doors); err != nil {
		return err
	}
	runner.Watch = watchers{idle.watch, ends.watch, tells.watch, does.watch, hub.Watch, notices.watch, by.queue}.watch
	answers := controller{
		status: status, events: func(conn stream) { hub.Serve(ctx, conn) },
		run:  func() { out.Again(); ring(pokes); fetches.poke() },
		stir: func() { ring(stirs) }, trace: by.traces(ctx),
	}
	unanswer, err := serveControl(ctx, c, answers)
	if err != nil {
		return err
	}
	defer unanswer()
	arrived, taking, err := a.opens(ctx, by, runner.Spool, ends)
	if err != nil {
		return err
	}
	log.Info("agent is up", "spool", c.Spools.String(), "accounts", len(c.Accounts), "network", net.State().Reason)
	tells.ready(net.State().Reason)
	ended := taking.serve(ctx, by, fetches, *runner, stop)
	err = runner.Serve(ctx, by.runs(ctx, hub.Arrivals(ctx, arrived)), pokes)
	tells.stopping()
	stop()
	taking.all.Wait()
	return cmp.Or(err, *ended)
}

// opens opens all by which mail comes: the listeners, and the watch over the queue.
func (a *app) opens(ctx context.Context, by given, spool *queue.Spool, ends *idler) (<-chan struct{}, *takesMail, error) {
	arrived, err := arrivals.Watch(ctx, spool, a.now, by.log)
	if err != nil {
		return nil, nil, err
	}
	taking, err := a.listen(ctx, by.config, by.log, by.inherited, ends.stir)
	if err != nil {
		return nil, nil, err
	}
	ends.servers, ends.bound = taking.servers, taking.bound
	return arrived, taking, ends.begin(ctx)
}

// watchers are told of every event of the queue runs, in this order.
type watchers []func(queue.Event)

func (all watchers) watch(e queue.Event) {
	for _, each := range all {
		each(e)
	}
}

// prepare has the directories of a queue there. A slow queue alone is none.
func prepare(c *config.Config, spool *queue.Spool) error {
	if slow := spool.Confined(); slow != "" {
		return sysexits.Errorf(sysexits.Usage, "run it alone with: sendmail -q -oQ"+c.Spools[0], "the agent serves a whole queue with its slow queues, and %s is the slow queue %s", c.Spools[0], slow)
	}
	if err := spool.Prepare(); err != nil {
		return cannotUseSpool(c, err)
	}
	return nil
}

// network is the one that the agent is given, or else the machine's own.
func (a *app) network(ctx context.Context, by given) (watcher, <-chan queue.Nap) {
	if by.net != nil {
		return by.net, nil
	}
	return a.machine(ctx, by.config, by.log)
}

// traces tells of the server's clients to who asks for it; nil where there is no
// server.
func (by given) traces(ctx context.Context) func(conn stream, request string) {
	if by.trace == nil {
		return nil
	}
	return func(conn stream, request string) { by.trace(ctx, conn, request) }
}

// machine is this machine's own network, and the sleeps that it tells of.
func (a *app) machine(ctx context.Context, c *config.Config, log *slog.Logger) (watcher, <-chan queue.Nap) {
	o := a.networkOptions(c)
	o.Log, o.Naps = log, true
	w := netwatch.New(ctx, o)
	return w, w.Naps()
}

// wayOut is the agent's transport, which logs the lines of the sessions where
// they are wanted.
func (a *app) wayOut(ctx context.Context, c *config.Config, by carriage, log *slog.Logger) *smarthost.Transport {
	options := smarthost.Options{Now: a.now, Getenv: a.getenv, Known: a.spool(c), Debug: log.Debug, Warn: log.Warn, Carries: by}
	if log.Enabled(ctx, slog.LevelDebug) {
		options.Trace = func(r queue.Route, line string) { log.Debug(line, "route", r) }
	}
	return smarthost.New(c, options)
}

// teller says how the agent is, from now on.
func (a *app) teller(c *config.Config, by watcher, does *doings, addresses func() []net.Addr) func() agentStatus {
	since, replaced := a.now(), ownProgram()
	return func() agentStatus {
		s := statusOf(c, by, since)
		if addresses != nil {
			for _, address := range addresses() {
				s.Server = append(s.Server, address.String())
			}
		}
		s.Replaced = replaced()
		does.fill(s.Routes)
		return s
	}
}

// statusOf is what an agent that began then says of itself.
func statusOf(c *config.Config, net watcher, since time.Time) agentStatus {
	return agentStatus{agentItem{PID: os.Getpid(), Since: since, Listen: c.ListenMSP}, net.State(), standings(c, net)}
}

// ownProgram says, each time it is asked, whether the file of this program was
// replaced since the first call. Others cannot see that: /proc/PID/exe of a process
// that keeps its memory to itself is closed to its user (proc_pid_exe(5)).
func ownProgram() (replaced func() bool) {
	path, err := os.Executable()
	began, statErr := os.Stat(path)
	if err != nil || statErr != nil {
		return func() bool { return false }
	}
	return func() bool {
		now, err := os.Stat(path)
		return err == nil && !os.SameFile(began, now)
	}
}

// standings is how each account stands.
func standings(c *config.Config, net interface {
	Standing(queue.Route) netwatch.Standing
},
) map[queue.Route]netwatch.Standing {
	all := make(map[queue.Route]netwatch.Standing)
	for _, account := range c.Accounts {
		route := queue.Route(account.Name)
		all[route] = net.Standing(route)
	}
	return all
}

// ring leaves a value in a channel that holds one.
func ring(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// serverOf tells netwatch where a route leads, so that a server on this
// machine is tried without any network.
func serverOf(c *config.Config) func(queue.Route) netwatch.Server {
	return func(r queue.Route) netwatch.Server {
		if account := c.Account(string(r)); account != nil {
			return netwatch.Server{Host: account.Smarthost.Host, Bare: account.Smarthost.TLS == config.Insecure, Metering: account.Metered}
		}
		return netwatch.Server{}
	}
}
