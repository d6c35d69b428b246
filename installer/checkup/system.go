package checkup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"

	"mailcrane/internal/sysexits"
)

// dropMode is that of the drop directory: all may put something in, nobody but the
// agent may list it or take away what is another's, and what is put in belongs to
// the agent's group.
const dropMode = fs.ModeSticky | fs.ModeSetgid | 0o733

// owner is the user that the machine's agent runs as.
const owner = "mailcrane"

// serviceUser is as whom the machine's service runs, or will; nil where there is
// none of that name.
func (c *checker) serviceUser() *user.User {
	name := owner
	if c.unit != nil {
		if name = c.unit.property["User"]; name == "" {
			name = "root"
		}
	}
	if u, err := user.Lookup(name); err == nil {
		return u
	}
	if _, err := strconv.Atoi(name); err == nil {
		return &user.User{Uid: name, Username: name}
	}
	return nil
}

// limited says that what is looked at belongs to the machine's agent, and is closed
// to who asks.
func (c *checker) limited() bool {
	if !c.System || c.UID == 0 {
		return false
	}
	u := c.serviceUser()
	return u == nil || u.Uid != strconv.Itoa(c.UID)
}

// systemWide is about the agent of all users.
func (c *checker) systemWide() {
	s := c.Config.System
	if !s.Used() {
		return
	}
	u, err := user.Lookup(owner)
	if err != nil {
		c.tell(Finding{
			ID: "system-user", State: Broken, Code: sysexits.OSFile, What: "there is no user " + owner, Why: "the agent of all users runs as that one",
			Command: c.sudo("useradd --system --user-group --home-dir /var/spool/mailcrane --shell /usr/sbin/nologin " + owner),
		})
		return
	}
	c.drop(s.Drop, u)
	info, err := os.Stat(s.Socket)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.tell(Finding{
			ID: "system-socket", State: Warning, What: "nobody takes mail at " + s.Socket, Why: "what is handed in is dropped, and leaves when the agent comes",
			Command: c.sudo("systemctl start mailcrane"),
		})
	case err == nil && info.Mode().Perm() != 0o666:
		c.tell(Finding{
			ID: "system-socket", State: Broken, Code: sysexits.NoPerm, What: fmt.Sprintf("not everybody may use %s (mode %04o)", s.Socket, info.Mode().Perm()), Why: "users cannot hand in mail there",
			Command: c.sudo("chmod 666 " + shell(s.Socket)),
		})
	case err == nil:
		c.fine("system-socket", "users hand in mail at "+s.Socket)
	}
}

func (c *checker) drop(dir string, u *user.User) {
	if dir == "" {
		return
	}
	right := c.sudo(fmt.Sprintf("install -d -m 3733 -o %s -g %s %s", owner, owner, shell(dir)))
	f := Finding{ID: "system-drop", State: Broken, Code: sysexits.CantCreat, Why: "while the agent does not answer, users hand in mail there", Command: right}
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.What = "there is no drop directory " + dir
	case err != nil:
		f.What = fmt.Sprintf("the drop directory %s cannot be looked at: %v", dir, reason(err))
	case !info.IsDir():
		f.What = dir + " is in the place of the drop directory, and is none"
	case ownedBy(info, u) && info.Mode()&(fs.ModePerm|fs.ModeSticky|fs.ModeSetgid) == dropMode:
		c.fine("system-drop", dir+" is as it should be")
		return
	case !ownedBy(info, u):
		f.What = dir + " does not belong to " + owner
	default:
		f.What = fmt.Sprintf("the drop directory %s has the wrong mode, %v", dir, info.Mode())
		f.Why = "users could see or change each other's mail, or not hand in any"
	}
	c.tell(f)
}

func ownedBy(info fs.FileInfo, u *user.User) bool {
	uid, known := ownerOf(info)
	return known && strconv.Itoa(uid) == u.Uid
}
