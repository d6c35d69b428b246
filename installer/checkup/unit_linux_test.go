package checkup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// byUnit is a machine that systemd has booted, whose unit has these properties
// beside those of one that is well; and the agent that it runs.
func byUnit(t *testing.T, properties string) *world {
	t.Helper()
	w := newWorld(t)
	w.made(os.MkdirAll(filepath.Join(w.root, "run/systemd/system"), 0o755))
	w.made(os.MkdirAll(filepath.Join(w.root, "var/lib/systemd/linger"), 0o755))
	program := filepath.Join(programs(), "mailcrane")
	w.made(os.MkdirAll(filepath.Join(w.root, filepath.Dir(program)), 0o755))
	w.made(os.Symlink(program, filepath.Join(w.root, program)))
	w.said = map[string]string{
		"show mailcrane.service": "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nMainPID=1\nExecMainStatus=0\n" +
			"ExecStart={ path=" + program + " ; argv[]=" + program + " agent --idle-exit 30s ; ignore_errors=no }\n" + properties,
		"show mailcrane.path": "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n",
		"cat":                 "[Service]\n",
		"--version":           "systemd 252 (252.1)\n",
		"show-environment":    "",
	}
	return w
}

// systemctl answers in systemd's place. What is said twice of a property is as it
// was said last.
func (w *world) systemctl(args []string) (string, error) {
	command := strings.Join(slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "--user" }), " ")
	for begins, said := range w.said {
		if !strings.HasPrefix(command, begins) {
			continue
		}
		last := make(map[string]string)
		for key, value := range propertiesIn(said) {
			last[key] = value[strings.LastIndexByte(value, '\n')+1:]
		}
		if !strings.HasPrefix(begins, "show mailcrane") {
			return said, nil
		}
		var text strings.Builder
		for key, value := range last {
			text.WriteString(key + "=" + value + "\n")
		}
		return text.String(), nil
	}
	return "", errors.New("systemd does not know that")
}

func TestTheServiceIsFoundAsItIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why, properties, path string
		agent                 *Agent
		id                    string
		state                 State
		says, command         string
	}{
		{why: "it runs", agent: &Agent{PID: 1}, id: "service", state: OK, says: "process 1"},
		{why: "it is idle, and mail starts it", properties: "ActiveState=inactive\n", id: "service", state: OK, says: "idle"},
		{
			why: "nothing would start it", properties: "ActiveState=inactive\n", path: "ActiveState=inactive\n",
			id: "service-stopped", state: Warning, says: "does not run", command: "mailcrane service start",
		},
		{
			why: "nothing would start it once it has ended", path: "ActiveState=failed\n", agent: &Agent{PID: 1},
			id: "service-path", state: Warning, says: "not at work", command: "mailcrane service restart",
		},
		{
			why: "what starts it is not started with the session", path: "UnitFileState=disabled\n", agent: &Agent{PID: 1},
			id: "service-path", state: Warning, says: "not started by itself", command: "systemctl --user enable mailcrane.path",
		},
		{
			why: "somebody has taken away what starts it", path: "LoadState=not-found\n", agent: &Agent{PID: 1},
			id: "service-path", state: Warning, says: "no mailcrane.path", command: "mailcrane service install",
		},
		{
			why: "masked", properties: "LoadState=masked\nActiveState=inactive\n",
			id: "service-masked", state: Warning, says: "masked", command: "systemctl --user unmask mailcrane && mailcrane service install && mailcrane service start",
		},
		{
			why: "a unit that systemd cannot read", properties: "LoadState=bad-setting\nActiveState=inactive\nFragmentPath=/home/me/.config/x\n",
			id: "service-unit", state: Broken, says: "/home/me/.config/x", command: "systemd-analyze --user verify mailcrane.service",
		},
		{
			why: "no unit", properties: "LoadState=not-found\n",
			id: "service-missing", state: Warning, says: "no service", command: "mailcrane service install && mailcrane service start",
		},
		{
			why: "disabled", properties: "UnitFileState=disabled\n", agent: &Agent{PID: 1},
			id: "service-disabled", state: Warning, says: "by itself", command: "systemctl --user enable mailcrane",
		},
		{
			why: "the unit was edited", properties: "NeedDaemonReload=yes\n", agent: &Agent{PID: 1},
			id: "service-changed", state: Warning, says: "since systemd read it", command: "systemctl --user daemon-reload && systemctl --user restart mailcrane",
		},
		{
			why: "it failed", properties: "ActiveState=failed\nResult=exit-code\nExecMainStatus=78\n",
			id: "service-failed", state: Broken, says: "exit code 78", command: "journalctl --user -t mailcrane -e",
		},
		{
			why: "a credential that systemd could not give", properties: "ActiveState=failed\nResult=exit-code\nExecMainStatus=243\n",
			id: "service-credential", state: Broken, says: "credentials", command: "journalctl --user -t mailcrane -e",
		},
		{
			why: "it is being started", properties: "ActiveState=activating\nSubState=start\n", agent: &Agent{PID: 1},
			id: "service", state: Note, says: "just being started", command: "journalctl --user -t mailcrane -e",
		},
		{
			why: "its program is gone", properties: "ExecStart={ path=/gone/mailcrane ; argv[]=/gone/mailcrane agent ; }\n", agent: &Agent{PID: 1},
			id: "service-program", state: Broken, says: "/gone/mailcrane", command: "mailcrane service install && mailcrane service start",
		},
		{
			why: "it reads another configuration", properties: "ExecStart={ path=PROGRAM ; argv[]=PROGRAM agent --config /other.toml --idle-exit 30s ; }\n", agent: &Agent{PID: 1},
			id: "service-configuration", state: Warning, says: "/other.toml", command: "mailcrane --config /other.toml doctor",
		},
		{
			why: "its program was replaced", agent: &Agent{PID: 1, Replaced: true},
			id: "agent-old", state: Warning, says: "replaced on the disk", command: "mailcrane service restart",
		},
		{
			why: "an agent that is no service was replaced", properties: "LoadState=not-found\n", agent: &Agent{PID: 1, Replaced: true},
			id: "agent-old", state: Warning, says: "replaced on the disk", command: "",
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			w := byUnit(t, strings.ReplaceAll(c.properties, "PROGRAM", filepath.Join(programs(), "mailcrane")))
			w.said["show mailcrane.path"] += c.path
			w.agent, w.offline = c.agent, true
			all := w.look()
			f := of(all, c.id)
			if f.State != c.state || !strings.Contains(f.What, c.says) || f.Command != c.command || c.command == "" && c.state != OK && f.Mend == "" {
				t.Errorf("found %+v\nof %+v", f, all)
			}
			for _, other := range worst(all) {
				if other.ID != c.id && other.ID != "service-missing" {
					t.Errorf("and besides: %+v", other)
				}
			}
		})
	}
}

func TestASecretForAServiceOfAUser(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why, secret, unit, version string
		lingers, there             bool
		id                         string
		state                      State
		says, command              string
	}{
		{why: "the keyring of the session", secret: "keyring", id: "service-keyring", state: OK, says: "in your session"},
		{why: "the keyring at boot", secret: "keyring", lingers: true, id: "service-keyring", state: Warning, says: "before you log in", command: "(umask 077; cat > CONFIG/work.password) && "},
		{
			why: "a plain credential whose file is missing", secret: "credential:c", unit: "LoadCredential=c:/there/c",
			id: "service-credential", state: Broken, says: "/there/c, is not there", command: "cat > /there/c",
		},
		{why: "a plain credential", secret: "credential:c", unit: "LoadCredential=c:/there/c", there: true, id: "service-credential", state: OK, says: "loads"},
		{
			why: "an encrypted one before systemd 256", secret: "credential:c", unit: "LoadCredentialEncrypted=c:/there/c", there: true,
			id: "service-credential", state: Broken, says: "this systemd (252) gives a user's service no encrypted credentials", command: "work.password",
		},
		{why: "an encrypted one from systemd 256 on", secret: "credential:c", unit: "LoadCredentialEncrypted=c:/there/c", there: true, version: "systemd 256 (256.1)\n", id: "service-credential", state: OK, says: "loads"},
		{why: "one that stands in the unit", secret: "credential:c", unit: "SetCredentialEncrypted=c: \\\n  WqS", id: "service-credential", state: OK, says: "loads"},
		{why: "a command that asks, at boot", secret: "command:pass show mail", lingers: true, id: "service-command", state: Warning, says: "pass", command: "work.password"},
		{why: "a command that asks, in a session", secret: "command:pass show mail", id: "service-command", state: OK, says: "nobody to ask"},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			w := byUnit(t, "")
			w.offline = true
			w.replace("file:~/password", c.secret)
			w.said["cat"] += c.unit + "\n"
			if c.version != "" {
				w.said["--version"] = c.version
			}
			if c.lingers {
				w.write(filepath.Join(w.root, "var/lib/systemd/linger/me"), "")
			}
			if c.there {
				w.write(filepath.Join(w.root, "there/c"), password+"\n")
			}
			all := w.look()
			f := of(all, c.id)
			want := strings.ReplaceAll(c.command, "CONFIG", filepath.Dir(w.file))
			if f.State != c.state || !strings.Contains(f.What, c.says) || !strings.Contains(f.Command, want) {
				t.Errorf("found %+v", f)
			}
			if session := of(all, "service-session"); (session.ID == "") != c.lingers {
				t.Errorf("of the session: %+v", session)
			}
		})
	}
}
