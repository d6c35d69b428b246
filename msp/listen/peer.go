package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"

	"mailcrane/internal/sysexits"
)

// Access says which local users may submit. The zero Access lets in the user
// of this process and root.
type Access struct {
	// Everyone lets every local user in.
	Everyone bool
	// UIDs are further users.
	UIDs []uint32
}

// shared says that other users than our own must be able to connect.
func (a Access) shared() bool { return a.Everyone || len(a.UIDs) > 0 }

func (a Access) allows(u user) bool {
	return a.Everyone || u.ours || u.numbered && slices.Contains(a.UIDs, u.uid)
}

// A user is whom a process of this machine runs as.
type user struct {
	// words name the user in one line.
	words string
	// uid is the user's number, on a system that numbers users.
	uid      uint32
	numbered bool
	// ours: the user of this process, or one who may do everything.
	ours bool
}

func userOf(uid uint32) user {
	return user{fmt.Sprintf("uid %d", uid), uid, true, uid == 0 || int64(uid) == int64(os.Geteuid())}
}

// A peer is who is at the other end of a connection.
type peer struct {
	// words say it in one line, for the story of a message.
	words string
	// uid is the user, where known says that the system tells its number.
	uid   uint32
	known bool
}

// owner is whose message it is where several users hand mail in.
func (p peer) owner(a Access) string {
	if !p.known || !a.shared() {
		return ""
	}
	return strconv.FormatUint(uint64(p.uid), 10)
}

// admit says who the peer of c is, or why it is not served: NoPerm if it may
// not submit, TempFail if it could not be told.
func (a Access) admit(c net.Conn) (peer, error) {
	switch local := c.LocalAddr().(type) {
	case *net.UnixAddr:
		return a.admitUnix(c, local)
	case *net.TCPAddr:
		return a.admitTCP(c, local)
	}
	return peer{}, sysexits.Errorf(sysexits.NoPerm, "", "%s is no local connection", c.LocalAddr().Network())
}

func (a Access) admitUnix(c net.Conn, local *net.UnixAddr) (peer, error) {
	uid, pid, err := peerCredentials(c)
	if err != nil {
		return peer{}, sysexits.Errorf(sysexits.TempFail, "", "The system does not say which user connected: %w", err)
	}
	if !a.allows(userOf(uid)) {
		return peer{}, notAllowed(userOf(uid))
	}
	words := fmt.Sprintf("uid %d, process %d, SMTP on %s", uid, pid, local.Name)
	if pid == 0 { // not every system tells
		words = fmt.Sprintf("uid %d, SMTP on %s", uid, local.Name)
	}
	return peer{words, uid, true}, nil
}

// errUntold says that this system does not tell the owner of a TCP connection.
var errUntold = errors.New("the owner of a TCP connection cannot be told on this system")

func (a Access) admitTCP(c net.Conn, local *net.TCPAddr) (peer, error) {
	remote, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok || !remote.IP.IsLoopback() || !local.IP.IsLoopback() {
		return peer{}, sysexits.Errorf(sysexits.NoPerm, "", "Only this machine may submit mail here, and %v is another", c.RemoteAddr())
	}
	who, err := tcpUser(remote.AddrPort(), local.AddrPort())
	switch {
	case err == nil && a.allows(who):
		return peer{fmt.Sprintf("%s, SMTP on %v", who.words, local), who.uid, who.numbered}, nil
	case err == nil:
		return peer{}, notAllowed(who)
	case a.Everyone, errors.Is(err, errUntold):
		return peer{words: fmt.Sprintf("some local user, SMTP on %v", local)}, nil
	}
	return peer{}, sysexits.Errorf(sysexits.TempFail, "", "The system does not say which user connected: %w", err)
}

func notAllowed(who user) error {
	return sysexits.Errorf(sysexits.NoPerm, "",
		"This server takes mail from another user, not from %s; use the sendmail command instead", who.words)
}

// localOnly refuses a listener that other machines can reach.
func localOnly(a net.Addr) error {
	switch a := a.(type) {
	case *net.UnixAddr:
		return nil
	case *net.TCPAddr:
		if a.IP.IsLoopback() {
			return nil
		}
	}
	return sysexits.Errorf(sysexits.Config, "listen on 127.0.0.1, ::1 or a Unix socket",
		"%v can be reached from other machines, which could send mail without logging in", a)
}
