package checkup

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The agent keeps its memory to itself, so that its user cannot see in /proc which
// file it runs: it has to say so.
func TestAnAgentWhoseProgramWasReplacedIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(filepath.Join(w.home, "doctor.toml"), "[queue]\ndirectory = \"~/spool\"\n")
	original, err := os.ReadFile(filepath.Join(programs(), "mailcrane"))
	w.made(err)
	program := filepath.Join(w.home, "bin/mailcrane")
	put := func(path string) { w.write(path, string(original)); w.chmod(path, 0o755) }
	put(program)
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(program, append([]string{"--config", filepath.Join(w.home, "doctor.toml")}, args...)...)
		cmd.Env = []string{"HOME=" + w.home, "PATH=" + os.Getenv("PATH")}
		return cmd
	}
	agent := command("agent")
	log, err := agent.StderrPipe()
	w.made(err)
	w.made(agent.Start())
	defer func() {
		agent.Process.Kill()
		agent.Wait()
	}()
	for lines := bufio.NewScanner(log); lines.Scan() && !strings.Contains(lines.Text(), "agent is up"); {
	}
	looks := func() string {
		out, _ := command("doctor", "--offline", "--json").Output() // it fails where something is broken
		said, err := command("status").Output()
		w.made(err)
		return string(out) + string(said)
	}
	if all := looks(); strings.Contains(all, "replaced") || !strings.Contains(all, `"id":"agent",`) {
		t.Errorf("before: %s", all)
	}
	put(program + ".new")
	w.made(os.Rename(program+".new", program))
	if all := looks(); !strings.Contains(all, `"id":"agent-old"`) || !strings.Contains(all, "mailcrane was replaced on the disk") {
		t.Errorf("after: %s", all)
	}
}
