//go:build unix

package mta

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"mailcrane/internal/sysexits"
)

// Become makes the process the user and group of name, which is USER or
// USER:GROUP, for good: sendmail's RunAsUser. "" changes nothing. It is called
// when the listeners are open and nothing else has begun.
func Become(name string) error {
	if name == "" {
		return nil
	}
	uid, gid, groups, err := lookUp(name)
	if err != nil {
		return sysexits.Errorf(sysexits.Config, "name a user of this machine in [mta] run_as, or make one: useradd --system mailcrane", "run_as = %q: %w", name, err)
	}
	if os.Geteuid() == uid && os.Getegid() == gid {
		return nil
	}
	if os.Geteuid() != 0 {
		return sysexits.Errorf(sysexits.NoPerm, "start it as root, or take run_as out", "run_as = %q: only root can become another user", name)
	}
	// The groups go first: afterwards there is nobody left who may change them.
	for _, step := range [...]struct {
		what string
		do   func() error
	}{
		{"groups", func() error { return syscall.Setgroups(groups) }},
		{"group", func() error { return syscall.Setgid(gid) }},
		{"user", func() error { return syscall.Setuid(uid) }},
	} {
		if err := step.do(); err != nil {
			return sysexits.Errorf(sysexits.OSErr, "", "changing the %s to those of %q: %w", step.what, name, err)
		}
	}
	if uid != 0 && syscall.Setuid(0) == nil {
		return sysexits.Errorf(sysexits.OSErr, "", "this process can still become root after it has become %q", name)
	}
	return nil
}

// give makes an empty directory that of a user, as root may. One with files in it
// is left as it is: they would have to change hands too.
func give(dir, name string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if found, err := os.ReadDir(dir); err != nil || len(found) > 0 {
		return err
	}
	uid, gid, _, err := lookUp(name)
	if err != nil {
		return nil //nolint:nilerr // Become says it
	}
	return os.Lchown(dir, uid, gid)
}

// lookUp is who name is, with all groups.
func lookUp(name string) (uid, gid int, groups []int, err error) {
	login, group, hasGroup := strings.Cut(name, ":")
	u, err := user.Lookup(login)
	if err != nil {
		if u, err = user.LookupId(login); err != nil {
			return 0, 0, nil, fmt.Errorf("there is no user %q", login)
		}
	}
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, 0, nil, err
	}
	own := u.Gid
	if hasGroup {
		g, err := user.LookupGroup(group)
		if err != nil {
			if g, err = user.LookupGroupId(group); err != nil {
				return 0, 0, nil, fmt.Errorf("there is no group %q", group)
			}
		}
		own = g.Gid
	}
	if gid, err = strconv.Atoi(own); err != nil {
		return 0, 0, nil, err
	}
	all, err := u.GroupIds()
	if err != nil {
		return 0, 0, nil, fmt.Errorf("finding the groups of %q: %w", login, err)
	}
	groups = []int{gid}
	for _, id := range all {
		if n, err := strconv.Atoi(id); err == nil && !slices.Contains(groups, n) {
			groups = append(groups, n)
		}
	}
	return uid, gid, groups, nil
}

// becomes is the uid that a server of root's is to have; false where it stays.
func becomes(name string) (uid uint32, ok bool) {
	if name == "" || os.Geteuid() != 0 {
		return 0, false
	}
	n, _, _, err := lookUp(name)
	return uint32(n), err == nil && n > 0 //nolint:gosec // a user's number has 32 bits
}
