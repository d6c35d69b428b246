// Package installer makes the agent a service of the operating system: it
// installs, starts, stops, removes and reports it, and runs it where a service
// manager has started it.
//
// What a service manager reads is our own; kardianos/service puts it there, and
// asks the manager. Nothing here ever touches the spool, the
// configuration or a keyring.
//
// Its files:
//
//	installer, check, run                what a service manager is asked for, and run by it
//	backend, generic                     which one it is; all but systemd
//	systemd, systemctl, session, status  systemd, and a user's session of it
//	unit, unitfile, companions, needs    its unit files: sockets, path, credentials
//	server, lda                          the ports of server mode, and who delivers for it
//	packaged                             those that a package has put there
//	machine                              the machine's own user and directories, and their end
//	scripts, launchd                     what OpenRC, System V and launchd are given
package installer

import (
	"context"
	"os"
	"runtime"

	"github.com/kardianos/service"
)

// Name is what the service is called in every service manager.
const Name = "mailcrane"

// ServiceHome is the home of the user that the machine's service runs as, where
// it has one of its own.
const ServiceHome = "/var/lib/" + Name

// ManagedFlag tells the agent that the service manager of Windows has started it
// and waits for an answer.
const ManagedFlag = "service-manager"

// Options say which service is meant.
type Options struct {
	// Program is the absolute path of mailcrane; needed by Install only.
	Program string
	// Config is the absolute path of the configuration that the agent is told
	// to read; "" lets it look in the usual places. A service does not see the
	// environment of the person who installs it, so a file that was named by
	// an environment variable has to be named here.
	Config string
	// User means a service of the person who calls, that runs as that person;
	// otherwise it is the machine's, and only root may change it.
	User bool
	// Needs is what the configuration asks for; needed by Install only.
	Needs Needs
	// Stay keeps the agent running where it could end with nothing queued, and
	// be started by what comes.
	Stay bool
	// Run is the agent, which ends when its context does; needed by
	// Service.Run only.
	Run func(context.Context) error
}

// A Change is what Install or Uninstall has done.
type Change string

// The changes.
const (
	Installed Change = "installed"         // and it will start with the session or the machine
	Replaced  Change = "replaced"          // and restarted where it was running
	Unchanged Change = "already installed" // the same service, now surely enabled
	Removed   Change = "removed"
	Absent    Change = "not installed" // nothing was there to be removed
	// TurnedOff is what becomes of a service whose files a package owns.
	TurnedOff Change = "turned off; its files go with the package mailcrane"
)

// Status is the state of the service.
type Status struct {
	Installed bool
	Running   bool
	// Waiting: it does not run because there is nothing to do, and is started by
	// mail.
	Waiting bool
	// Detail says more in plain words: since when it runs, or why it does not
	// and what to type.
	Detail string
}

// A Service is the agent in the eyes of the operating system. Every error of
// its methods is a *sysexits.Error.
type Service struct {
	options Options
	backend backend
}

// A backend is one service manager.
type backend interface {
	install(context.Context) (Change, error)
	uninstall(context.Context) (Change, error)
	start(context.Context) error
	stop(context.Context) error
	status(context.Context) (Status, error)
}

// New is the service of this machine's service manager. It changes nothing.
func New(o Options) (*Service, error) {
	b, err := newBackend(o)
	if err != nil {
		return nil, err
	}
	return &Service{options: o, backend: b}, nil
}

// Install makes the service known to the service manager and has it started
// with the session (or the machine) from now on; it does not start it. The
// same service again is no error; one of another mailcrane (another path,
// another configuration) is replaced, and restarted if it runs; a service of
// our name that we did not make is refused.
func (s *Service) Install(ctx context.Context) (Change, error) { return s.backend.install(ctx) }

// Uninstall stops the service and takes away all that Install has made.
func (s *Service) Uninstall(ctx context.Context) (Change, error) { return s.backend.uninstall(ctx) }

// Start starts the service; one that runs is left alone. With systemd it waits
// until the agent takes mail, and an agent that gives up at once is an error;
// elsewhere that is seen in Status.
func (s *Service) Start(ctx context.Context) error { return s.backend.start(ctx) }

// Stop stops the service until it is started again or the next session; one
// that does not run is left alone.
func (s *Service) Stop(ctx context.Context) error { return s.backend.stop(ctx) }

// Restart stops the service where it runs, and starts it: so it takes up a newer
// program and the configuration as it is now. One that waits for mail waits again.
func (s *Service) Restart(ctx context.Context) error {
	if err := s.Stop(ctx); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Status asks the service manager. Where that does not answer, there is an
// error, and Status.Installed is still right.
func (s *Service) Status(ctx context.Context) (Status, error) { return s.backend.status(ctx) }

// arguments are those of Program.
func (o Options) arguments() []string {
	args := []string{"agent"}
	if o.Needs.Server.wanted() {
		args[0] = "mta"
	}
	if o.Config != "" {
		args = append(args, "--config", o.Config)
	}
	if runtime.GOOS == "linux" && o.starts() {
		args = append(args, "--idle-exit", idleExit.String())
	}
	if runtime.GOOS == "windows" {
		args = append(args, "--"+ManagedFlag)
	}
	return args
}

// kardianos is what kardianos/service is told of us.
func (o Options) kardianos() *service.Config {
	home, _ := os.UserHomeDir() // without one, kardianos/service says so
	return &service.Config{
		Name:        Name,
		DisplayName: "mailcrane",
		Description: description,
		Executable:  o.Program,
		Arguments:   o.arguments(),
		Option: service.KeyValue{
			"UserService":   o.User,
			"SysvScript":    o.sysv(),
			"OpenRCScript":  o.openRC(),
			"LaunchdConfig": o.launchd(home),
			"OnFailure":     "restart", // Windows
		},
	}
}

const description = "mailcrane: keeps mail and sends it when there is a way out"

// Command is what a person types for an action on this service.
func (o Options) Command(action string) string {
	switch {
	case o.User:
		return "mailcrane service " + action
	case runtime.GOOS == "windows": // from a window that was opened as administrator
		return "mailcrane service " + action + " --system"
	}
	return "sudo mailcrane service " + action + " --system"
}
