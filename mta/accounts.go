package mta

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"

	"mailcrane/mta/aliases"
)

// accounts are the users that the system knows.
type accounts struct {
	// passwd is the file that has their shells, as passwd(5) says.
	passwd string
}

// Lookup finds one by name.
func (a accounts) Lookup(name string) (aliases.User, bool, error) {
	if name == "" || strings.ContainsAny(name, ":/\x00") {
		return aliases.User{}, false, nil
	}
	u, err := user.Lookup(name)
	if _, unknown := errors.AsType[user.UnknownUserError](err); unknown {
		return aliases.User{}, false, nil
	}
	return a.user(u, err)
}

// LookupUID finds one by the number.
func (a accounts) LookupUID(uid uint32) (aliases.User, bool, error) {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if _, unknown := errors.AsType[user.UnknownUserIdError](err); unknown {
		return aliases.User{}, false, nil
	}
	return a.user(u, err)
}

func (a accounts) user(u *user.User, err error) (aliases.User, bool, error) {
	if err != nil {
		return aliases.User{}, false, err
	}
	found := aliases.User{Name: u.Username, Home: u.HomeDir}
	uid, wrong := strconv.ParseUint(u.Uid, 10, 32)
	gid, worse := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(wrong, worse); err != nil {
		return aliases.User{}, false, err // not Unix: nobody has a number here
	}
	found.UID, found.GID = uint32(uid), uint32(gid)
	found.Shell, err = a.shell(found.Name)
	return found, err == nil, err
}

// mostAccounts bounds the file that is read, in octets.
const mostAccounts = 64 << 20

// shell is the shell of a user; "" is /bin/sh, also of one who is in no file.
func (a accounts) shell(name string) (string, error) {
	f, err := os.Open(a.passwd)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, mostAccounts))
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) == 7 && fields[0] == name {
			return fields[6], nil
		}
	}
	return "", lines.Err()
}
