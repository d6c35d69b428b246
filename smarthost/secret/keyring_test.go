//go:build linux

package secret

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
)

var work = &config.Account{Name: "work", User: "me@example.org", Secret: config.Secret{Kind: "keyring"}}

func TestKeyringUnlocked(t *testing.T) {
	if !lab.InKeyring(t, lab.Unlocked, lab.Seed{Service: Service, User: KeyringUser(work), Secret: planted}) {
		return
	}
	got, err := New(work, os.Getenv).Read(t.Context())
	if err != nil || string(got.Reveal()) != planted {
		t.Errorf("the seed: %q, %v", got.Reveal(), err)
	}
	other := &config.Account{Name: "my o'ther", User: "me"}
	_, err = New(other, os.Getenv).Read(t.Context())
	refusal(t, err, ErrNotFound.Error(), "mailcrane login 'my o'")
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("not ErrNotFound: %v", err)
	}
	_, storing, _ := strings.Cut(sysexits.Hint(err), "; or: ")
	if out, err := exec.Command("sh", "-c", "printf stored | "+storing).CombinedOutput(); err != nil {
		t.Fatalf("the hint does not work: %s: %v\n%s", storing, err, out)
	}
	got, err = New(other, os.Getenv).Read(t.Context())
	if err != nil || string(got.Reveal()) != "stored" {
		t.Errorf("what the hint stores: %q, %v", got.Reveal(), err)
	}
}

func TestKeyringFindsWhatGoKeyringStores(t *testing.T) {
	if !lab.InKeyring(t, lab.Unlocked) {
		return
	}
	if err := storeWithLibrary(Service, KeyringUser(work), planted); err != nil {
		t.Fatal(err)
	}
	got, err := New(work, os.Getenv).Read(t.Context())
	if err != nil || string(got.Reveal()) != planted {
		t.Errorf("got %q, %v", got.Reveal(), err)
	}
}

func TestKeyringLockedOpensNoPrompt(t *testing.T) {
	if !lab.InKeyring(t, lab.Stuck, lab.Seed{Service: Service, User: KeyringUser(work), Secret: planted}) {
		return
	}
	for _, a := range []*config.Account{work, {Name: "absent", User: "me"}} {
		_, err := New(a, os.Getenv).Read(t.Context())
		if !errors.Is(err, ErrLocked) {
			t.Errorf("%s: not ErrLocked: %v", a.Name, err)
		}
		refusal(t, err, ErrLocked.Error(), "secret-tool lookup service mailcrane username "+KeyringUser(a))
	}
	// A collection that is not the default one.
	if out, err := exec.Command("gdbus", "call", "--session", "-d", serviceName, "-o", string(servicePath),
		"-m", service+".SetAlias", "default", string(servicePath)+"/collection/session").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := New(work, os.Getenv).Read(t.Context()); !errors.Is(err, ErrLocked) {
		t.Errorf("in another collection: not ErrLocked: %v", err)
	}
	if _, err := New(&config.Account{Name: "absent"}, os.Getenv).Read(t.Context()); !errors.Is(err, ErrNotFound) {
		t.Errorf("the default collection is open: not ErrNotFound: %v", err)
	}
	if prompted(t) {
		t.Error("a prompt was opened")
	}
	// The hint does open one: else the check above could not fail.
	ctx, cancel := context.WithCancel(t.Context())
	asking := exec.CommandContext(ctx, "secret-tool", "lookup", "service", Service, "username", KeyringUser(work))
	if err := asking.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); asking.Wait() }()
	for range 500 {
		if prompted(t) {
			return
		}
	}
	t.Error("the hint's command opens no prompt")
}

// prompted says whether the keyring has had the bus start the program that
// shows its questions.
func prompted(t *testing.T) bool {
	t.Helper()
	out, err := exec.Command("gdbus", "call", "--session", "-d", "org.freedesktop.DBus", "-o", "/org/freedesktop/DBus",
		"-m", "org.freedesktop.DBus.ListNames").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(filepath.Join(os.Getenv("HOME"), "prompter.pid"))
	return err == nil || strings.Contains(string(out), "org.gnome.keyring.SystemPrompter")
}

// bus is a session bus that starts nothing but what stands in dir.
func bus(t *testing.T, dir string) (getenv func(string) string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "bus.conf")
	text := `<busconfig><type>session</type><listen>unix:dir=` + t.TempDir() + `</listen><servicedir>` + dir + `</servicedir>
		<policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command(lab.Client(t, "dbus-daemon"), "--config-file="+config, "--nofork", "--print-address")
	home := t.TempDir() // of what it starts
	daemon.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_RUNTIME_DIR=" + home}
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { daemon.Process.Kill(); daemon.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) string {
		return map[string]string{"DBUS_SESSION_BUS_ADDRESS": strings.TrimSpace(address)}[name]
	}
}

func TestNoKeyringOnTheBus(t *testing.T) {
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "secrets.service"), []byte("[D-BUS Service]\nName=org.freedesktop.secrets\nExec=/bin/false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for why, dir := range map[string]string{"none is installed": t.TempDir(), "what is installed does not start": broken} {
		t.Run(why, func(t *testing.T) {
			_, err := New(work, bus(t, dir)).Read(t.Context())
			if !errors.Is(err, ErrNoService) {
				t.Errorf("not ErrNoService: %v", err)
			}
			refusal(t, err, ErrNoService.Error(), "gnome-keyring")
		})
	}
}

func TestKeyringThatIsNewAndStartedByTheBus(t *testing.T) {
	dir := t.TempDir()
	pid := filepath.Join(dir, "pid")
	text := "[D-BUS Service]\nName=org.freedesktop.secrets\nExec=/bin/sh -c \"echo $$ >" + pid + "; exec " +
		lab.Client(t, "gnome-keyring-daemon") + " --foreground --components=secrets\"\n"
	if err := os.WriteFile(filepath.Join(dir, "secrets.service"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	getenv := bus(t, dir)
	t.Cleanup(func() { exec.Command("/bin/sh", "-c", "kill $(cat "+quote(pid)+")").Run() })
	if _, err := New(work, getenv).Read(t.Context()); !errors.Is(err, ErrNotFound) {
		t.Errorf("not ErrNotFound: %v", err)
	}
}

func TestNoSessionBusStartsNone(t *testing.T) {
	// A dbus-launch that is found first tells whether a bus was to be started.
	bin := t.TempDir()
	launched := filepath.Join(bin, "launched")
	if err := os.WriteFile(filepath.Join(bin, "dbus-launch"), []byte("#!/bin/sh\necho >"+launched+"\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	dead := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dead, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	notSocket := t.TempDir()
	if err := os.WriteFile(filepath.Join(notSocket, "bus"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ why, address, runtime string }{
		{"no variable, no socket", "", t.TempDir()},
		{"a library's word for starting one", "autolaunch:", t.TempDir()},
		{"the socket of a session that has ended", "", dead},
		{"a file in the socket's place", "", notSocket},
		{"an address of a session that has ended", "unix:path=" + filepath.Join(dead, "gone"), ""},
		{"an address that is none", "nonsense", ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			getenv := func(name string) string {
				return map[string]string{"DBUS_SESSION_BUS_ADDRESS": c.address, "XDG_RUNTIME_DIR": c.runtime}[name]
			}
			_, err := New(work, getenv).Read(t.Context())
			if !errors.Is(err, ErrNoBus) {
				t.Errorf("not ErrNoBus: %v", err)
			}
			refusal(t, err, ErrNoBus.Error(), "[account.work]")
		})
	}
	if _, err := os.Stat(launched); err == nil {
		t.Error("a bus was to be started")
	}
}

func TestSessionBusInTheRuntimeDirectory(t *testing.T) {
	_, path, _ := strings.Cut(bus(t, t.TempDir())("DBUS_SESSION_BUS_ADDRESS"), "unix:path=")
	path, _, _ = strings.Cut(path, ",")
	dir := t.TempDir()
	if err := os.Symlink(path, filepath.Join(dir, "bus")); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"", "autolaunch:", "autolaunch:scope=*user"} {
		getenv := func(name string) string {
			return map[string]string{"DBUS_SESSION_BUS_ADDRESS": address, "XDG_RUNTIME_DIR": dir}[name]
		}
		if _, err := New(work, getenv).Read(t.Context()); !errors.Is(err, ErrNoService) {
			t.Errorf("%q: the bus was not found: %v", address, err)
		}
	}
}

// mute listens like a session bus and never says a word.
func mute(t *testing.T) (getenv func(string) string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bus")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return func(name string) string {
		return map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=" + path}[name]
	}
}

func TestKeyringThatHangsIsGivenUpEachTimeAnew(t *testing.T) {
	k := newKeyring(work, mute(t))
	k.limit = 50 * time.Millisecond
	for range 3 {
		_, err := k.Read(t.Context())
		if !errors.Is(err, ErrNoAnswer) || sysexits.Code(err) != sysexits.TempFail {
			t.Errorf("got %v, code %d", err, sysexits.Code(err))
		}
		refusal(t, err, "in time (50ms)", "question")
	}
	// Nothing of the calls is left: the turn is free as soon as their
	// connections have closed.
	select {
	case k.turn <- struct{}{}:
	case <-time.After(10 * time.Second):
		t.Error("a call that was given up still hangs")
	}
}

func TestKeyringIsGivenUpWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the run is over"))
	_, err := newKeyring(work, mute(t)).Read(ctx)
	refusal(t, err, "the run is over", "")
	if sysexits.Code(err) != sysexits.TempFail {
		t.Errorf("code %d", sysexits.Code(err))
	}
}
