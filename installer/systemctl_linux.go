package installer

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"time"

	"mailcrane/internal/sysexits"
)

// An answer is what systemctl said.
type answer struct {
	out  string
	says string // its first complaint, for an error's sentence
	err  error
}

// systemctlTime is longer than a stop may take by the unit's TimeoutStopSec.
const systemctlTime = time.Minute

func (s *systemd) systemctl(ctx context.Context, args ...string) answer {
	ctx, cancel := context.WithTimeout(ctx, systemctlTime)
	defer cancel()
	all := append([]string{"--no-pager", "--no-ask-password"}, args...)
	if s.options.User {
		all = append([]string{"--user"}, all...)
	}
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, "systemctl", all...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "SYSTEMD_COLORS=0") // status reads what it prints
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if err == nil {
		return answer{out: out.String()}
	}
	says, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
	if says == "" || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		says = errors.Join(ctx.Err(), err).Error()
	}
	return answer{out.String(), says, sysexits.Errorf(sysexits.OSErr, "to see why, type: "+s.journal(),
		"systemctl %s: %s: %w", args[0], says, err)}
}

// show is what systemd knows of the service.
func (s *systemd) show(ctx context.Context) (map[string]string, error) {
	a := s.systemctl(ctx, "show", unitName, "--property=LoadState,ActiveState,SubState,FragmentPath,UnitFileState,"+
		"MainPID,ActiveEnterTimestamp,ExecMainCode,ExecMainStatus,Result")
	if a.err != nil {
		return nil, a.err
	}
	state := map[string]string{}
	for line := range strings.Lines(a.out) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			state[key] = value
		}
	}
	return state, nil
}

// journal is what a person types to read what the agent has logged. Asked for
// a unit, the journal may leave out the last words of a process that ended at
// once: it was gone before the journal could see whose it was.
func (s *systemd) journal() string {
	if s.options.User {
		return "journalctl --user -t " + Name + " -e"
	}
	return "sudo journalctl -t " + Name + " -e"
}
