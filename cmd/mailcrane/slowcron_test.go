package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// TestTheCrontabForSlowQueuesWorks runs the commands of the sample as cron
// does, in the order of their minutes, on a message that is old enough for it.
//
// Coverage: A29.
func TestTheCrontabForSlowQueuesWorks(t *testing.T) {
	t.Parallel()
	logger := lab.Client(t, "logger")
	text, err := os.ReadFile("../../docs/examples/slow-queues.cron")
	if err != nil {
		t.Fatal(err)
	}
	h := newHome(t, smarthostCases()[0], "")
	to := h.box.Address("slow")
	h.run(strings.NewReader(letter), "sendmail", "-i", "-odd", "-f", h.me, to)
	slow := func() string {
		return h.run(nil, "mailcrane", "queue", "--json")
	}
	jobs := 0
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[0] == "#" {
			continue
		}
		command := strings.ReplaceAll(strings.Join(fields[5:], " "), "45m", "0s")
		switch jobs++; {
		case command == "sendmail -q":
			continue // it would be sent before it is old
		case strings.HasPrefix(command, "sendmail"):
			command = strings.Replace(command, "sendmail -q ", "sendmail -qf ", 1) // and waits
		}
		cmd := exec.Command("sh", "-c", command)
		cmd.Env = append(h.env(), "PATH="+bin+":"+filepath.Dir(logger)+":"+os.Getenv("PATH"))
		if said, err := cmd.CombinedOutput(); err != nil || len(said) != 0 {
			t.Errorf("%s: %v, %s", command, err, said)
		}
		if strings.Contains(command, "--to hourly") && !strings.Contains(slow(), `"queue":"hourly"`) {
			t.Errorf("after %q the queue is %s", command, slow())
		}
	}
	if jobs != 5 {
		t.Errorf("%d jobs", jobs)
	}
	if got := h.box.Wait(to); string(got.Body()) != letter {
		t.Errorf("arrived %q of %q", got.Body(), letter)
	}
}

// Coverage: A29.
func TestTheTimerForSlowQueuesIsOne(t *testing.T) {
	t.Parallel()
	analyze := lab.Client(t, "systemd-analyze")
	dir := t.TempDir()
	for _, name := range []string{"mailcrane-slow.service", "mailcrane-slow.timer"} {
		text, err := os.ReadFile("../../docs/examples/" + name)
		if err != nil {
			t.Fatal(err)
		}
		// systemd finds a program of that name in its own search path; this one
		// is not installed.
		here := strings.ReplaceAll(string(text), "ExecStart=", "ExecStart="+bin+"/")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(here), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(analyze, "--man=no", "verify", filepath.Join(dir, "mailcrane-slow.timer"), filepath.Join(dir, "mailcrane-slow.service"))
	if said, err := cmd.CombinedOutput(); err != nil || len(said) != 0 {
		t.Errorf("%v: %s", err, said)
	}
}
