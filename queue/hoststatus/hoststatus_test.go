package hoststatus

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailcrane/queue"
)

func TestPathsAreSendmails(t *testing.T) {
	for _, c := range []struct{ reason, host, want string }{
		{"a name is reversed", "Host.example.COM", "com./example./host"},
		{"so is an address", "127.0.0.1", "1./0./0./127"},
		{"one part", "localhost", "localhost"},
		{"a dot at the end", "a.b.", "b./a"},
		{"a way out of the directory", "../../etc/passwd", ""},
		{"a slash", "a/b.example", ""},
		{"nothing", "", ""},
	} {
		got, err := Dir("").path(c.host)
		if got != filepath.FromSlash(c.want) || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", c.reason, got, err)
		}
	}
}

// Coverage: X2.
func TestAFileIsSendmails(t *testing.T) {
	d := Dir(t.TempDir())
	in := queue.HostStatus{
		Host: "mx.example.org", At: time.Unix(1764000000, 0), Exit: 75, Errno: 111,
		Enhanced: "4.4.1", Reply: "Connection refused by mx.example.org",
	}
	if err := d.Note(in); err != nil {
		t.Fatal(err)
	}
	const want = "V0\nE111\nH0\nS75\nD4.4.1\nRConnection refused by mx.example.org\nU1764000000\n.\n"
	if text, err := os.ReadFile(filepath.Join(string(d), "org.", "example.", "mx")); err != nil || string(text) != want {
		t.Errorf("the file is %q, %v", text, err)
	}
	if out, err := d.Status("mx.example.org"); err != nil || !cmp.Equal(in, out) {
		t.Errorf("read back: %s, %v", cmp.Diff(in, out), err)
	}
	up := queue.HostStatus{Host: in.Host, At: in.At.Add(time.Hour)}
	if err := d.Note(up); err != nil {
		t.Fatal(err)
	}
	if out, err := d.Status("mx.example.org"); err != nil || !cmp.Equal(up, out) {
		t.Errorf("a shorter one in place of it: %s, %v", cmp.Diff(up, out), err)
	}
}

func TestWhatIsDamagedSaysNothing(t *testing.T) {
	whole := string(text(queue.HostStatus{At: time.Unix(1764000000, 0), Exit: 75, Reply: "no"}))
	for n := range len(whole) {
		if s := parse(whole[:n]); s != (queue.HostStatus{}) {
			t.Errorf("cut off after %q: %+v", whole[:n], s)
		}
	}
	if s := parse("V1\nS75\nU1764000000\n.\n"); s != (queue.HostStatus{}) {
		t.Errorf("another version: %+v", s)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("V0\nE111\nH0\nS75\nD4.4.1\nRno\nU1764000000\n.\n")
	f.Add("V0\n\n.\n")
	f.Fuzz(func(t *testing.T, in string) {
		s := parse(in)
		if s.Exit < 0 || len(s.Enhanced) > maxText || len(s.Reply) > maxText {
			return // not what we write
		}
		if s != (queue.HostStatus{}) && !cmp.Equal(parse(string(text(s))), s) {
			t.Errorf("%q is read as %+v, and that as %+v", in, s, parse(string(text(s))))
		}
	})
}

func TestOneProcessHoldsAHost(t *testing.T) {
	d := Dir(t.TempDir())
	release, free, err := d.Hold("mx.example.org")
	if err != nil || !free {
		t.Fatal(free, err)
	}
	if err := d.Note(queue.HostStatus{Host: "mx.example.org", At: time.Unix(1, 0)}); err != nil {
		t.Fatal(err)
	}
	if _, free, err := d.Hold("mx.example.org"); err != nil || free {
		t.Errorf("held twice: %v, %v", free, err)
	}
	if all, err := d.All(); err != nil || len(all) != 1 || !all[0].Busy {
		t.Errorf("listed as %+v, %v", all, err)
	}
	if err := d.Purge(time.Unix(2, 0)); err != nil {
		t.Fatal(err)
	}
	release()
	if all, err := d.All(); err != nil || len(all) != 1 || all[0].Busy {
		t.Errorf("after its end it is listed as %+v, %v", all, err)
	}
	again, free, err := d.Hold("mx.example.org")
	if err != nil || !free {
		t.Fatal(free, err)
	}
	again()
}

func TestAPurgeLeavesNoEmptyDirectory(t *testing.T) {
	d := Dir(filepath.Join(t.TempDir(), "status"))
	if err := d.Purge(time.Now()); err != nil {
		t.Errorf("a directory that is not there: %v", err)
	}
	for host, at := range map[string]int64{"old.example.org": 10, "new.example.org": 30, "old.example.net": 10} {
		if err := d.Note(queue.HostStatus{Host: host, At: time.Unix(at, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Purge(time.Unix(20, 0)); err != nil {
		t.Fatal(err)
	}
	all, err := d.All()
	if err != nil || len(all) != 1 || all[0].Host != "new.example.org" {
		t.Errorf("left: %+v, %v", all, err)
	}
	if _, err := os.Stat(filepath.Join(string(d), "net.")); !os.IsNotExist(err) {
		t.Errorf("an empty directory is left: %v", err)
	}
}
