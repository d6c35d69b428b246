package local

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"
)

// An Account is a user of the machine.
type Account struct {
	Name, Home string
	UID, GID   uint32
	Groups     []uint32 // all of them, GID too
}

// ErrUnknown is that there is no such user.
var ErrUnknown = errors.New("no such user")

func isUnknown(err error) bool {
	if errors.Is(err, ErrUnknown) {
		return true
	}
	_, name := errors.AsType[user.UnknownUserError](err)
	_, id := errors.AsType[user.UnknownUserIdError](err)
	return name || id
}

// LookUp finds an account by its name in the system's own list.
func LookUp(name string) (Account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return Account{}, err
	}
	return accountOf(u)
}

func accountOf(u *user.User) (Account, error) {
	a := Account{Name: u.Username, Home: u.HomeDir}
	var err error
	if a.UID, err = id(u.Uid); err != nil {
		return a, err
	}
	if a.GID, err = id(u.Gid); err != nil {
		return a, err
	}
	a.Groups = []uint32{a.GID}
	all, err := u.GroupIds()
	if err != nil {
		return a, fmt.Errorf("finding the groups of %s: %w", u.Username, err)
	}
	for _, text := range all {
		if g, err := id(text); err == nil && g != a.GID {
			a.Groups = append(a.Groups, g)
		}
	}
	return a, nil
}

func id(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err
}

// owner is the account of a uid; one that has no name has no groups either.
func owner(uid, gid uint32) Account {
	if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
		if a, err := accountOf(u); err == nil {
			return a
		}
	}
	return Account{Name: strconv.FormatUint(uint64(uid), 10), Home: "/", UID: uid, GID: gid, Groups: []uint32{gid}}
}

// defaultUser is who programs and files of aliases run as: USER, USER:GROUP, or
// where nothing is set the first of sendmail's choices that the machine has.
func defaultUser(text string, users func(string) (Account, error)) (Account, error) {
	if text == "" {
		for _, name := range [...]string{"mailnull", "sendmail", "daemon"} {
			if a, err := users(name); err == nil && a.UID != 0 {
				return a, nil
			}
		}
		return owner(1, 1), nil
	}
	name, group, hasGroup := strings.Cut(strings.Replace(text, ".", ":", 1), ":")
	if _, err := users(text); err == nil { // a name with a dot in it
		name, hasGroup = text, false
	}
	a, err := users(name)
	if n, numeric := id(name); err != nil && numeric == nil {
		a, err = owner(n, n), nil
	}
	if err != nil || !hasGroup {
		return a, err
	}
	g, err := id(group)
	if err != nil {
		found, unknown := user.LookupGroup(group)
		if unknown != nil {
			return a, unknown
		}
		if g, err = id(found.Gid); err != nil {
			return a, err
		}
	}
	a.GID, a.Groups = g, []uint32{g}
	return a, nil
}
