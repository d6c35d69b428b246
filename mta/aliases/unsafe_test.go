//go:build unix

package aliases

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/aliasfile"
	"mailcrane/internal/config"
	"mailcrane/mta/safefile"
)

// judged is what becomes of a .forward with an address and a program: "-" where it
// is not read, "address" where the program must not stand in it, else "all".
func judged(list *List, ok bool) string {
	if !ok {
		return "-"
	}
	if reply, refused := list.Refusal(Program, "joe@example.org", "mail.example.org"); refused {
		if reply.String() != "550 5.7.1 Address joe@example.org is unsafe for mailing to programs" {
			return reply.String()
		}
		return "address"
	}
	return "all"
}

// Coverage: B62, B67, B76, B77, B78, B82, B83, B84, B103, B105, B129, B130.
func TestWhatOthersCanChangeIsNoForward(t *testing.T) {
	const dirty, group = os.FileMode(0o777), os.FileMode(0o775)
	for _, c := range []struct {
		reason    string
		dir, file os.FileMode
		blame     config.Blame
		want, log string
	}{
		{"all is safe", 0o755, 0o644, 0, "all", ""},
		{"made beforehand in a directory of mode 755", 0o755, 0o600, 0, "all", ""},
		{"a group can write it", 0o755, 0o664, 0, "-", "Group writable file"},
		{"and may", 0o755, 0o664, config.GroupWritableForwardFile, "address", "marked unsafe"},
		{"and is trusted", 0o755, 0o664, config.GroupWritableForwardFile | config.GroupWritableForwardFileSafe, "all", ""},
		{"to be trusted is not to be read", 0o755, 0o664, config.GroupWritableForwardFileSafe, "-", "Group writable file"},
		{"everybody can write it", 0o755, 0o666, 0, "-", "World writable file"},
		{"and may, for addresses", 0o755, 0o666, config.WorldWritableForwardFile | config.GroupWritableForwardFile | config.GroupWritableForwardFileSafe, "address", ""},
		{"home of mode 775", group, 0o644, 0, "-", "Group writable directory"},
		{"and that may be", group, 0o644, config.ForwardFileInGroupWritableDirPath, "address", ""},
		{"groups are as good as their owner", group, 0o644, config.GroupWritableDirPathSafe, "all", ""},
		{"but everybody is not", dirty, 0o644, config.GroupWritableDirPathSafe, "-", "World writable directory"},
		{"home of mode 777", dirty, 0o644, 0, "-", "World writable directory"},
		{"the word for groups is not enough", dirty, 0o644, config.ForwardFileInGroupWritableDirPath, "-", "World writable directory"},
		{"addresses may stand there", dirty, 0o644, config.ForwardFileInUnsafeDirPath, "address", ""},
		{"and programs", dirty, 0o644, config.ForwardFileInUnsafeDirPath | config.ForwardFileInUnsafeDirPathSafe, "all", ""},
		{"programs alone is nothing", dirty, 0o644, config.ForwardFileInUnsafeDirPathSafe, "-", "World writable directory"},
		{"mode 1777", dirty | os.ModeSticky, 0o644, 0, "-", "World writable directory"},
		{"mode 1777 that is trusted", dirty | os.ModeSticky, 0o644, config.TrustStickyBit, "all", ""},
		{"mode 1777 with both words", dirty | os.ModeSticky, 0o644, config.ForwardFileInUnsafeDirPath | config.ForwardFileInUnsafeDirPathSafe, "all", ""},
	} {
		h := moveIn(t)
		h.forward("x@example.net\n|/bin/true\n", c.file)
		h.chmod(h.joe.Home, c.dir)
		h.blame = c.blame
		list, ok, err := NewLists(h.o).Forward(t.Context(), h.joe, Letter{})
		if got := judged(list, ok); err != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s\n%s", c.reason, got, err, c.want, &h.log)
		}
		path := filepath.Join(h.joe.Home, ".forward")
		want := "forward " + path + ": " + c.log
		if c.want != "-" {
			want = c.log
		}
		if !strings.Contains(h.log.String(), want) || c.log == "" && c.want == "all" && h.log.Len() > 0 {
			t.Errorf("%s: the log has no %q:\n%s", c.reason, want, &h.log)
		}
	}
}

// Coverage: B129, B130.
func TestForwardsInADirectoryOfTheirOwnAreSafeAsItIs(t *testing.T) {
	for _, c := range []struct {
		reason string
		mode   os.FileMode
		blame  config.Blame
		want   string
	}{
		{"anybody can make files", os.ModeSticky | 0o777, 0, "-"},
		{"for addresses", os.ModeSticky | 0o777, config.ForwardFileInUnsafeDirPath, "address"},
		{"for all", os.ModeSticky | 0o777, config.ForwardFileInUnsafeDirPath | config.ForwardFileInUnsafeDirPathSafe, "all"},
		{"root makes them", 0o755, 0, "all"},
	} {
		h := moveIn(t)
		dir := filepath.Join(h.dir, "forward")
		h.mkdir(dir, 0o755)
		h.write(filepath.Join(dir, "joe"), "x@example.net\n|/bin/true\n", 0o644)
		h.own(filepath.Join(dir, "joe"))
		h.chmod(dir, c.mode)
		h.blame, h.o.ForwardPath = c.blame, dir+"/$u:$z/.forward.$w"
		list, ok, err := NewLists(h.o).Forward(t.Context(), h.joe, Letter{})
		if got := judged(list, ok); err != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s\n%s", c.reason, got, err, c.want, &h.log)
		}
	}
}

// Coverage: B72.
func TestAMissingForwardIsToldOnlyWhereOthersCouldMakeOne(t *testing.T) {
	for _, c := range []struct {
		reason string
		mode   os.FileMode
		blame  config.Blame
		told   bool
	}{
		{"a safe home", 0o755, 0, false},
		{"a home of everybody's", 0o777, 0, true},
		{"of which nobody wants to hear", 0o777, config.DontWarnForwardFileInUnsafeDirPath, false},
	} {
		h := moveIn(t)
		h.chmod(h.joe.Home, c.mode)
		h.blame = c.blame
		if got := h.found(Letter{}); got != "mailbox" || strings.Contains(h.log.String(), "World writable directory") != c.told {
			t.Errorf("%s: %s\n%s", c.reason, got, &h.log)
		}
	}
}

func TestWhoHasNoShellRunsNoPrograms(t *testing.T) {
	const program = "550 5.7.1 User joe@mail.example.org doesn't have a valid shell for mailing to programs"
	for _, c := range []struct{ reason, shell, shells, want string }{
		{"a shell that is listed", "/bin/sh", "/bin/sh\n", ""},
		{"no shell is /bin/sh", "", "/bin/zsh\n", ""},
		{"one that is not", "/usr/sbin/nologin", "/bin/sh\n", program},
		{"one in a remark", "/bin/x", "#/bin/x\n", program},
		{"sendmail's word for all", "/usr/sbin/nologin", "/bin/sh\n/SENDMAIL/ANY/SHELL/\n", ""},
	} {
		h := moveIn(t)
		h.forward("|/bin/true\n", 0o644)
		h.joe.Shell = c.shell
		h.write(h.o.Shells, c.shells, 0o644)
		list, ok, err := NewLists(h.o).Forward(t.Context(), h.joe, Letter{})
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		reply, refused := list.Refusal(Program, "joe@example.org", "mail.example.org")
		if refused != (c.want != "") || refused && reply.String() != c.want {
			t.Errorf("%s: %v", c.reason, reply)
		}
		if reply, refused := list.Refusal(File, "joe@example.org", "mail.example.org"); refused && reply.String() != strings.Replace(program, "programs", "files", 1) {
			t.Errorf("%s: a file: %v", c.reason, reply)
		}
		if reply, refused := list.Refusal(Address, "joe@example.org", "mail.example.org"); refused {
			t.Errorf("%s: an address: %v", c.reason, reply)
		}
	}
}

// Coverage: B62, B67, B70, B85, B86, B89, B90, B91, B106.
func TestAListIsItsOwnersAsFarAsOthersCannotChangeIt(t *testing.T) {
	for _, c := range []struct {
		reason    string
		dir, file os.FileMode
		blame     config.Blame
		want      string
		owned     bool
	}{
		{"all is safe", 0o755, 0o644, 0, "all", true},
		{"a group can write it", 0o755, 0o664, 0, "550 5.2.4 Cannot open LIST: Group writable file", false},
		{"and may", 0o755, 0o664, config.GroupWritableIncludeFile, "address", true},
		{"and is trusted", 0o755, 0o664, config.GroupWritableIncludeFile | config.GroupWritableIncludeFileSafe, "all", true},
		{"everybody can write it", 0o755, 0o666, 0, "550 5.2.4 Cannot open LIST: World writable file", false},
		{"and may", 0o755, 0o666, config.WorldWritableIncludeFile, "address", true},
		{"a directory of mode 775", 0o775, 0o644, 0, "550 5.2.4 Cannot open LIST: Group writable directory", false},
		{"that may be", 0o775, 0o644, config.IncludeFileInGroupWritableDirPath, "address", false},
		{"a directory of mode 777", 0o777, 0o644, 0, "550 5.2.4 Cannot open LIST: World writable directory", false},
		{"that may be", 0o777, 0o644, config.IncludeFileInUnsafeDirPath, "address", false},
		{"with programs", 0o777, 0o644, config.IncludeFileInUnsafeDirPath | config.IncludeFileInUnsafeDirPathSafe, "all", false},
		{"where nobody can give files away", 0o777, 0o644, config.IncludeFileInUnsafeDirPath | config.IncludeFileInUnsafeDirPathSafe | config.AssumeSafeChown, "all", true},
	} {
		h := moveIn(t)
		dir := filepath.Join(h.dir, "lists")
		h.mkdir(dir, 0o755)
		path := filepath.Join(dir, "list")
		h.write(path, "a@example.net, |/bin/true\n# b@example.net\n", 0o600)
		h.own(path)
		h.chmod(path, c.file)
		h.chmod(dir, c.dir)
		h.blame = c.blame
		list, err := NewLists(h.o).ReadInclude(t.Context(), path, nil)
		got, owned := judged(list, err == nil), false
		if err != nil {
			fault, ok := errors.AsType[*Fault](err)
			if !ok {
				t.Fatal(err)
			}
			got = strings.ReplaceAll(fault.Reply.String(), path, "LIST")
		} else {
			owned = list.Owned
		}
		if c.owned && os.Getuid() == 0 && h.joe.UID == 0 {
			continue // there is no user but root
		}
		if got != c.want || owned != c.owned || owned && (list.UID != h.joe.UID || list.User != "joe") {
			t.Errorf("%s: %s, owned %v; want %s, %v\n%s", c.reason, got, owned, c.want, c.owned, &h.log)
		}
	}
}

func TestAListThatCannotBeHadIsRefusedOrPutOff(t *testing.T) {
	h := moveIn(t)
	large := filepath.Join(h.dir, "large")
	h.write(large, strings.Repeat("a@example.net\n", maxInclude/14+1), 0o644)
	for _, c := range []struct{ reason, path, want string }{
		{"it is not there", filepath.Join(h.dir, "none"), "550 5.2.4"},
		{"a directory", h.dir, "550 5.2.4"},
		{"no directory above it", filepath.Join(large, "x"), "550 5.2.4"},
		{"too large", large, "550 5.2.4"},
	} {
		_, err := NewLists(h.o).ReadInclude(t.Context(), c.path, nil)
		if fault, ok := errors.AsType[*Fault](err); !ok || !strings.HasPrefix(fault.Reply.String(), c.want) {
			t.Errorf("%s: %v", c.reason, err)
		}
	}
	if passing(fs.ErrPermission) || !passing(io.ErrUnexpectedEOF) {
		t.Error("what is not known to be for good has to pass")
	}
	list, err := NewLists(h.o).ReadInclude(t.Context(), h.o.Shells, &h.joe)
	if err != nil || list.User != "joe" || list.UID != h.joe.UID {
		t.Errorf("a list that a .forward names is the user's: %+v, %v", list, err)
	}
}

// Coverage: B62, B81, B104.
func TestAnUnsafeFileOfAliasesIsNotRead(t *testing.T) {
	for _, c := range []struct {
		reason    string
		dir, file os.FileMode
		blame     config.Blame
		want      string
	}{
		{"safe", 0o755, 0o644, 0, ""},
		{"mode 664", 0o755, 0o664, 0, "Group writable file"},
		{"that may be", 0o755, 0o664, config.GroupWritableAliasFile, ""},
		{"mode 666", 0o755, 0o666, 0, "World writable file"},
		{"that may be", 0o755, 0o666, config.WorldWritableAliasFile, ""},
		{"a directory of mode 777", 0o777, 0o644, 0, "World writable directory"},
		{"that may be", 0o777, 0o644, config.MapInUnsafeDirPath, ""},
	} {
		h := moveIn(t)
		dir := filepath.Join(h.dir, "etc")
		h.mkdir(dir, 0o755)
		path := filepath.Join(dir, "aliases")
		h.write(path, "joe: x@example.net\n", c.file)
		h.chmod(dir, c.dir)
		o := Options{Rules: safefile.Rules{Blame: c.blame}}
		a, err := Open([]string{path}, o)
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: opening says %v", c.reason, err)
		}
		_, _, ok, err := a.Lookup(t.Context(), "joe", "")
		if ok == (c.want != "") || (err != nil) != (c.want != "") {
			t.Errorf("%s: found %v, %v: mail must wait, and go nowhere else", c.reason, ok, err)
		}
		if r := Check([]string{path}, o)[0]; (len(r.Wrong) > 0) != (c.want != "") || r.Summary == "" == (c.want == "") {
			t.Errorf("%s: newaliases says %+v", c.reason, r)
		}
	}
}

func TestTheErrorsOfAListAreThoseOfItsLines(t *testing.T) {
	h := moveIn(t)
	path := h.forward("good\nbad@\n", 0o644)
	list, err := NewLists(h.o).ReadInclude(t.Context(), path, &h.joe)
	if err != nil {
		t.Fatal(err)
	}
	if wrong, ok := errors.AsType[*aliasfile.Error](list.Wrong[0]); !ok || wrong.Text != "bad@" || wrong.Where != path+":2" {
		t.Errorf("%+v", list.Wrong)
	}
}

// elsewhere are users whose shells are told apart from them.
type elsewhere struct {
	*house
	shell string
	err   error
}

func (e elsewhere) Shell(context.Context, string) (string, error) { return e.shell, e.err }

func TestAShellThatNobodyTellsNowPutsProgramsOff(t *testing.T) {
	h := moveIn(t)
	h.forward("|/bin/true\n", 0o644)
	for _, c := range []struct {
		users elsewhere
		want  string
	}{
		{elsewhere{h, "/bin/sh", nil}, "all"},
		{elsewhere{h, "/usr/sbin/nologin", nil}, "550 5.7.1 User joe@mail.example.org doesn't have a valid shell for mailing to programs"},
		{elsewhere{h, "", errors.New("no directory server")}, "451 4.3.0 the shells cannot be read now"},
	} {
		h.o.Users = c.users
		list, ok, err := NewLists(h.o).Forward(t.Context(), h.joe, Letter{})
		got := ""
		if fault, temporary := errors.AsType[*Fault](err); temporary {
			got = fault.Reply.String()
		} else {
			got = judged(list, ok)
		}
		if got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
	h.forward("x@example.net\n", 0o644)
	if got := h.found(Letter{}); got != "x@example.net" {
		t.Errorf("an address needs no shell: %s", got)
	}
}
