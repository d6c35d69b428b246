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
	// path is the unit that starts the service when mail comes; nil where there is none.
	path map[string]string
}

// properties are those that are asked for.
const properties = "LoadState,ActiveState,SubState,FragmentPath,DropInPaths,UnitFileState,NeedDaemonReload,MainPID,Result,ExecMainStatus,ExecStart," +
	"User,DynamicUser,ProtectHome,PrivateTmp,ProtectSystem,ReadWritePaths"

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
	u := &unit{property: propertiesIn(said), system: c.System}
	if said, err := c.systemctl(ctx, "show", "mailcrane.path", "--property=LoadState,ActiveState,UnitFileState"); err == nil {
		if path := propertiesIn(said); path["LoadState"] == "loaded" {
			u.path = path
		}
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
	if state := u.property["LoadState"]; state != "" && state != "not-found" {
		c.unit = u
	}
}

// propertiesIn are those that systemctl show prints; one that comes twice is a line
// each.
func propertiesIn(said string) map[string]string {
	all := make(map[string]string)
	for entry := range strings.Lines(said) {
		key, value, _ := strings.Cut(strings.TrimSpace(entry), "=")
		if before := all[key]; before != "" {
			value = before + "\n" + value
		}
		all[key] = value
	}
	return all
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
	if !c.unitLoads() {
		return
	}
	c.unitFile()
	c.unitRuns()
	c.unitPath()
}

// unitLoads says whether systemd can do anything with the unit.
func (c *checker) unitLoads() bool {
	switch state := c.unit.property["LoadState"]; state {
	case "loaded":
		return true
	case "masked":
		c.tell(Finding{
			ID: "service-masked", State: Warning, What: "the service is masked: somebody has said that it must not be started", Why: "mail leaves only when somebody says so",
			Command: c.systemctlLine("unmask mailcrane") + " && " + c.serviceCall("install") + " && " + c.serviceCall("start"),
		})
	default:
		c.tell(Finding{
			ID: "service-unit", State: Broken, What: "systemd cannot use the unit " + line(c.unit.property["FragmentPath"]) + " (" + line(state) + ")", Why: "the service does not start",
			Command: c.verifyLine(),
		})
	}
	return false
}

// verifyLine is what says why a unit cannot be used.
func (c *checker) verifyLine() string {
	if c.System {
		return "systemd-analyze verify mailcrane.service"
	}
	return "systemd-analyze --user verify mailcrane.service"
}

// unitPath is about what starts an agent that ends when it is idle.
func (c *checker) unitPath() {
	path := c.unit.path
	ends := strings.Contains(c.unit.property["ExecStart"], " --idle-exit ")
	f := Finding{ID: "service-path", State: Warning, Why: "the service ends when nothing is queued, and mail that is queued then waits until somebody starts it"}
	switch {
	case !ends:
		return
	case path == nil:
		f.What, f.Command = "there is no mailcrane.path, which starts the service when mail comes", c.serviceCall("install")
	case path["ActiveState"] != "active" && c.unit.property["ActiveState"] == "active":
		f.What, f.Command = "mailcrane.path, which starts the service when mail comes, is not at work", c.serviceCall("restart")
	case path["UnitFileState"] == "disabled":
		f.What, f.Command = "mailcrane.path, which starts the service when mail comes, is not started by itself", c.systemctlLine("enable mailcrane.path")
	default:
		return
	}
	c.tell(f)
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
	c.unitConfig()
	if !c.System && !c.unit.lingers {
		c.tell(Finding{
			ID: "service-session", State: Note, What: "the service runs while you are logged in",
			Why: "mail of cron and at waits until then", Command: "loginctl enable-linger",
		})
	}
}

// unitConfig says whether the service reads the configuration that is looked at.
func (c *checker) unitConfig() {
	own := c.File
	if path, err := filepath.Abs(own); err == nil {
		own = path
	}
	_, rest, named := strings.Cut(c.unit.property["ExecStart"], " --config ")
	reads, _, _ := strings.Cut(rest, " ")
	if !named || reads == own || reads == "" {
		return
	}
	doctor := "mailcrane --config " + shell(reads) + " doctor"
	if c.System {
		doctor = c.sudo(doctor + " --system")
	}
	c.tell(Finding{
		ID: "service-configuration", State: Warning, What: fmt.Sprintf("the service reads %s, and not %s", reads, own), Why: "what is found here is not what it works by",
		Mend: "look at that one, with the command; or have the service read this one: " + c.serviceCall("install"), Command: doctor,
	})
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
		c.fine("service", "the service runs, process "+u["MainPID"])
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
	case u["ActiveState"] == "activating", u["ActiveState"] == "deactivating", u["ActiveState"] == "reloading":
		c.tell(Finding{ID: "service", State: Note, What: "the service is just being started or stopped", Why: "look again in a moment; if it stays so, the journal says why", Command: journal})
	case c.unit.path["ActiveState"] == "active":
		c.fine("service", "the service is idle: nothing is queued, and mail starts it")
	default:
		c.tell(Finding{ID: "service-stopped", State: Warning, What: "the service does not run", Why: "mail leaves only when somebody says so", Command: c.serviceCall("start")})
	}
}
