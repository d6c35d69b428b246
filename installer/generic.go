package installer

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kardianos/service"

	"mailcrane/internal/sysexits"
)

// A generic backend is whatever kardianos/service has found on this machine,
// with its own defaults.
type generic struct {
	options Options
	service service.Service
	// file is what an installation writes, and text what is in it; "" where the
	// service manager keeps it for itself.
	file, text string
}

func newGeneric(o Options) (*generic, error) {
	o.Stay = true // nothing here would start the agent again
	s, err := service.New(&program{}, o.kardianos())
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Unavailable, "run it in the foreground, or from what starts your programs: mailcrane agent",
			"no service manager was found on this machine: %w", err)
	}
	g := &generic{options: o, service: s}
	g.file, g.text = o.script(s.Platform())
	return g, nil
}

func (g *generic) install(ctx context.Context) (Change, error) {
	if err := g.options.check(); err != nil {
		return "", err
	}
	if g.options.Needs.Server.wanted() && !g.options.User {
		return "", sysexits.Errorf(sysexits.Unavailable, "set run_as = \"mailcrane\" in [mta], and have what starts your programs run this as root: mailcrane mta",
			"server mode is a service of systemd alone, which opens its ports, and systemd does not keep the services of this machine")
	}
	status, err := g.status(ctx)
	if err != nil {
		return "", err
	}
	change := Installed
	if status.Installed {
		change, err = g.found()
		if change != Replaced || err != nil {
			return change, err
		}
		if err := g.remove(status); err != nil {
			return "", err
		}
	}
	if !g.options.User {
		if err := g.options.prepareMachine(ctx); err != nil {
			return "", err
		}
	}
	if err := g.service.Install(); err != nil {
		return "", g.failed("install", err)
	}
	if status.Running {
		return change, g.start(ctx)
	}
	return change, nil
}

// found says what an installation makes of what is there.
func (g *generic) found() (Change, error) {
	state := foreign
	if g.file != "" {
		var err error
		if state, err = readUnit(g.file, g.text); err != nil {
			return "", g.failed("install", err)
		}
	}
	switch state {
	case same:
		return Unchanged, nil
	case other:
		return Replaced, nil
	default: // what it runs cannot be asked in one way everywhere
		return "", sysexits.Errorf(sysexits.CantCreat, "if it is an older mailcrane, type: "+g.options.Command("uninstall")+"; then: "+g.options.Command("install"),
			"a service called %s is there already", Name)
	}
}

// remove stops it and takes it away.
func (g *generic) remove(status Status) error {
	if status.Running {
		if err := g.service.Stop(); err != nil {
			return g.failed("stop", err)
		}
	}
	if err := g.service.Uninstall(); err != nil {
		return g.failed("uninstall", err)
	}
	return nil
}

func (g *generic) uninstall(ctx context.Context) (Change, error) {
	status, err := g.status(ctx)
	if err != nil {
		return "", err
	}
	if !status.Installed {
		return Absent, nil
	}
	if err := g.remove(status); err != nil {
		return "", err
	}
	if !g.options.User {
		return Removed, g.options.clearMachine(ctx)
	}
	return Removed, nil
}

func (g *generic) start(ctx context.Context) error {
	status, err := g.mustBeInstalled(ctx)
	if err != nil || status.Running {
		return err
	}
	if err := g.service.Start(); err != nil {
		return g.failed("start", err)
	}
	return nil
}

func (g *generic) stop(ctx context.Context) error {
	status, err := g.mustBeInstalled(ctx)
	if err != nil || !status.Running {
		return err
	}
	if err := g.service.Stop(); err != nil {
		return g.failed("stop", err)
	}
	return nil
}

func (g *generic) mustBeInstalled(ctx context.Context) (Status, error) {
	status, err := g.status(ctx)
	if err == nil && !status.Installed {
		err = g.options.notInstalled()
	}
	return status, err
}

func (g *generic) status(context.Context) (Status, error) {
	state, err := service.StatusUnknown, service.ErrNotInstalled
	// rc-service(8) of OpenRC says of one that is not there that it has failed.
	if g.file == "" || isThere(g.file) {
		state, err = g.service.Status()
	}
	switch {
	case errors.Is(err, service.ErrNotInstalled):
		return Status{Detail: "not installed; type: " + g.options.Command("install")}, nil
	case err != nil:
		return Status{}, g.failed("status", err)
	case state == service.StatusRunning:
		return Status{Installed: true, Running: true, Detail: "running"}, nil
	}
	return Status{Installed: true, Detail: "stopped; type: " + g.options.Command("start")}, nil
}

func (g *generic) failed(action string, err error) error {
	if errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "Access is denied") {
		return sysexits.Errorf(sysexits.NoPerm, "with the rights of an administrator, type: "+strings.TrimPrefix(g.options.Command(action), "sudo "),
			"this needs an administrator's rights: %w", err)
	}
	return sysexits.Errorf(sysexits.OSErr, "run it in the foreground meanwhile: mailcrane agent",
		"%s, the service manager of this machine, could not do it (%s): %w", g.service.Platform(), action, err)
}

func (o Options) notInstalled() error {
	return sysexits.Errorf(sysexits.Unavailable, "type: "+o.Command("install"), "the service is not installed")
}

// script is the file that an installation writes by way of kardianos/service.
func (o Options) script(platform string) (path, text string) {
	home, _ := os.UserHomeDir() // as in kardianos
	switch {
	case platform == "darwin-launchd" && o.User:
		return filepath.Join(home, "Library/LaunchAgents", Name+".plist"), o.launchd(home)
	case platform == "darwin-launchd":
		return filepath.Join("/Library/LaunchDaemons", Name+".plist"), o.launchd(home)
	case platform == "linux-openrc":
		return filepath.Join("/etc/init.d", Name), o.openRC()
	case platform == "unix-systemv":
		return filepath.Join("/etc/init.d", Name), o.sysv()
	}
	return "", ""
}
