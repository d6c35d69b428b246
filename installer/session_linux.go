package installer

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"mailcrane/internal/sysexits"
)

// A session is what decides whether systemctl --user can work.
type session struct {
	uid    int
	name   string // of the user; "" where it is not known
	getenv func(string) string
	run    string // /run/user
}

// before says what is wrong although systemctl might do something: it would do
// it for another user. command is what the person typed.
func (s session) before(o Options, command string) error {
	if !o.User {
		if s.uid != 0 {
			return sysexits.Errorf(sysexits.NoPerm, "type: "+o.Command(command), "only root may change the machine's services")
		}
		return nil
	}
	if s.uid == 0 && s.getenv("SUDO_USER") != "" && s.getenv("SUDO_USER") != "root" {
		return sysexits.Errorf(sysexits.Usage, "for yourself, type: "+o.Command(command)+"; for the whole machine: sudo "+o.Command(command)+" --system",
			"sudo would make it root's own service, not yours")
	}
	dir := s.getenv("XDG_RUNTIME_DIR")
	if owner, ok := ownerOf(dir); ok && owner != s.uid {
		return sysexits.Errorf(sysexits.Unavailable, s.mend(o, command),
			"XDG_RUNTIME_DIR is %s, the session of another user, as happens after su", dir)
	}
	return nil
}

// after explains why systemctl --user has failed with what it says.
func (s session) after(o Options, command, says string) error {
	_, there := ownerOf(s.own())
	switch {
	case !there:
		return sysexits.Errorf(sysexits.Unavailable, s.mend(o, command),
			"systemd keeps no services for you: you have no session of yours on this machine (%s)", says)
	case s.getenv("XDG_RUNTIME_DIR") != s.own():
		return sysexits.Errorf(sysexits.Unavailable, s.mend(o, command),
			"XDG_RUNTIME_DIR does not lead to your session, as happens after su, sudo and in cron (%s)", says)
	}
	return sysexits.Errorf(sysexits.Unavailable, "to see why, type: systemctl status user@"+strconv.Itoa(s.uid)+"; meanwhile: mailcrane agent",
		"systemd keeps your services but does not answer (%s)", says)
}

// mend is what gets the person a session and does what was asked.
func (s session) mend(o Options, command string) string {
	again := "XDG_RUNTIME_DIR=" + s.own() + " " + o.Command(command)
	if _, there := ownerOf(s.own()); there {
		return "type: " + again
	}
	name := s.name
	if name == "" {
		name = strconv.Itoa(s.uid)
	}
	return "log in as that user, or type: sudo loginctl enable-linger " + name + "; then: " + again
}

func (s session) own() string { return filepath.Join(s.run, strconv.Itoa(s.uid)) }

func ownerOf(dir string) (uid int, ok bool) {
	info, err := os.Stat(dir)
	if err != nil {
		return 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}
