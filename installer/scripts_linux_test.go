package installer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailcrane/internal/lab"
)

func TestScriptsAreThoseThatWereReviewed(t *testing.T) {
	o := Options{Program: "/usr/local/bin/mailcrane", Config: "/etc/it's {{mailcrane}}.toml"}
	busy := Options{Program: "/usr/local/bin/mailcrane", Needs: Needs{
		Spools: []string{"/var/spool/mailcrane/queue", "/srv/100% mail"}, Listen: []string{"127.0.0.1:2525", "unix:/run/mailcrane/own.sock"},
		Socket: "/run/mailcrane/submit.sock", Drop: "/var/spool/mailcrane/drop",
		Credentials: []Credential{{"smarthost", "/etc/credstore.encrypted/mailcrane.smarthost", true}},
	}}
	for name, text := range map[string]string{
		"agent.plist":    Options{Program: "/usr/local/bin/mailcrane", Config: "/Users/bob/it's <{{&}}>.toml", User: true}.launchd("/Users/bob"),
		"daemon.plist":   Options{Program: "/usr/local/bin/mailcrane"}.launchd("/var/root"),
		"mailcrane.sysv": o.sysv(), "mailcrane.openrc": o.openRC(),
		"busy.service": busy.unit(), "busy.path": busy.pathUnit(), "busy.socket": busy.socketUnit(),
		"busy-submit.socket": busy.submitUnit(), "busy.tmpfiles": busy.tmpfiles(),
	} {
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), text); diff != "" {
			t.Errorf("%s: reviewed -, made + (go test ./installer -update):\n%s", name, diff)
		}
		if (strings.HasPrefix(text, "#!") || strings.HasPrefix(text, "<?xml")) && strings.Contains(text, "{{") {
			t.Errorf("%s holds an action of kardianos/service's template", name)
		}
	}
}

func TestAShellReadsTheScripts(t *testing.T) {
	shell := lab.Client(t, "dash")
	o := Options{Program: "/opt/it's \"odd\" $HOME/mailcrane", Config: "/etc/`x`.toml"}
	for name, text := range map[string]string{"SysV": o.sysv(), "OpenRC": o.openRC()} {
		cmd := exec.Command(shell, "-n")
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// A reader that is not ours sees the words that launchd will.
//
// Coverage: init.
func TestThePropertyListsAreReadAsTheyAreMeant(t *testing.T) {
	python := lab.Client(t, "python3")
	const read = "import plistlib, sys, json; p = plistlib.loads(sys.stdin.buffer.read()); print(json.dumps(p, sort_keys=True))"
	for golden, want := range map[string]string{
		"agent.plist": `{"HardResourceLimits": {"Core": 0}, "KeepAlive": {"SuccessfulExit": false}, "Label": "mailcrane", "ProcessType": "Background", ` +
			`"ProgramArguments": ["/usr/local/bin/mailcrane", "agent", "--config", "/Users/bob/it's <{{&}}>.toml"], "RunAtLoad": true, ` +
			`"StandardErrorPath": "/Users/bob/Library/Logs/mailcrane.log", "Umask": 63}`,
		"daemon.plist": `{"EnvironmentVariables": {"HOME": "/var/lib/mailcrane"}, "HardResourceLimits": {"Core": 0}, "KeepAlive": {"SuccessfulExit": false}, ` +
			`"Label": "mailcrane", "ProcessType": "Background", "ProgramArguments": ["/usr/local/bin/mailcrane", "agent"], "RunAtLoad": true, ` +
			`"StandardErrorPath": "/var/log/mailcrane.log", "Umask": 63}`,
	} {
		cmd := exec.Command(python, "-c", read)
		cmd.Stdin = strings.NewReader(readFile(t, filepath.Join("testdata", golden)))
		out, err := cmd.CombinedOutput()
		if diff := cmp.Diff(want, strings.TrimSpace(string(out))); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", golden, err, diff)
		}
	}
}

// The script is run for real, with a program that stays as the agent does.
//
// Coverage: init.
func TestTheInitScriptStartsAndStops(t *testing.T) {
	lab.Client(t, "start-stop-daemon")
	if os.Getuid() != 0 {
		lab.Missing(t, "root", "sudo go test ./...")
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // it is run as another user
		t.Fatal(err)
	}
	program := filepath.Join(dir, "mail crane's")
	sleep, err := os.ReadFile(lab.Client(t, "sleep"))
	if err == nil {
		err = os.WriteFile(program, sleep, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	text := Options{Program: program}.sysv()
	for from, to := range map[string]string{"-- 'agent'": "-- 600", "/run/mailcrane.pid": dir + "/pid", "/var/log/mailcrane.log": dir + "/log", "/run/mailcrane ": dir + "/run ", "/run/mailcrane |": dir + "/run |", "mailcrane:mailcrane": "nobody:nogroup"} {
		text = strings.ReplaceAll(text, from, to)
	}
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command(script, "stop").Run() })
	for i, step := range []struct {
		action string
		code   int
		says   string
	}{
		{"status", 3, "Stopped"},
		{"stop", 0, ""},
		{"try-restart", 0, ""},
		{"status", 3, "Stopped"},
		{"start", 0, ""},
		{"start", 0, ""},
		{"status", 0, "Running"},
		{"restart", 0, ""},
		{"status", 0, "Running"},
		{"stop", 0, ""},
		{"status", 3, "Stopped"},
		{"nonsense", 2, "Usage"},
	} {
		cmd := exec.Command(script, step.action)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != step.code || !strings.Contains(string(out), step.says) {
			t.Errorf("step %d, %s: exit code %d, %s", i, step.action, code, fmt.Sprint(string(out)))
		}
		if step.says == "Running" {
			pid := strings.TrimSpace(readFile(t, dir+"/pid"))
			if status := readFile(t, "/proc/"+pid+"/status"); !strings.Contains(status, "\nUid:\t65534\t65534\t65534\t65534\n") {
				t.Errorf("the program does not run as its user:\n%s", status)
			}
		}
	}
}
