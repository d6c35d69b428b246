package aliases

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"mailcrane/mta/safefile"
)

// asUser opens with the rights of a user where this process is root: what the user
// cannot read, a link in the user's directory must not show. Rights over files
// belong to a thread in Linux, and this one ends with them.
func asUser(uid uint32, open func() (*safefile.File, error)) (*safefile.File, error) {
	if uid == 0 || os.Geteuid() != 0 {
		return open()
	}
	gid, groups, err := groupsOf(uid)
	if err != nil {
		return nil, err
	}
	type result struct {
		file *safefile.File
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // for good: so the thread serves nobody else
		var r result
		if r.err = become(int(uid), gid, groups); r.err == nil {
			r.file, r.err = open()
		}
		done <- r
	}()
	r := <-done
	return r.file, r.err
}

// become gives this thread the user's rights over files. Its errors are the
// system's fault, and not what the user may not do.
func become(uid, gid int, groups []int) error {
	if err := unix.Setgroups(groups); err != nil {
		return fmt.Errorf("taking on the groups of uid %d: %s", uid, err.Error())
	}
	for _, set := range [...]struct {
		id  int
		ids func(int) (int, error)
	}{{gid, unix.SetfsgidRetGid}, {uid, unix.SetfsuidRetUid}} {
		// It says what was before, and fails silently: a second call shows it.
		_, _ = set.ids(set.id)
		if now, _ := set.ids(-1); now != set.id {
			return fmt.Errorf("taking on the rights of uid %d: the system does not let this process", uid)
		}
	}
	return nil
}

const nogroup = 65534

func groupsOf(uid uint32) (gid int, groups []int, err error) {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if _, unknown := errors.AsType[user.UnknownUserIdError](err); unknown {
		return nogroup, nil, nil // the owner of a file need not be a user
	}
	if err != nil {
		return 0, nil, fmt.Errorf("looking up uid %d: %w", uid, err)
	}
	if gid, err = strconv.Atoi(u.Gid); err != nil {
		return 0, nil, fmt.Errorf("looking up uid %d: %w", uid, err)
	}
	names, err := u.GroupIds()
	if err != nil {
		return 0, nil, fmt.Errorf("looking up the groups of uid %d: %w", uid, err)
	}
	for _, name := range names {
		if id, err := strconv.Atoi(name); err == nil {
			groups = append(groups, id)
		}
	}
	return gid, groups, nil
}
