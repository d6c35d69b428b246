//go:build unix

package safefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
)

// safeDir is an empty directory in which sendmail's rules find nothing wrong.
func safeDir(t *testing.T) string {
	t.Helper()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, above := range []string{"/var/lib", home} {
		dir, err := os.MkdirTemp(above, "mailcrane-safefile")
		if err != nil {
			continue
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		_, err = Rules{}.Open(Map, filepath.Join(dir, "no-such-file"))
		if errors.Is(err, fs.ErrNotExist) {
			return dir
		}
	}
	lab.Missing(t, "a home directory in which only its owner can write", "chmod go-w ~")
	return ""
}

// put makes a file with exactly that mode, in a directory with exactly that
// mode, below a safe one.
func put(t *testing.T, dirMode, fileMode os.FileMode) string {
	t.Helper()
	dir := filepath.Join(safeDir(t), "d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, []byte("text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	chmod(t, path, fileMode)
	chmod(t, dir, dirMode)
	return path
}

// chmod is not bounded by the umask.
func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func plain(dir, file os.FileMode) func(*testing.T) string {
	return func(t *testing.T) string { return put(t, dir, file) }
}

// linked is a symbolic link, in a directory of that mode, to a safe file.
func linked(dir os.FileMode) func(*testing.T) string {
	return func(t *testing.T) string {
		target := put(t, 0o755, 0o644)
		link := filepath.Join(filepath.Dir(put(t, 0o755, 0o644)), "link")
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		chmod(t, filepath.Dir(link), dir)
		return link
	}
}

// twoNames is a file with a hard link to it.
func twoNames(mode os.FileMode) func(*testing.T) string {
	return func(t *testing.T) string {
		path := put(t, 0o755, mode)
		if err := os.Link(path, path+"2"); err != nil {
			t.Fatal(err)
		}
		return path
	}
}

const (
	worldDir = os.FileMode(0o777)
	groupDir = os.FileMode(0o775)
	safe     = os.FileMode(0o755)
)

// dirWords excuse a directory whatever is in it.
const dirWords = config.GroupWritableDirPathSafe

// What each word lets pass is refused without it and with every other word, but
// for those that by their meaning include it.
//
// Coverage: B62, B67, B68, B71, B73, B74, B75, B76, B77, B79, B80, B81, B82, B83, B85, B87, B88, B89, B90, B93, B94, B95,
// B96, B97, B98, B99, B103, B104, B105, B106, B107, B108, B109, B110.
func TestEachWordOfDontBlameSendmailRelaxesItsOwnCheckOnly(t *testing.T) {
	const gwdir, wwdir, gwfile, wwfile = "Group writable directory", "World writable directory", "Group writable file", "World writable file"
	const nolink, nohard = "Symbolic links not allowed", "Hard links not allowed"
	for _, c := range []struct {
		word   config.Blame
		kind   Kind
		make   func(*testing.T) string
		reason string
		also   config.Blame // words that excuse it too
		with   config.Blame // words that are set in any case
		write  bool
	}{
		{word: config.ClassFileInUnsafeDirPath, kind: Class, make: plain(worldDir, 0o644), reason: wwdir},
		{word: config.ErrorHeaderInUnsafeDirPath, kind: ErrorHeader, make: plain(worldDir, 0o644), reason: wwdir},
		{word: config.HelpFileInUnsafeDirPath, kind: Help, make: plain(worldDir, 0o644), reason: wwdir},
		{word: config.MapInUnsafeDirPath, kind: Map, make: plain(worldDir, 0o644), reason: wwdir},
		{word: config.MapInUnsafeDirPath, kind: Map, make: plain(groupDir, 0o644), reason: gwdir, also: dirWords},
		{word: config.ForwardFileInGroupWritableDirPath, kind: Forward, make: plain(groupDir, 0o644), reason: gwdir, also: dirWords | config.ForwardFileInUnsafeDirPath},
		{word: config.ForwardFileInUnsafeDirPath, kind: Forward, make: plain(worldDir, 0o644), reason: wwdir},
		{word: config.IncludeFileInGroupWritableDirPath, kind: Include, make: plain(groupDir, 0o644), reason: gwdir, also: dirWords | config.IncludeFileInUnsafeDirPath},
		{word: config.IncludeFileInUnsafeDirPath, kind: Include, make: plain(worldDir, 0o644), reason: wwdir},
		{word: config.GroupWritableDirPathSafe, kind: Key, make: plain(groupDir, 0o600), reason: gwdir},
		{word: config.TrustStickyBit, kind: Key, make: plain(worldDir|os.ModeSticky, 0o600), reason: wwdir},

		{word: config.GroupReadableKeyFile, kind: Key, make: plain(safe, 0o640), reason: "Group readable file"},
		{word: config.GroupReadableDefaultAuthInfoFile, kind: AuthInfo, make: plain(safe, 0o640), reason: "Group readable file"},
		{word: config.GroupReadableSASLDBFile, kind: Passwords, make: plain(safe, 0o640), reason: "Group readable file", also: config.GroupWritableSASLDBFile},
		{word: config.GroupWritableSASLDBFile, kind: Passwords, make: plain(safe, 0o660), reason: gwfile},

		{word: config.GroupWritableAliasFile, kind: Alias, make: plain(safe, 0o664), reason: gwfile},
		{word: config.WorldWritableAliasFile, kind: Alias, make: plain(safe, 0o666), reason: wwfile},
		{word: config.GroupWritableForwardFile, kind: Forward, make: plain(safe, 0o664), reason: gwfile},
		{word: config.WorldWritableForwardFile, kind: Forward, make: plain(safe, 0o666), reason: wwfile},
		{word: config.GroupWritableIncludeFile, kind: Include, make: plain(safe, 0o664), reason: gwfile},
		{word: config.WorldWritableIncludeFile, kind: Include, make: plain(safe, 0o666), reason: wwfile},

		{word: config.LinkedAliasFileInWritableDir, kind: Alias, make: linked(worldDir), reason: nolink, with: config.MapInUnsafeDirPath},
		{word: config.LinkedClassFileInWritableDir, kind: Class, make: linked(worldDir), reason: nolink, with: config.ClassFileInUnsafeDirPath},
		{word: config.LinkedForwardFileInWritableDir, kind: Forward, make: linked(worldDir), reason: nolink, with: config.ForwardFileInUnsafeDirPath},
		{word: config.LinkedIncludeFileInWritableDir, kind: Include, make: linked(groupDir), reason: nolink, with: config.IncludeFileInGroupWritableDirPath, also: dirWords},
		{word: config.LinkedMapInWritableDir, kind: Map, make: linked(worldDir), reason: nolink, with: config.MapInUnsafeDirPath},
		{word: config.LinkedServiceSwitchFileInWritableDir, kind: ServiceSwitch, make: linked(worldDir), reason: wwdir},

		{word: config.FileDeliveryToHardLink, kind: Delivery, make: twoNames(0o600), reason: nohard, write: true},
		{word: config.FileDeliveryToSymLink, kind: Delivery, make: linked(safe), reason: nolink, write: true},
		{word: config.WriteMapToHardLink, kind: Map, make: twoNames(0o644), reason: nohard, write: true},
		{word: config.WriteMapToSymLink, kind: Map, make: linked(safe), reason: nolink, write: true},
		{word: config.WriteStatsToHardLink, kind: Statistics, make: twoNames(0o644), reason: nohard, write: true},
		{word: config.WriteStatsToSymLink, kind: Statistics, make: linked(safe), reason: nolink, write: true},
	} {
		t.Run(c.word.String()+"/"+c.kind.String(), func(t *testing.T) {
			path := c.make(t)
			for _, name := range append([]string{"Safe"}, (^config.Blame(0)).Words()...) {
				word, err := config.ParseBlame(name)
				if err != nil {
					t.Fatal(err)
				}
				rules := Rules{Blame: word | c.with}
				var f *File
				if c.write {
					f, err = rules.OpenToWrite(c.kind, path, 0o600)
				} else {
					f, err = rules.Open(c.kind, path)
				}
				if err == nil {
					f.Close()
				}
				switch u, _ := errors.AsType[*Unsafe](err); {
				case word != 0 && (c.word | c.also).Has(word):
					if err != nil {
						t.Errorf("with %s: %v", name, err)
					}
				case u == nil || u.Reason != c.reason:
					t.Errorf("with %s: %v; want %s", name, err, c.reason)
				}
			}
		})
	}
}

// Addresses in an unsafe list are one thing, programs and files another.
//
// Coverage: B78, B84, B86, B91, B100, B105, B106.
func TestProgramsAndFilesInAListNeedTheWordThatCallsItSafe(t *testing.T) {
	for _, c := range []struct {
		why     string
		kind    Kind
		dir     os.FileMode
		file    os.FileMode
		words   string
		process uint32
		want    bool
	}{
		{"a safe file", Forward, safe, 0o644, "", 0, true},
		{"a writable directory", Forward, worldDir, 0o644, "ForwardFileInUnsafeDirPath", 0, false},
		{"a writable directory, called safe", Forward, worldDir, 0o644, "ForwardFileInUnsafeDirPath,ForwardFileInUnsafeDirPathSafe", 0, true},
		{"a group's directory", Forward, groupDir, 0o644, "ForwardFileInGroupWritableDirPath", 0, false},
		{"a group's directory, called safe", Forward, groupDir, 0o644, "GroupWritableDirPathSafe", 0, true},
		{"a group's file", Forward, safe, 0o664, "GroupWritableForwardFile", 0, false},
		{"a group's file, called safe", Forward, safe, 0o664, "GroupWritableForwardFile,GroupWritableForwardFileSafe", 0, true},
		{"everyone's file", Forward, safe, 0o666, "WorldWritableForwardFile,GroupWritableForwardFile,GroupWritableForwardFileSafe", 0, false},
		{"a list in a writable directory", Include, worldDir, 0o644, "IncludeFileInUnsafeDirPath", 0, false},
		{"a list in a writable directory, called safe", Include, worldDir, 0o644, "IncludeFileInUnsafeDirPath,IncludeFileInUnsafeDirPathSafe", 0, true},
		{"a group's list", Include, safe, 0o664, "GroupWritableIncludeFile", 0, false},
		{"a group's list, called safe", Include, safe, 0o664, "GroupWritableIncludeFile,GroupWritableIncludeFileSafe", 0, true},
		{"everyone's list", Include, safe, 0o666, "WorldWritableIncludeFile,GroupWritableIncludeFile,GroupWritableIncludeFileSafe", 0, false},
		{"a server that is not root", Alias, safe, 0o644, "", 99, false},
		{"a server that is not root, with NonRootSafeAddr", Alias, safe, 0o644, "NonRootSafeAddr", 99, true},
		{"a .forward without root", Forward, safe, 0o644, "", 99, false},
	} {
		blame, err := config.ParseBlame(c.words)
		if err != nil {
			t.Fatal(err)
		}
		w := walk{
			steps: []step{{place: place{"/", 0o755, 0}}, {place: place{"/d", modeBits(c.dir), 0}}},
			file:  place{"/d/f", modeBits(c.file), 0}, regular: true, links: 1,
		}
		f, unsafe := Rules{Blame: blame}.judge(c.kind, "/d/f", c.process, false, w)
		if unsafe != nil || f.Targets != c.want || f.Targets != (f.Why == "") {
			t.Errorf("%s: targets %v (%s), %v; want %v", c.why, f.Targets, f.Why, unsafe, c.want)
		}
		if strings.HasSuffix(c.words, "Safe") && c.kind != Alias && strings.Contains(c.words, ",") {
			only, err := config.ParseBlame(c.words[strings.LastIndex(c.words, ",")+1:])
			if err != nil {
				t.Fatal(err)
			}
			if _, unsafe := (Rules{Blame: only}).judge(c.kind, "/d/f", c.process, false, w); unsafe == nil {
				t.Errorf("%s: the word alone has it read", c.why)
			}
		}
	}
}

func modeBits(m os.FileMode) uint32 {
	bits := uint32(m.Perm())
	if m&os.ModeSticky != 0 {
		bits |= sticky
	}
	return bits
}

// Coverage: B69.
func TestSafeRestoresEveryRefusal(t *testing.T) {
	path := put(t, worldDir, 0o644)
	for words, open := range map[string]bool{"MapInUnsafeDirPath": true, "MapInUnsafeDirPath,Safe": false} {
		blame, err := config.ParseBlame(words)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Rules{Blame: blame}.Open(Map, path)
		if (err == nil) != open {
			t.Errorf("%s: %v", words, err)
		}
		if err == nil {
			f.Close()
		}
	}
}

// In a directory that others can write, a file may have been given away, unless
// chown is believed to be root's alone.
//
// Coverage: B70.
func TestTheOwnerOfAListInAWritableDirectoryIsBelievedByAWordOnly(t *testing.T) {
	w := walk{
		steps: []step{{place: place{"/", 0o755, 0}}, {place: place{"/d", 0o777, 0}}},
		file:  place{"/d/f", 0o644, 1000}, regular: true, links: 1,
	}
	for _, c := range []struct {
		words config.Blame
		dir   uint32
		want  bool
	}{
		{config.IncludeFileInUnsafeDirPath, 0o777, false},
		{config.IncludeFileInUnsafeDirPath | config.AssumeSafeChown, 0o777, true},
		{0, 0o755, true},
	} {
		w.steps[1].mode = c.dir
		f, unsafe := Rules{Blame: c.words}.judge(Include, "/d/f", 0, false, w)
		if unsafe != nil || f.Owner != 1000 || f.OwnerBelieved != c.want {
			t.Errorf("%s: %+v, %v", c.words, f, unsafe)
		}
	}
}

func TestAFileOfTheTrustedUserIsAsGoodAsRoots(t *testing.T) {
	w := walk{
		steps: []step{{place: place{"/", 0o755, 0}}, {place: place{"/d", 0o755, 25}}},
		file:  place{"/d/f", 0o644, 25}, regular: true, links: 1,
	}
	if _, unsafe := (Rules{Trusted: 25}).judge(Map, "/d/f", 0, false, w); unsafe != nil {
		t.Errorf("of the trusted user: %v", unsafe)
	}
	_, unsafe := Rules{}.judge(Map, "/d/f", 0, false, w)
	if unsafe == nil || unsafe.Reason != "Directory of another user" || unsafe.Mend != "type: chown root /d" {
		t.Errorf("of another: %v", unsafe)
	}
	w.steps[1].uid = 0
	if _, unsafe = (Rules{}).judge(Map, "/d/f", 0, false, w); unsafe == nil || unsafe.Mend != "type: chown root /d/f" {
		t.Errorf("a file of another: %v", unsafe)
	}
	if _, unsafe = (Rules{}).As(25).judge(Forward, "/d/f", 0, false, w); unsafe != nil {
		t.Errorf("a .forward of its own user: %v", unsafe)
	}
	if _, unsafe = (Rules{}).As(26).judge(Forward, "/d/f", 0, false, w); unsafe == nil {
		t.Error("a .forward of another user was read")
	}
	if _, err := New(config.Safe{TrustedUser: "no-such-user-here"}); err == nil || !strings.Contains(err.Error(), "no-such-user-here") {
		t.Errorf("an unknown TrustedUser: %v", err)
	}
	if r, err := New(config.Safe{TrustedUser: "25", Blame: config.TrustStickyBit}); err != nil || r.Trusted != 25 || r.Blame != config.TrustStickyBit {
		t.Errorf("a TrustedUser by number: %+v, %v", r, err)
	}
}

// Programs run whatever their modes, as sendmail has it; the log is told.
//
// Coverage: B101, B102.
func TestAnUnsafeProgramIsWarnedOfUnlessAWordSaysNot(t *testing.T) {
	path := put(t, worldDir, 0o777)
	for _, c := range []struct {
		words config.Blame
		want  []string
	}{
		{0, []string{"World writable directory", "World writable file"}},
		{config.RunProgramInUnsafeDirPath, []string{"World writable file"}},
		{config.RunWritableProgram, []string{"World writable directory"}},
		{config.RunProgramInUnsafeDirPath | config.RunWritableProgram, nil},
	} {
		f, err := Rules{Blame: c.words}.Open(Program, path)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		if len(f.Warnings) != len(c.want) {
			t.Errorf("%s: %q", c.words, f.Warnings)
			continue
		}
		for i, w := range c.want {
			if !strings.Contains(f.Warnings[i], w) {
				t.Errorf("%s: %q", c.words, f.Warnings)
			}
		}
	}
}

// Coverage: B72.
func TestAMissingForwardInAnUnsafeDirectoryIsNamedInTheLogUnlessAWordSaysNot(t *testing.T) {
	path := filepath.Join(filepath.Dir(put(t, worldDir, 0o644)), ".forward")
	for words, quiet := range map[config.Blame]bool{0: false, config.DontWarnForwardFileInUnsafeDirPath: true} {
		_, err := Rules{Blame: words}.Open(Forward, path)
		u, ok := errors.AsType[*Unsafe](err)
		if !ok || !u.Missing || u.Quiet != quiet {
			t.Errorf("%s: %+v, %v", words, u, err)
		}
	}
	if _, err := (Rules{}).Open(Forward, filepath.Join(safeDir(t), ".forward")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing .forward where all is safe: %v", err)
	}
}

// Coverage: B92.
func TestInsufficientEntropyIsTakenAndSaidToHaveNoEffect(t *testing.T) {
	if notes := (Rules{Blame: config.InsufficientEntropy}).Notes(); len(notes) != 1 || !strings.Contains(notes[0], "no effect") {
		t.Errorf("%q", notes)
	}
	if notes := (Rules{}).Notes(); len(notes) != 0 {
		t.Errorf("%q", notes)
	}
}

func TestARefusalIsOneSentenceWithWhatToType(t *testing.T) {
	for _, c := range []struct {
		dir, file os.FileMode
		kind      Kind
		want      string
	}{
		{0o777, 0o644, Map, "unsafe map file %d/f: World writable directory %d (mode 0777); type: chmod go-w %d"},
		{0o757, 0o644, Map, "unsafe map file %d/f: World writable directory %d (mode 0757); type: chmod o-w %d"},
		{0o775, 0o644, Class, "unsafe class file %d/f: Group writable directory %d (mode 0775); type: chmod g-w %d"},
		{0o777 | os.ModeSticky, 0o644, Class, "unsafe class file %d/f: World writable directory %d (mode 1777); keep the file elsewhere, or set TrustStickyBit in mta.dont_blame_sendmail"},
		{0o755, 0o664, Alias, "unsafe alias file %d/f: Group writable file (mode 0664); type: chmod g-w %d/f"},
		{0o755, 0o666, Map, "unsafe map file %d/f: World writable file (mode 0666); type: chmod go-w %d/f"},
		{0o755, 0o644, Key, "unsafe key file %d/f: World readable file (mode 0644); type: chmod go-r %d/f"},
		{0o755, 0o700, Delivery, "unsafe file of a delivery %d/f: Executable files not allowed (mode 0700); type: chmod a-x %d/f"},
	} {
		path := put(t, c.dir, c.file)
		_, err := Rules{}.Open(c.kind, path)
		want := strings.ReplaceAll(c.want, "%d", filepath.Dir(path))
		if err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}
