package installer

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"mailcrane/internal/sysexits"
)

func (s *systemd) placeOf(c companion) string {
	if c.isUnit() {
		return filepath.Join(s.folder, c.name)
	}
	return filepath.Join(c.dir, c.name)
}

// putCompanions writes what is wanted beside the unit and takes away what is
// not any more; changed says that there was anything to do.
func (s *systemd) putCompanions(ctx context.Context) (changed bool, err error) {
	all := s.options.companions()
	states := make([]unitState, len(all))
	for i, c := range all { // all of them are looked at before any is written
		if states[i], err = readUnit(s.placeOf(c), c.text); err != nil {
			return false, s.cannotRead(err)
		}
		if states[i] == foreign || states[i] == masked {
			return false, sysexits.Errorf(sysexits.CantCreat, "look at it, then move it away: "+s.placeOf(c),
				"%s was not made by mailcrane service install and is left alone", s.placeOf(c))
		}
	}
	for i, c := range all {
		switch {
		case c.text == "" && states[i] == nothing, c.text != "" && states[i] == same:
			continue
		case c.text == "":
			err = s.removeCompanions(ctx, []companion{c})
		default:
			err = s.put(c)
		}
		if err != nil {
			return changed, err
		}
		changed = true
	}
	if s.options.User {
		return changed, nil
	}
	return changed, s.prepareMachine(ctx)
}

func (s *systemd) put(c companion) error {
	path := s.placeOf(c)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = writeUnit(path, c.text)
	}
	if err != nil {
		return s.cannotWrite(err)
	}
	return nil
}

// prepareMachine makes the user and the directories of the machine's service.
func (s *systemd) prepareMachine(ctx context.Context) error {
	if err := systemTool(ctx, "systemd-sysusers", "--inline", account); err != nil {
		return err
	}
	if s.options.tmpfiles() == "" {
		return nil
	}
	return systemTool(ctx, "systemd-tmpfiles", "--create", Name+".conf")
}

func systemTool(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, systemctlTime)
	defer cancel()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return sysexits.Errorf(sysexits.OSErr, "mend that, then type: "+Options{}.Command("install"), "%s: %w: %.300q", name, err, out)
	}
	return nil
}

// enableCompanions has them started with the session or the machine, and now
// where the service has been at work.
func (s *systemd) enableCompanions(ctx context.Context, ran bool) error {
	for _, c := range s.options.companions() {
		if !c.isUnit() || c.asked || c.text == "" {
			continue
		}
		if err := s.systemctl(ctx, "enable", c.name).err; err != nil {
			return err
		}
	}
	if !ran {
		return nil
	}
	return s.startCompanions(ctx)
}

func (s *systemd) startCompanions(ctx context.Context) error {
	for _, c := range s.options.companions() {
		if !c.isUnit() || c.asked || !exists(s.placeOf(c)) && !s.hasPackaged(c) {
			continue
		}
		_ = s.systemctl(ctx, "reset-failed", c.name)
		if err := s.startCompanion(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// startCompanion starts a path or socket. A service that runs already has
// opened the listeners itself, so that a socket waits for its end.
func (s *systemd) startCompanion(ctx context.Context, c companion) error {
	a := s.systemctl(ctx, "start", c.name)
	if a.err == nil {
		return nil
	}
	if err := s.systemctl(ctx, "stop", unitName).err; err != nil {
		return err
	}
	return s.systemctl(ctx, "start", c.name).err
}

// stopCompanions stops those that are there and ours, and returns them.
func (s *systemd) stopCompanions(ctx context.Context) ([]companion, error) {
	var all []companion
	for _, c := range s.options.companions() {
		state, err := readUnit(s.placeOf(c), c.text)
		if err != nil {
			return nil, s.cannotRead(err)
		}
		if state == same || state == other {
			all = append(all, c)
		} else if !s.hasPackaged(c) {
			continue
		}
		if !c.isUnit() {
			continue
		}
		if a := s.systemctl(ctx, "stop", c.name); a.err != nil && exists(s.placeOf(c)) {
			return nil, a.err
		}
	}
	return all, nil
}

// removeCompanions takes away files of ours.
func (s *systemd) removeCompanions(ctx context.Context, all []companion) error {
	for _, c := range all {
		if c.isUnit() {
			_ = s.systemctl(ctx, "disable", "--now", c.name) // whether it worked is seen below
		}
		if err := os.Remove(s.placeOf(c)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return s.cannotWrite(err)
		}
	}
	if len(all) == 0 {
		return nil
	}
	if err := s.systemctl(ctx, "daemon-reload").err; err != nil {
		return err
	}
	for _, c := range all {
		if c.isUnit() {
			_ = s.systemctl(ctx, "reset-failed", c.name) // one that has not failed cannot be forgotten
		}
	}
	return nil
}

// waits says that mail starts the service.
func (s *systemd) waits(ctx context.Context) bool {
	return s.systemctl(ctx, "is-active", "--quiet", pathName).err == nil
}
