package aliases

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"mailcrane/internal/logbook"
)

// anyShell in the file of shells stands for all that are not there.
const anyShell = "/SENDMAIL/ANY/SHELL/"

// A sheller is Users who do not tell the shell with the rest.
type sheller interface {
	Shell(ctx context.Context, name string) (string, error)
}

const maxShells = 1 << 20 // octets of the file

// validShell says that a user with the shell may run programs by mail: one who
// cannot log in to run them must not by this way either. Where the system has no
// file of shells, there are sh and csh, as getusershell(3) has it.
func (l *Lists) validShell(ctx context.Context, u *User) (bool, error) {
	if s, ok := l.o.Users.(sheller); ok && u.Name != "" {
		var err error
		if u.Shell, err = s.Shell(ctx, u.Name); err != nil {
			return false, err
		}
	}
	shell := u.Shell
	if shell == "" { // passwd(5): /bin/sh
		return true, nil
	}
	f, err := os.Open(l.o.Shells)
	if errors.Is(err, fs.ErrNotExist) {
		return shell == "/bin/sh" || shell == "/bin/csh", nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxShells))
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line == shell || line == anyShell {
			return true, nil
		}
	}
	return false, lines.Err()
}

func (l *Lists) sayShell(path string, u *User) {
	logbook.Line(l.o.Log, logbook.Modes, fmt.Sprintf("%s: user %s has bad shell %s, marked bogus", path, u.Name, u.Shell),
		slog.String("file", path), slog.String("user", u.Name))
}
