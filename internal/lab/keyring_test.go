package lab

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

var labSeed = Seed{Service: "mailcrane-lab", User: "bob", Secret: "s3 cret"}

func lookup(t *testing.T) (string, error) {
	t.Helper()
	out, err := exec.Command("secret-tool", "lookup", "service", labSeed.Service, "username", labSeed.User).Output()
	return string(out), err
}

func TestUnlockedKeyringHasTheSeed(t *testing.T) {
	if !InKeyring(t, Unlocked, labSeed) {
		return
	}
	if got, err := lookup(t); err != nil || got != labSeed.Secret {
		t.Errorf("looked up %q, %v", got, err)
	}
}

func TestLockedKeyringsGiveNothing(t *testing.T) {
	for _, mode := range []KeyringMode{Locked, NoKeyring, NoBus} {
		t.Run(string(mode), func(t *testing.T) {
			if !InKeyring(t, mode, labSeed) {
				return
			}
			if got, err := lookup(t); err == nil {
				t.Errorf("looked up %q", got)
			}
			hasBus := os.Getenv("DBUS_SESSION_BUS_ADDRESS") != ""
			if hasBus != (mode != NoBus) {
				t.Errorf("there is a bus: %v", hasBus)
			}
		})
	}
}

func TestStuckKeyringNeverAnswersAPrompt(t *testing.T) {
	if !InKeyring(t, Stuck, labSeed) {
		return
	}
	cmd := exec.Command("secret-tool", "search", "--unlock", "service", labSeed.Service)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		t.Errorf("an answer came: %v", err)
	case <-time.After(time.Second):
		cmd.Process.Kill()
		<-done
	}
}

func TestKeyringCommandPassesTheExitCodeOn(t *testing.T) {
	cmd := KeyringCommand(t, Unlocked, []Seed{labSeed}, "sh", "-c", "secret-tool lookup service "+labSeed.Service+"; exit 7")
	out, err := cmd.Output()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 7 || !strings.Contains(string(out), labSeed.Secret) {
		t.Errorf("got %v, %q", err, out)
	}
}
