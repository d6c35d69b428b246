//go:build unix

package intake

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mailcrane/msp/drop"
)

// A file is a dropped file as it was looked at.
type file struct {
	name string
	uid  uint32
	size int64
	// looked is what was seen of it first. Its device need not be the directory's:
	// an overlay whose layers are on several file systems shows theirs.
	looked unix.Stat_t
}

func (f file) is(st unix.Stat_t) bool {
	return st.Dev == f.looked.Dev && st.Ino == f.looked.Ino && st.Uid == f.uid
}

func (f file) id() drop.ID { return drop.ID(strings.TrimSuffix(f.name, drop.Whole)) }

// Of a directory that others may write to, its owner alone may list it; sticky,
// nobody can take another's file away; and its group goes over to the files.
const directoryMode = 0o3733

func makeDirectory(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return unix.Chmod(path, directoryMode) // which the umask bounds in mkdir
}

func openDirectory(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil {
		switch {
		case int(st.Uid) != os.Geteuid():
			err = fmt.Errorf("it belongs to uid %d, and the agent is uid %d", st.Uid, os.Geteuid())
		case st.Mode&unix.S_ISVTX == 0:
			err = errors.New("it has no sticky bit, so that users could take each other's mail away")
		case st.Mode&0o044 != 0:
			err = errors.New("others than its owner can list it")
		}
	}
	if err != nil {
		unix.Close(fd) //nolint:errcheck // it was read only
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// survey lists the files that are to be taken in, one of each user in turn, and
// clears away what is no message.
func (in *Intake) survey() ([]file, error) {
	if _, err := in.dir.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	byUser, kept := make(map[uint32][]file), make(map[tally]int)
	defer in.tellings.close(in.Log, in.Now())
	for {
		names, err := in.dir.Readdirnames(1024)
		for _, name := range names {
			// More of one user are not looked at in a turn, however many there are.
			if f, ok := in.judge(name, kept); ok && len(byUser[f.uid]) < turn {
				byUser[f.uid] = append(byUser[f.uid], f)
			}
		}
		if errors.Is(err, io.EOF) {
			return takeTurns(byUser), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// A tally counts a user's files of a kind that is left alone.
type tally struct {
	uid  uint32
	kind string
}

// takeTurns is one file of each user, then another of each.
func takeTurns(byUser map[uint32][]file) []file {
	users := make([]uint32, 0, len(byUser))
	for uid, files := range byUser {
		users = append(users, uid)
		slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	}
	slices.Sort(users)
	var all []file
	for round := 0; ; round++ {
		some := false
		for _, uid := range users {
			if files := byUser[uid]; round < len(files) {
				all, some = append(all, files[round]), true
			}
		}
		if !some {
			return all
		}
	}
}

// judge says whether a name is that of a file to be taken in. Nothing is opened
// here: to open a FIFO or a device can have effects.
func (in *Intake) judge(name string, kept map[tally]int) (f file, ok bool) {
	var st unix.Stat_t
	if err := unix.Fstatat(in.fd(), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return f, false // it has gone
	}
	f = file{name: name, uid: st.Uid, looked: st, size: st.Size}
	id, kind := cutName(name)
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		in.shun(f)
		return f, false
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		in.discard(f, "it is no regular file")
		return f, false
	case !id.Valid() || kind == "":
		in.discard(f, "it is not named as a dropped message is")
		return f, false
	}
	count := tally{f.uid, kind}
	kept[count]++
	switch kind {
	case drop.Whole:
		return f, true
	case drop.Writing:
		// Its link count is not looked at before it is whole.
		age := in.Now().Sub(time.Unix(st.Mtim.Unix()))
		if age > oldUnfinished || kept[count] > mostUnfinished {
			in.discard(f, "it was never finished")
		}
	case drop.Aside:
		if kept[count] > mostAside {
			in.discard(f, fmt.Sprintf("uid %d has %d others already that could not be taken in", f.uid, mostAside))
		}
	}
	return f, false
}

// shun removes a directory, or gives one that is not empty a name by which it is
// told of once and starts no agent.
func (in *Intake) shun(f file) {
	if unix.Unlinkat(in.fd(), f.name, unix.AT_REMOVEDIR) == nil || in.isAside(f.name) {
		return
	}
	to := fmt.Sprintf("%032x%s", f.looked.Ino, drop.Aside)
	err := unix.Renameat(in.fd(), f.name, in.fd(), to)
	in.tell(f, "a directory stands among the dropped mail; take it away", "dir", in.Dir, "now", to, "err", err)
}

func (in *Intake) isAside(name string) bool { return strings.HasSuffix(name, drop.Aside) }

func cutName(name string) (id drop.ID, kind string) {
	for _, kind := range [...]string{drop.Whole, drop.Writing, drop.Aside} {
		if id, ok := strings.CutSuffix(name, kind); ok {
			return drop.ID(id), kind
		}
	}
	return drop.ID(name), ""
}

func (in *Intake) fd() int { return int(in.dir.Fd()) }

// open opens a file and looks at what it is once more, by its descriptor: its
// owner may have put another in its place.
func (in *Intake) open(f file) (*os.File, error) {
	fd, err := unix.Openat(in.fd(), f.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	open := os.NewFile(uintptr(fd), f.name)
	if err := in.check(fd, f); err != nil {
		open.Close()
		return nil, err
	}
	return open, nil
}

func (in *Intake) check(fd int, f file) error {
	var st, dir unix.Stat_t
	if err := errors.Join(unix.Fstat(fd, &st), unix.Fstat(in.fd(), &dir)); err != nil {
		return err
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return errors.New("it is no regular file")
	case !f.is(st):
		return errors.New("another file was put in its place")
	case st.Nlink != 1:
		// A link to another user's file would be taken for that user's mail.
		return fmt.Errorf("it has %d names", st.Nlink)
	case st.Gid != dir.Gid:
		return fmt.Errorf("its group is %d, which the directory would not have given it", st.Gid)
	case st.Size != f.size:
		return errors.New("it is still being written to")
	case st.Size > in.MaxSize:
		return fmt.Errorf("it has %d octets, and %d is the most", st.Size, in.MaxSize)
	}
	return nil
}

// isStill says that the name is still that of the file that was looked at.
func (in *Intake) isStill(f file) bool {
	var st unix.Stat_t
	err := unix.Fstatat(in.fd(), f.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil && f.is(st)
}

// remove takes a file away that is queued, and makes that durable, so that a
// power cut does not bring it back. The name of a file that its owner has put in
// its place meanwhile is left.
func (in *Intake) remove(f file) {
	if in.isStill(f) {
		if err := unix.Unlinkat(in.fd(), f.name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
			in.Log.Error("a dropped message is queued and cannot be removed", "file", f.name, "err", err)
		}
	}
	if err := in.dir.Sync(); err != nil {
		in.Log.Error("the drop directory cannot be synced", "dir", in.Dir, "err", err)
	}
}

// discard removes what is no message.
func (in *Intake) discard(f file, why string) {
	in.tell(f, "removed from the drop directory", "why", why)
	if err := unix.Unlinkat(in.fd(), f.name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		in.Log.Error("cannot remove it", "name", f.name, "err", err)
	}
}

// aside gives a file that cannot be taken in a name by which it is not tried
// again; its owner can still read it.
func (in *Intake) aside(f file, why error) {
	if errors.Is(why, unix.ENOENT) {
		return // its owner has taken it back
	}
	in.tell(f, "a dropped file was set aside", "why", why)
	to := string(f.id()) + drop.Aside
	if err := unix.Renameat(in.fd(), f.name, in.fd(), to); err != nil && !errors.Is(err, unix.ENOENT) {
		in.discard(f, "it cannot be set aside: "+err.Error())
	}
}
