package installer

import (
	"os"
	"os/user"
	"path/filepath"

	"github.com/kardianos/service"

	"mailcrane/internal/sysexits"
)

func newBackend(o Options) (backend, error) {
	// sd_booted(3)
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		return newSystemd(o)
	}
	if o.User {
		return nil, sysexits.Errorf(sysexits.Unavailable, "start it from what starts your session's programs, with the command: mailcrane agent",
			"this machine was not started by systemd, and nothing else here keeps a user's services")
	}
	// The last resort of kardianos/service writes scripts for a SysV init
	// wherever it is.
	if _, err := os.Stat("/etc/init.d"); err != nil || service.Platform() == "linux-systemd" {
		return nil, sysexits.Errorf(sysexits.Unavailable, "start it from what starts this machine's programs, with the command: mailcrane agent",
			"this machine was not started by systemd, and no other service manager was found")
	}
	return newGeneric(o)
}

func newSystemd(o Options) (*systemd, error) {
	config := o.kardianos()
	config.Option["SystemdScript"] = o.unit()
	k, err := service.New(&program{}, config)
	if err != nil {
		return nil, sysexits.Errorf(sysexits.OSErr, "run it in the foreground meanwhile: mailcrane agent", "cannot use systemd: %w", err)
	}
	s := &systemd{
		options: o, service: k, folder: "/etc/systemd/system",
		session: session{uid: os.Geteuid(), getenv: os.Getenv, run: "/run/user"},
	}
	if u, err := user.Current(); err == nil {
		s.session.name = u.Username
	}
	if o.User {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, sysexits.Errorf(sysexits.OSErr, "set HOME to your home folder and type it again", "there is no place for a user's service: %w", err)
		}
		// Where kardianos/service writes it, and where systemd looks unless its
		// own XDG_CONFIG_HOME says otherwise.
		s.folder = filepath.Join(home, ".config/systemd/user")
	}
	return s, nil
}
