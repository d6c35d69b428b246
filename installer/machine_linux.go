package installer

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
)

// Left are the directories with mail and state that a removed service of the
// machine leaves, and so its user.
func (o Options) Left() []string {
	var left []string
	for _, dir := range o.owned() {
		if exists(dir) {
			left = append(left, dir)
		}
	}
	return left
}

// owned are the directories that belong to the user of the machine's service.
func (o Options) owned() []string {
	dirs := append([]string{"/var/lib/" + Name, "/var/spool/" + Name}, o.Needs.Spools...)
	if o.Needs.Drop != "" {
		dirs = append(dirs, o.Needs.Drop)
	}
	return dirs
}

// clearMachine takes away the directories that are empty, and the user if
// nothing is theirs any more: a file without an owner would belong to the next
// user who is given the number.
func (o Options) clearMachine(ctx context.Context) error {
	dirs := o.owned()
	for i := len(dirs) - 1; i >= 0; i-- {
		removeEmpty(dirs[i])
		if parent := filepath.Dir(dirs[i]); filepath.Base(parent) == Name {
			removeEmpty(parent)
		}
	}
	removeEmpty("/run/" + Name)
	if len(o.Left()) > 0 {
		return nil
	}
	if _, err := user.Lookup(Name); err == nil {
		if err := systemTool(ctx, "userdel", Name); err != nil {
			return err
		}
	}
	if _, err := user.LookupGroup(Name); err == nil {
		return systemTool(ctx, "groupdel", Name)
	}
	return nil
}

func removeEmpty(dir string) {
	if info, err := os.Lstat(dir); err == nil && info.IsDir() {
		_ = os.Remove(dir) // one that is not empty stays
	}
}

// prepareMachine makes the user and the directories of the machine's service
// where no systemd does.
func (o Options) prepareMachine(ctx context.Context) error {
	if _, err := user.Lookup(Name); err != nil {
		if err := systemTool(ctx, "useradd", "--system", "--user-group", "--home-dir", ServiceHome, "--no-create-home",
			"--shell", "/usr/sbin/nologin", "--comment", "mailcrane keeps and sends mail", Name); err != nil {
			return err
		}
	}
	for _, d := range append([]directory{{ServiceHome, 0o700, Name}}, o.directories()...) {
		if d.owner == "root" && isThere(d.path) {
			continue
		}
		// install(1) gives mode and owner also to what is there.
		if err := systemTool(ctx, "install", "-d", "-o", d.owner, "-g", d.owner, "-m", fmt.Sprintf("%04o", d.mode), d.path); err != nil {
			return err
		}
	}
	return nil
}
