package checkup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A unit is our service as systemd knows it.
type unit struct {
	property map[string]string
	system   bool
	// lingers: the user's services run without a log-in.
	lingers bool
	// version is systemd's, 0 where it does not say.
	version     int
	credentials []loaded
}

// properties are those that are asked for.
const properties = "LoadState,ActiveState,SubState,FragmentPath,DropInPaths,UnitFileState,NeedDaemonReload,MainPID,Result,ExecMainStatus,ExecStart," +
	"User,DynamicUser,ProtectHome,PrivateTmp"

// booted says that systemd runs this machine (sd_booted(3)).
func (c *checker) booted() bool {
	_, err := os.Stat(filepath.Join(c.Root, "/run/systemd/system"))
	return err == nil
}

// askUnit asks systemd for the service, where there is one.
func (c *checker) askUnit(ctx context.Context) {
	if !c.booted() {
		return
	}
	said, err := c.systemctl(ctx, "show", "mailcrane.service", "--property="+properties)
	if err != nil {
		return
	}
	u := &unit{property: make(map[string]string), system: c.System}
	for entry := range strings.Lines(said) {
		key, value, _ := strings.Cut(strings.TrimSpace(entry), "=")
		if before := u.property[key]; before != "" {
			value = before + "\n" + value
		}
		u.property[key] = value
	}
	if _, err := os.Stat(filepath.Join(c.Root, "/var/lib/systemd/linger", c.User)); err == nil && c.User != "" {
		u.lingers = true
	}
	if said, err := c.Exec(ctx, "systemctl", "--version"); err == nil {
		if words := strings.Fields(said); len(words) > 1 {
			u.version, _ = strconv.Atoi(words[1]) // 0: not known
		}
	}
	if text, err := c.systemctl(ctx, "cat", "mailcrane.service"); err == nil {
		u.credentials = credentialsIn(text)
	}
	if u.property["LoadState"] == "loaded" {
		c.unit = u
	}
}

func (c *checker) systemctl(ctx context.Context, args ...string) (string, error) {
	if !c.System {
		args = append([]string{"--user"}, args...)
	}
	return c.Exec(ctx, "systemctl", args...)
}

// serviceCall is what a person types for an action on the service.
func (c *checker) serviceCall(action string) string {
	if c.System {
		return c.sudo(c.Call + " service " + action + " --system")
	}
	return c.Call + " service " + action
}

// service says whether the agent is started with the machine or the session.
func (c *checker) service(ctx context.Context) {
	switch {
	case !c.booted():
		c.tell(Finding{ID: "service", State: Note, What: "this machine was not started by systemd", Mend: "see whether the service runs with: " + c.serviceCall("status")})
		return
	case c.unit == nil:
		f := Finding{
			ID: "service-missing", State: Warning, What: "mailcrane is no service here",
			Why: "no agent is started with the session, and mail leaves only when somebody says so", Command: c.serviceCall("install") + " && " + c.serviceCall("start"),
		}
		if _, err := c.systemctl(ctx, "show-environment"); err != nil && !c.System {
			f.ID, f.What, f.Why = "service-unknown", "systemd keeps no services for you here", "there is no session of yours, as after su, and in cron"
			f.Command = c.sudo("loginctl enable-linger " + shell(c.User))
		}
		c.tell(f)
		return
	}
	c.unitFile()
	c.unitRuns()
}

// unitFile is about what systemd was told.
func (c *checker) unitFile() {
	u := c.unit.property
	if u["NeedDaemonReload"] == "yes" {
		c.tell(Finding{
			ID: "service-changed", State: Warning, What: "the unit was changed since systemd read it", Why: "systemd works by the one before",
			Command: c.systemctlLine("daemon-reload") + " && " + c.systemctlLine("restart mailcrane"),
		})
	}
	if state := u["UnitFileState"]; state == "disabled" {
		c.tell(Finding{
			ID: "service-disabled", State: Warning, What: "the service is not started by itself", Why: "after the next start of the machine or the session mail waits until somebody starts it",
			Command: c.systemctlLine("enable mailcrane"),
		})
	}
	program := programIn(u["ExecStart"])
	if _, err := os.Stat(filepath.Join(c.Root, program)); program != "" && err != nil {
		c.tell(Finding{
			ID: "service-program", State: Broken, What: "the service is to run " + program + ", which is not there", Why: "the program was moved or removed",
			Command: c.serviceCall("install") + " && " + c.serviceCall("start"),
		})
	} else if own, resolved := resolve(c.Program), resolve(program); program != "" && own != resolved {
		c.tell(Finding{
			ID: "service-program", State: Note, What: fmt.Sprintf("the service runs %s, and this is %s", program, c.Program), Why: "the two may be of different versions",
			Command: c.serviceCall("install"),
		})
	}
	if !c.System && !c.unit.lingers {
		c.tell(Finding{
			ID: "service-session", State: Note, What: "the service runs while you are logged in",
			Why: "mail of cron and at waits until then", Command: "loginctl enable-linger",
		})
	}
}

func resolve(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	return path
}

// programIn is the path in "{ path=/usr/bin/mailcrane ; argv[]=… }".
func programIn(execStart string) string {
	_, rest, _ := strings.Cut(execStart, "path=")
	program, _, _ := strings.Cut(rest, " ;")
	return program
}

func (c *checker) systemctlLine(action string) string {
	if c.System {
		return c.sudo("systemctl " + action)
	}
	return "systemctl --user " + action
}

// unitRuns is about the process.
func (c *checker) unitRuns() {
	u := c.unit.property
	journal := "journalctl --user -t mailcrane -e"
	if c.System {
		journal = c.sudo("journalctl -t mailcrane -e")
	}
	const credentials = "243" // EXIT_CREDENTIALS of systemd.exec(5)
	switch {
	case u["ActiveState"] == "active":
		c.runsOld()
	case u["ExecMainStatus"] == credentials:
		c.tell(Finding{
			ID: "service-credential", State: Broken, What: "the service does not start: systemd could not give it its credentials", Why: "a file is not there, or was encrypted on another machine",
			Mend: "see which one, with the command", Command: journal,
		})
	case u["ActiveState"] == "failed", u["SubState"] == "auto-restart":
		c.tell(Finding{
			ID: "service-failed", State: Broken, What: "the service has ended with an error (" + line(u["Result"]) + ", exit code " + line(u["ExecMainStatus"]) + ")",
			Why: "the journal says why", Command: journal,
		})
	default:
		c.tell(Finding{ID: "service-stopped", State: Warning, What: "the service does not run", Why: "mail leaves only when somebody says so", Command: c.serviceCall("start")})
	}
}

// runsOld: the program's file was replaced under the process.
func (c *checker) runsOld() {
	program, err := os.Readlink(filepath.Join(c.Root, "/proc", c.unit.property["MainPID"], "exe"))
	if err == nil && strings.HasSuffix(program, " (deleted)") {
		c.tell(Finding{
			ID: "service-old", State: Warning, What: "the service runs a mailcrane that was replaced on the disk since", Why: "what the new one mends does not work yet",
			Command: c.systemctlLine("restart mailcrane"),
		})
		return
	}
	c.fine("service", "the service runs, process "+c.unit.property["MainPID"])
}
