package aliases

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"time"

	"mailcrane/internal/visible"
)

// SystemUsers are those that the system knows, in its password file or elsewhere.
// Their shells are told by Shell alone, since that may start a program.
type SystemUsers struct{}

// Lookup finds one by name.
func (SystemUsers) Lookup(name string) (User, bool, error) {
	if name == "" || strings.HasPrefix(name, "-") || strings.ContainsAny(name, ":/\x00\n") {
		return User{}, false, nil
	}
	u, err := user.Lookup(name)
	return found(u, err)
}

// LookupUID finds one by number.
func (SystemUsers) LookupUID(uid uint32) (User, bool, error) {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	return found(u, err)
}

func found(u *user.User, err error) (User, bool, error) {
	_, noName := errors.AsType[user.UnknownUserError](err)
	_, noID := errors.AsType[user.UnknownUserIdError](err)
	switch {
	case noName, noID:
		return User{}, false, nil
	case err != nil:
		return User{}, false, fmt.Errorf("looking up a user of this machine: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil { // Windows has no numbers
		return User{Name: u.Username, Home: u.HomeDir}, true, nil
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return User{}, false, fmt.Errorf("the group of %s: %w", visible.Line(u.Username, 100), err)
	}
	return User{Name: u.Username, UID: uint32(uid), GID: uint32(gid), Home: u.HomeDir, Shell: notTold}, true, nil
}

// notTold is a shell with which nobody runs programs.
const notTold = "/nonexistent"

const maxPasswd = 64 << 20 // octets of the password file

// Shell is the shell of a user: in the password file, else by getent(1), which
// asks wherever the system keeps its users.
func (SystemUsers) Shell(ctx context.Context, name string) (string, error) {
	f, err := os.Open("/etc/passwd")
	if err == nil {
		shell, ok := shellIn(io.LimitReader(f, maxPasswd), name)
		f.Close()
		if ok {
			return shell, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	line, err := exec.CommandContext(ctx, "getent", "passwd", name).Output() //nolint:gosec // a name that the system knows
	if shell, ok := shellIn(strings.NewReader(string(line)), name); ok {
		return shell, nil
	}
	return "", fmt.Errorf("nothing tells the shell of %s: neither /etc/passwd nor getent: %w", visible.Line(name, 100), errors.Join(err, errNoShell))
}

var errNoShell = errors.New("no line for that name")

// shellIn finds the last field of the user's line.
func shellIn(in io.Reader, name string) (string, bool) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if fields := strings.Split(lines.Text(), ":"); len(fields) >= 7 && fields[0] == name {
			return fields[6], true
		}
	}
	return "", false
}
