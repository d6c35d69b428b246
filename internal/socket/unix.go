//go:build unix

package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"mailcrane/internal/sysexits"
)

// A locked listener holds the lock of its socket until it is closed.
type locked struct {
	net.Listener
	lock *flock.Flock
}

// Close removes the socket. The lock file stays: to remove it would let two
// servers hold two locks of one name.
func (l locked) Close() error {
	return errors.Join(l.Listener.Close(), l.lock.Unlock())
}

// Unix makes a Unix socket at an absolute path: with mode 0600, or 0666 where
// it is shared, in a directory that only its owner can write to (made with mode
// 0700, or 0755, if there is none). A file PATH.lock beside it keeps two servers
// apart. A path that is not a socket, and one that another program serves are
// errors of sysexits with a hint.
func Unix(ctx context.Context, path string, shared bool) (net.Listener, error) {
	if !filepath.IsAbs(path) {
		return nil, sysexits.Errorf(sysexits.Config, "write unix: and a path that begins with /", "%q is no absolute path for a socket", path)
	}
	if longest := len(syscall.RawSockaddrUnix{}.Path) - 1; len(path) > longest {
		return nil, sysexits.Errorf(sysexits.Config, "use a directory with a shorter name",
			"the path of a socket has at most %d octets on this system, and %s has %d", longest, path, len(path))
	}
	if err := ownDirectory(filepath.Dir(path), shared); err != nil {
		return nil, err
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	free, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, sysexits.Errorf(sysexits.CantCreat, "", "locking %s.lock: %w", path, err)
	case !free:
		return nil, taken(path)
	}
	l, err := bind(ctx, path, shared)
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return locked{l, lock}, nil
}

// bind makes the socket. The caller holds the lock.
func bind(ctx context.Context, path string, shared bool) (net.Listener, error) {
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	mode := fs.FileMode(0o600)
	if shared {
		mode = 0o666
	}
	config := net.ListenConfig{Control: narrow(mode)}
	l, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, sysexits.Errorf(sysexits.CantCreat, "", "making the socket %s: %w", path, err)
	}
	if err := os.Chmod(path, mode); err != nil {
		return nil, sysexits.Errorf(sysexits.CantCreat, "", "setting the mode of a socket: %w", errors.Join(err, l.Close()))
	}
	return l, nil
}

// removeStale removes what a server that was killed left behind: a socket,
// never a link or another file, on which nobody answers.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return sysexits.Errorf(sysexits.CantCreat, "", "looking for an old socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return sysexits.Errorf(sysexits.CantCreat, "move it away, or listen elsewhere", "%s is there and is not a socket", path)
	}
	const answerTime = 2 * time.Second
	dialer := net.Dialer{Timeout: answerTime}
	c, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		_ = c.Close() // nothing was said on it
		return taken(path)
	}
	if !refused(err) {
		return sysexits.Errorf(sysexits.CantCreat, "", "is anybody listening on %s? %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return sysexits.Errorf(sysexits.CantCreat, "", "removing an old socket: %w", err)
	}
	return nil
}

func taken(path string) error {
	return sysexits.Errorf(sysexits.Unavailable, "stop the other one first, or listen elsewhere", "another server listens on %s already", path)
}

// ownDirectory sees to it that nobody else can put a socket of the same name
// in dir, where clients would give it their mail.
func ownDirectory(dir string, shared bool) error {
	mode := fs.FileMode(0o700)
	if shared {
		mode = 0o755
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return sysexits.Errorf(sysexits.CantCreat, "", "making the directory of a socket: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return sysexits.Errorf(sysexits.CantCreat, "", "looking at the directory of a socket: %w", err)
	}
	if why := writers(info); why != "" {
		return sysexits.Errorf(sysexits.NoPerm, fmt.Sprintf("use a directory of your own, or type: chmod go-w %s", dir), "%s %s: others could put their own socket there", dir, why)
	}
	return nil
}

// narrow gives the socket its mode before it has a name: on Linux that is the
// mode of the file that bind makes, less the umask. Other systems refuse, and
// the mode is set just after.
func narrow(mode fs.FileMode) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), uint32(mode.Perm())) })
	}
}

func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// writers says who besides us and root can write to a directory, or "".
func writers(info fs.FileInfo) string {
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok || owner.Uid != 0 && int(owner.Uid) != os.Geteuid():
		return "belongs to another user"
	case info.Mode().Perm()&0o022 != 0:
		return "can be written to by others"
	}
	return ""
}
