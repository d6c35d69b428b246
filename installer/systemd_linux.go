package installer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kardianos/service"

	"mailcrane/internal/sysexits"
)

// systemd is a backend that gives kardianos/service our own unit, and adds
// what that leaves out: it fails without saying why, never replaces a unit,
// and does not stop what it removes.
type systemd struct {
	options Options
	service service.Service
	folder  string // where the unit goes
	session session
}

func (s *systemd) path() string { return filepath.Join(s.folder, unitName) }

func (s *systemd) install(ctx context.Context) (Change, error) {
	if err := s.options.check(); err != nil {
		return "", err
	}
	if err := s.ready(ctx, "install"); err != nil {
		return "", err
	}
	found, err := s.find(ctx)
	if err != nil {
		return "", err
	}
	if found == nothing && s.packagedAlike() {
		return Unchanged, s.enablePackaged(ctx)
	}
	ran := found != nothing && s.waits(ctx)
	beside, err := s.putCompanions(ctx)
	if err != nil {
		return "", err
	}
	if found == same && beside {
		found = other
	}
	change := Installed
	switch found {
	case nothing:
		if err = s.create(ctx); err != nil {
			s.withdraw(ctx)
		}
	case same:
		change = Unchanged
		err = s.enable(ctx)
	case other:
		change = Replaced
		err = s.replace(ctx)
	}
	if err == nil {
		err = s.enableCompanions(ctx, ran)
	}
	if err != nil {
		return "", err
	}
	return change, s.confirm(ctx)
}

// create has kardianos/service write, enable and load the unit.
func (s *systemd) create(ctx context.Context) error {
	err := s.service.Install()
	if err == nil {
		return nil
	}
	left, _ := readUnit(s.path(), s.options.unit())
	switch {
	case left == same:
		// What it ran has said why, on a stream that it does not keep.
		reason := s.enable(ctx)
		if reason == nil {
			return nil
		}
		if state, err := s.show(ctx); err == nil && state["LoadState"] == "not-found" {
			reason = s.elsewhere()
		}
		err = reason
	case errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrNotExist):
		err = s.cannotWrite(err)
	default:
		err = sysexits.Errorf(sysexits.OSErr, "run it in the foreground meanwhile: mailcrane agent", "cannot install the service: %w", err)
	}
	// It leaves what it had written so far, which would be in the way next time.
	if left == same || left == other || left == empty {
		_ = os.Remove(s.path())
		_ = s.systemctl(ctx, "daemon-reload")
	}
	s.removeEmptyFolders()
	return err
}

// withdraw takes away what stands beside a unit that could not be made.
func (s *systemd) withdraw(ctx context.Context) {
	wanted := slices.DeleteFunc(s.options.companions(), func(c companion) bool { return c.text == "" })
	_ = s.removeCompanions(ctx, wanted) // why the unit could not be made is told
	s.removeEmptyFolders()
}

func (s *systemd) replace(ctx context.Context) error {
	if err := writeUnit(s.path(), s.options.unit()); err != nil {
		return s.cannotWrite(err)
	}
	if err := s.enable(ctx); err != nil {
		return err
	}
	return s.systemctl(ctx, "try-restart", unitName).err
}

func (s *systemd) enable(ctx context.Context) error {
	if err := s.systemctl(ctx, "daemon-reload").err; err != nil {
		return err
	}
	return s.systemctl(ctx, "enable", unitName).err
}

// confirm makes sure that systemd has the very unit that was written: it would
// not if it looks for units elsewhere.
func (s *systemd) confirm(ctx context.Context) error {
	state, err := s.show(ctx)
	if err != nil {
		return err
	}
	if state["FragmentPath"] == s.path() {
		return nil
	}
	return s.elsewhere()
}

func (s *systemd) elsewhere() error {
	return sysexits.Errorf(sysexits.OSErr, "compare HOME and XDG_CONFIG_HOME with those in: systemctl --user show-environment",
		"systemd does not look for services in %s, which is the folder for them below HOME", s.folder)
}

func (s *systemd) uninstall(ctx context.Context) (Change, error) {
	if err := s.ready(ctx, "uninstall"); err != nil {
		return "", err
	}
	found, err := s.find(ctx)
	if err != nil {
		return "", err
	}
	beside, err := s.stopCompanions(ctx)
	if err != nil {
		return "", err
	}
	if found == nothing && len(beside) == 0 {
		return s.dismissPackaged(ctx)
	}
	if found != nothing {
		if err := s.dismiss(ctx); err != nil {
			return "", err
		}
	}
	if err := s.removeCompanions(ctx, beside); err != nil {
		return "", err
	}
	s.removeEmptyFolders()
	if !s.options.User {
		return Removed, s.options.clearMachine(ctx)
	}
	return Removed, nil
}

// dismiss stops the service and takes its unit away.
func (s *systemd) dismiss(ctx context.Context) error {
	if err := s.systemctl(ctx, "stop", unitName).err; err != nil {
		return err
	}
	if err := s.service.Uninstall(); err != nil {
		// Once more, by steps that say why they fail.
		if err := s.systemctl(ctx, "disable", unitName).err; err != nil {
			return err
		}
		if err := os.Remove(s.path()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return s.cannotWrite(err)
		}
		if err := s.systemctl(ctx, "daemon-reload").err; err != nil {
			return err
		}
	}
	// A unit that has failed is remembered, also without its file; one that has
	// not cannot be forgotten.
	_ = s.systemctl(ctx, "reset-failed", unitName)
	return nil
}

// removeEmptyFolders takes away the folders that Install had to make, unless
// something else is in them by now.
func (s *systemd) removeEmptyFolders() {
	dirs := []string{filepath.Join(s.folder, "paths.target.wants"), filepath.Join(s.folder, "sockets.target.wants")}
	if s.options.User {
		dirs = append(dirs, filepath.Join(s.folder, "default.target.wants"), s.folder, filepath.Dir(s.folder))
	}
	for _, dir := range dirs {
		removeEmpty(dir)
	}
}

func (s *systemd) start(ctx context.Context) error {
	if err := s.mustBeInstalled(ctx, "start"); err != nil {
		return err
	}
	state, err := s.show(ctx)
	if err != nil {
		return err
	}
	// One that failed too often would not be started again for a while.
	_ = s.systemctl(ctx, "reset-failed", unitName)
	if err := s.startCompanions(ctx); err != nil {
		return err
	}
	if strings.HasPrefix(state["SubState"], "auto-restart") {
		// A start would wait for the end of RestartSec.
		return s.do(ctx, "restart", s.service.Restart)
	}
	return s.do(ctx, "start", s.service.Start)
}

func (s *systemd) stop(ctx context.Context) error {
	if err := s.mustBeInstalled(ctx, "stop"); err != nil {
		return err
	}
	// Else mail would start it again at once.
	if _, err := s.stopCompanions(ctx); err != nil {
		return err
	}
	return s.do(ctx, "stop", s.service.Stop)
}

// do asks kardianos/service, and where that fails, systemctl for the reason.
func (s *systemd) do(ctx context.Context, action string, ask func() error) error {
	if err := ask(); err == nil {
		return nil
	}
	err := s.systemctl(ctx, action, unitName).err
	if err == nil || action == "stop" {
		return err
	}
	// It says no more than that the program has failed.
	if state, showErr := s.show(ctx); showErr == nil && state["ExecMainStatus"] != "0" {
		return sysexits.Errorf(sysexits.Unavailable, "to see why, type: "+s.journal(), "the agent does not start: %s", ending(state))
	}
	return err
}

func (s *systemd) mustBeInstalled(ctx context.Context, command string) error {
	if err := s.ready(ctx, command); err != nil {
		return err
	}
	found, err := s.find(ctx)
	if err == nil && found == nothing && !s.packaged() {
		err = s.options.notInstalled()
	}
	return err
}

// ready says whether systemctl can be asked at all. command is what the person
// typed.
func (s *systemd) ready(ctx context.Context, command string) error {
	if err := s.session.before(s.options, command); err != nil {
		return err
	}
	probe := s.systemctl(ctx, "show", "--property=Version")
	if probe.err == nil || !s.options.User || ctx.Err() != nil {
		return probe.err
	}
	return s.session.after(s.options, command, probe.says)
}

// find says which unit is in the place of ours, and refuses one that is not.
func (s *systemd) find(ctx context.Context) (unitState, error) {
	found, err := readUnit(s.path(), s.options.unit())
	if err != nil {
		return found, s.cannotRead(err)
	}
	switch found {
	case empty:
		// Left by an installation that was broken off; nobody's work is in it.
		if err := os.Remove(s.path()); err != nil {
			return found, s.cannotWrite(err)
		}
		return nothing, s.systemctl(ctx, "daemon-reload").err
	case masked:
		return found, sysexits.Errorf(sysexits.CantCreat, "type: "+s.typed("unmask "+Name)+"; then: "+s.options.Command("install"),
			"the service is masked, which means that it must not be started")
	case foreign:
		return found, sysexits.Errorf(sysexits.CantCreat, "look at it, then move it away or keep it: "+s.typed("cat "+Name),
			"%s was not made by mailcrane service install and is left alone", s.path())
	case nothing:
		state, err := s.show(ctx)
		if err != nil {
			return found, err
		}
		if path := state["FragmentPath"]; path != "" && path != s.path() && exists(path) && !s.packaged() {
			return found, sysexits.Errorf(sysexits.CantCreat, "to use that one, type: "+s.typed("enable --now "+Name),
				"this machine has a service called %s already, from %s", Name, path)
		}
	}
	return found, nil
}

// typed is a systemctl command for a person to type.
func (s *systemd) typed(command string) string {
	if s.options.User {
		return "systemctl --user " + command
	}
	return "sudo systemctl " + command
}

func (s *systemd) cannotWrite(err error) error {
	return sysexits.Errorf(sysexits.CantCreat, "see who owns it: ls -ld "+s.folder, "cannot write the service's unit: %w", err)
}

func (s *systemd) cannotRead(err error) error {
	return sysexits.Errorf(sysexits.NoInput, "see who owns it: ls -l "+s.path(), "cannot read the service's unit: %w", err)
}

// exists says that a unit is there and is not masked.
func exists(path string) bool { return isThere(path) && !strings.HasSuffix(path, "/null") }
