package installer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/sysexits"
)

func TestUnitFileIsJudgedByWhoMadeIt(t *testing.T) {
	text := Options{Program: "/usr/bin/mailcrane", User: true}.unit()
	older := Options{Program: "/opt/mailcrane", User: true}.unit()
	for _, test := range []struct {
		reason string
		write  func(path string) error
		want   unitState
	}{
		{"there is none", func(string) error { return nil }, nothing},
		{"an installation was broken off", func(p string) error { return os.WriteFile(p, nil, 0o644) }, empty},
		{"what would be written", func(p string) error { return writeUnit(p, text) }, same},
		{"of another path", func(p string) error { return writeUnit(p, older) }, other},
		{"without our mark", func(p string) error { return os.WriteFile(p, []byte("[Unit]\n"+text), 0o644) }, foreign},
		{"with half of our mark", func(p string) error { return os.WriteFile(p, []byte(mark[:20]), 0o644) }, foreign},
		{"without end", func(p string) error { return os.WriteFile(p, make([]byte, 1<<20), 0o644) }, foreign},
		{"systemctl mask", func(p string) error { return os.Symlink("/dev/null", p) }, masked},
		{"a link to one like ours", func(p string) error {
			elsewhere := filepath.Join(filepath.Dir(p), "elsewhere")
			if err := writeUnit(elsewhere, text); err != nil {
				return err
			}
			return os.Symlink(elsewhere, p)
		}, foreign},
		{"a folder", func(p string) error { return os.Mkdir(p, 0o755) }, foreign},
	} {
		t.Run(test.reason, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), unitName)
			if err := test.write(path); err != nil {
				t.Fatal(err)
			}
			if got, err := readUnit(path, text); got != test.want || err != nil {
				t.Errorf("got %d, %v; want %d", got, err, test.want)
			}
		})
	}
}

func TestWrittenUnitIsReadableByAllAndAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, unitName)
	for _, text := range []string{"first", "second"} {
		if err := writeUnit(path, text); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != text {
			t.Errorf("got %q, %v", data, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
		t.Errorf("beside it: %v, %v", all, err)
	}
	if err := writeUnit(filepath.Join(dir, "missing", unitName), "x"); err == nil {
		t.Error("written where there is no folder")
	}
}

func TestSessionIsExplained(t *testing.T) {
	const me, another = 70001, 70002
	run := t.TempDir()
	if err := os.Mkdir(filepath.Join(run, "70002"), 0o700); err != nil {
		t.Fatal(err)
	}
	owner, ok := ownerOf(filepath.Join(run, "70002"))
	if !ok {
		t.Fatal("no owner")
	}
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	user, system := Options{User: true}, Options{}
	for _, test := range []struct {
		reason string
		err    error
		code   int
		says   []string
	}{
		{"the machine's service as a user", session{uid: me}.before(system, "stop"), sysexits.NoPerm, []string{"only root", "sudo mailcrane service stop --system"}},
		{"the machine's service as root", session{uid: 0}.before(system, "stop"), 0, nil},
		{"sudo", session{uid: 0, getenv: env("SUDO_USER", "me")}.before(user, "stop"), sysexits.Usage, []string{"root's own service", "type: mailcrane service stop;", "sudo mailcrane service stop --system"}},
		{"sudo by root", session{uid: 0, getenv: env("SUDO_USER", "root")}.before(user, "stop"), 0, nil},
		{"another's session", session{uid: me, name: "me", run: run, getenv: env("XDG_RUNTIME_DIR", filepath.Join(run, "70002"))}.before(user, "stop"), sysexits.Unavailable, []string{"another user", "sudo loginctl enable-linger me"}},
		{"my session", session{uid: owner, run: run, getenv: env("XDG_RUNTIME_DIR", filepath.Join(run, "70002"))}.before(user, "stop"), 0, nil},
		{"no session at all", session{uid: me, run: run, getenv: env()}.after(user, "stop", "no bus"), sysexits.Unavailable, []string{"no session", "no bus", "sudo loginctl enable-linger 70001"}},
		{"a session, but not the variable", session{uid: another, run: run, getenv: env()}.after(user, "stop", "no bus"), sysexits.Unavailable, []string{"XDG_RUNTIME_DIR does not lead", "type: XDG_RUNTIME_DIR=" + run + "/70002 mailcrane service stop"}},
		{"a session that does not answer", session{uid: another, run: run, getenv: env("XDG_RUNTIME_DIR", filepath.Join(run, "70002"))}.after(user, "stop", "no bus"), sysexits.Unavailable, []string{"does not answer", "no bus", "systemctl status user@70002"}},
	} {
		said := ""
		if test.err != nil {
			said = test.err.Error() + "\n" + sysexits.Hint(test.err)
		}
		if sysexits.Code(test.err) != test.code {
			t.Errorf("%s: code %d, want %d: %s", test.reason, sysexits.Code(test.err), test.code, said)
		}
		for _, want := range test.says {
			if !strings.Contains(said, want) {
				t.Errorf("%s: does not say %q: %s", test.reason, want, said)
			}
		}
	}
}

func TestStateIsSaidInWords(t *testing.T) {
	s := &systemd{options: Options{}, folder: "/etc/systemd/system"}
	for _, test := range []struct {
		reason string
		file   unitState
		state  map[string]string
		want   string
	}{
		{
			"running", same,
			map[string]string{"ActiveState": "active", "ActiveEnterTimestamp": "Sat", "MainPID": "7", "UnitFileState": "enabled"},
			"running since Sat, process 7",
		},
		{"stopped", same, map[string]string{"ActiveState": "inactive", "UnitFileState": "enabled"}, "stopped; type: sudo mailcrane service start --system"},
		{
			"stopped and disabled", same,
			map[string]string{"ActiveState": "inactive", "UnitFileState": "disabled"},
			"stopped; type: sudo mailcrane service start --system; it will not start by itself: sudo mailcrane service install --system",
		},
		{"not there", nothing, map[string]string{"ActiveState": "inactive", "LoadState": "not-found"}, "not installed; type: sudo mailcrane service install --system"},
		{
			"wrong configuration", same,
			map[string]string{"ActiveState": "failed", "ExecMainCode": "1", "ExecMainStatus": "78"},
			"given up, because its configuration is wrong; to see why, type: sudo journalctl -t mailcrane -e",
		},
		{
			"the program is gone", same,
			map[string]string{"ActiveState": "failed", "ExecMainCode": "1", "ExecMainStatus": "203"},
			"given up, because its program cannot be run; to see why, type: sudo journalctl -t mailcrane -e",
		},
		{
			"killed for its memory", same,
			map[string]string{"ActiveState": "activating", "SubState": "auto-restart", "ExecMainCode": "2", "ExecMainStatus": "9"},
			"starts again in a few seconds, because it was killed (killed); to see why, type: sudo journalctl -t mailcrane -e",
		},
		{
			"something else", same,
			map[string]string{"ActiveState": "failed", "ExecMainCode": "1", "ExecMainStatus": "71"},
			"given up, because it ended with exit code 71; to see why, type: sudo journalctl -t mailcrane -e",
		},
		{
			"of a package", nothing,
			map[string]string{"ActiveState": "inactive", "LoadState": "loaded", "FragmentPath": "/usr/lib/x"},
			"stopped; type: sudo mailcrane service start --system; installed by others, in /usr/lib/x",
		},
		{"on its way down", same, map[string]string{"ActiveState": "deactivating"}, "deactivating"},
	} {
		status := Status{Installed: test.file == same || test.state["LoadState"] == "loaded", Running: test.state["ActiveState"] == "active"}
		if got := s.detail(status, test.file, test.state); got != test.want {
			t.Errorf("%s: %q, want %q", test.reason, got, test.want)
		}
	}
}

func TestMissingSystemctlIsAnErrorWithAHint(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	s := &systemd{options: Options{}, folder: t.TempDir()}
	_, err := s.status(t.Context())
	if sysexits.Code(err) != sysexits.OSErr || sysexits.Hint(err) == "" || !strings.Contains(err.Error(), "systemctl") {
		t.Errorf("%v (%d; %q)", err, sysexits.Code(err), sysexits.Hint(err))
	}
}
