package installer

import (
	"context"
	"path/filepath"
)

// packaged says that a package has brought units of ours for the machine.
func (s *systemd) packaged() bool {
	state, err := readUnit(s.packagedPath(), s.options.unit())
	return err == nil && !s.options.User && (state == same || state == other)
}

func (s *systemd) packagedPath() string { return filepath.Join(packagedUnits, unitName) }

// hasPackaged says that the package has brought this one.
func (s *systemd) hasPackaged(c companion) bool { return s.packaged() && exists(c.packaged()) }

// packagedAlike says that they are what Install would write, so that nothing
// has to stand before them.
func (s *systemd) packagedAlike() bool {
	if s.options.User {
		return false
	}
	if state, err := readUnit(s.packagedPath(), s.options.unit()); err != nil || state != same {
		return false
	}
	for _, c := range s.options.companions() {
		state, err := readUnit(c.packaged(), c.text)
		if err != nil || c.text != "" && state != same || c.text == "" && state != nothing {
			return false
		}
		if isThere(s.placeOf(c)) {
			return false
		}
	}
	return true
}

func (s *systemd) enablePackaged(ctx context.Context) error {
	if err := s.prepareMachine(ctx); err != nil {
		return err
	}
	if err := s.enable(ctx); err != nil {
		return err
	}
	return s.enableCompanions(ctx, false)
}

// dismissPackaged turns off what a package has brought; its files are the
// package's to remove.
func (s *systemd) dismissPackaged(ctx context.Context) (Change, error) {
	if !s.packaged() {
		return Absent, nil
	}
	if err := s.systemctl(ctx, "disable", "--now", unitName).err; err != nil {
		return "", err
	}
	for _, c := range s.options.companions() {
		if c.isUnit() && !c.asked && s.hasPackaged(c) {
			if err := s.systemctl(ctx, "disable", c.name).err; err != nil {
				return "", err
			}
		}
	}
	return TurnedOff, nil
}
