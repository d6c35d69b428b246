package installer

import (
	"context"
	"path/filepath"
	"strconv"
	"syscall"

	"mailcrane/internal/sysexits"
)

func (s *systemd) status(ctx context.Context) (Status, error) {
	file, err := readUnit(s.path(), s.options.unit())
	if err != nil {
		return Status{}, s.cannotRead(err)
	}
	status := Status{Installed: file == same || file == other}
	if s.options.User { // anybody may ask for the machine's services
		if err := s.ready(ctx, "status"); err != nil {
			return status, err
		}
	}
	state, err := s.show(ctx)
	if err != nil {
		return status, err
	}
	// A package may have brought the unit, or somebody have written it.
	status.Installed = status.Installed || state["LoadState"] == "loaded"
	status.Running = state["ActiveState"] == "active"
	status.Waiting = status.Installed && state["ActiveState"] == "inactive" && s.waits(ctx)
	status.Detail = s.detail(status, file, state)
	return status, nil
}

// detail says it in words.
func (s *systemd) detail(status Status, file unitState, state map[string]string) string {
	text := s.activity(status, file, state)
	if !status.Installed {
		return text
	}
	if path := state["FragmentPath"]; file == nothing && path != "" {
		text += "; installed by others, in " + path
	}
	if state["UnitFileState"] == "disabled" {
		return text + "; it will not start by itself: " + s.options.Command("install")
	}
	if s.options.User && s.session.name != "" && !exists(filepath.Join("/var/lib/systemd/linger", s.session.name)) {
		text += "; while you are logged in (always: loginctl enable-linger)"
	}
	return text
}

func (s *systemd) activity(status Status, file unitState, state map[string]string) string {
	switch {
	case file == masked:
		return "masked: it must not be started; type: " + s.typed("unmask "+Name)
	case !status.Installed:
		return "not installed; type: " + s.options.Command("install")
	case status.Running:
		return "running since " + state["ActiveEnterTimestamp"] + ", process " + state["MainPID"]
	case state["ActiveState"] == "failed":
		return "given up, because " + ending(state) + "; to see why, type: " + s.journal()
	case state["SubState"] == "auto-restart":
		return "starts again in a few seconds, because " + ending(state) + "; to see why, type: " + s.journal()
	case status.Waiting:
		return "idle: nothing is queued, and mail starts it"
	case state["ActiveState"] == "inactive":
		return "stopped; type: " + s.options.Command("start")
	}
	return state["ActiveState"]
}

// ending says how the agent ended last.
func ending(state map[string]string) string {
	code, err := strconv.Atoi(state["ExecMainStatus"])
	if err != nil {
		return "of " + state["Result"]
	}
	const killed, dumped = "2", "3" // CLD_KILLED, CLD_DUMPED of waitid(2)
	if how := state["ExecMainCode"]; how == killed || how == dumped {
		return "it was killed (" + syscall.Signal(code).String() + ")"
	}
	switch code {
	case sysexits.Config:
		return "its configuration is wrong"
	case sysexits.Usage:
		return "it was called wrongly"
	case 203: // EXIT_EXEC of systemd.exec(5)
		return "its program cannot be run"
	}
	return "it ended with exit code " + strconv.Itoa(code)
}
