package checkup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"mailcrane/internal/sysexits"
)

const (
	// A disk with less than fewOctets free takes no mail soon, one with less than
	// leastOctets none now.
	fewOctets, leastOctets = 200 << 20, 5 << 20
	// fewFiles is as many messages as a queue may well get in a bad week.
	fewFiles = 1000
	// slowSync is how long a submission may wait for the disk until a person
	// notices.
	slowSync = time.Second
)

// A disk is the file system that holds a directory, as far as the system tells.
type disk struct {
	kind          string // "nfs", "tmpfs", "" where it is not known
	network, gone bool   // gone: what it holds is gone with the next start
	readOnly      bool
	free          int64 // octets, for a user; -1 where nobody tells
	files         int64 // that can still be made; -1 where nobody tells
}

// spools looks at each queue directory.
func (c *checker) spools() {
	for _, dir := range c.Config.Spools {
		if c.spool(dir) {
			c.onDisk(dir)
		}
	}
	c.setAside()
}

// spool says whether there is a directory that can be written.
func (c *checker) spool(dir string) bool {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c.noSpool(dir)
	case err != nil:
		c.tell(c.badSpool("spool-unreadable", fmt.Sprintf("the queue directory %s cannot be looked at: %v", dir, reason(err)),
			"mail can be neither kept nor sent", "ls -ld "+shell(dir)))
		return false
	case !info.IsDir():
		c.tell(c.badSpool("spool-no-directory", dir+" is in the place of the queue directory, and is none",
			"mail can be neither kept nor sent", fmt.Sprintf("mv %s %s", shell(dir), shell(dir+".old"))))
		return false
	}
	if uid, known := ownerOf(info); known && !c.spoolOwner(dir, uid) {
		return false
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		c.tell(c.badSpool("spool-rights", fmt.Sprintf("other users get into the queue directory %s (mode %04o)", dir, mode),
			"they can see your mail, or change it", "chmod 700 "+shell(dir)))
	}
	return true
}

// spoolOwner says whether a queue directory of that user can be used by whom it is
// for. Root may look at anybody's.
func (c *checker) spoolOwner(dir string, uid int) bool {
	what := fmt.Sprintf("the queue directory %s belongs to another user (uid %d)", dir, uid)
	if !c.System {
		if uid == c.UID || c.UID == 0 {
			return true
		}
		c.tell(c.badSpool("spool-owner", what, "your programs and your agent cannot write there", fmt.Sprintf("sudo chown -R %d %s", c.UID, shell(dir))))
		return false
	}
	u := c.serviceUser()
	if u == nil || u.Uid == strconv.Itoa(uid) {
		return true
	}
	c.tell(c.badSpool("spool-owner", what, "the service runs as "+u.Username+", who cannot write there", c.sudo(fmt.Sprintf("chown -R %s: %s", u.Username, shell(dir)))))
	return false
}

func (c *checker) badSpool(id, what, why, command string) Finding {
	return Finding{ID: id, State: Broken, Code: sysexits.CantCreat, What: what, Why: why, Command: command}
}

// noSpool: the first message makes it, where that is possible.
func (c *checker) noSpool(dir string) bool {
	if u := c.serviceUser(); c.System && u != nil {
		return c.noServiceSpool(dir, u)
	}
	above := filepath.Dir(dir)
	for {
		info, err := os.Stat(above)
		if err == nil && info.IsDir() {
			break
		}
		if next := filepath.Dir(above); next != above {
			above = next
			continue
		}
		break
	}
	if err := mayWrite(above); err != nil {
		c.tell(c.badSpool("spool-missing", fmt.Sprintf("there is no queue directory %s, and it cannot be made in %s: %v", dir, above, reason(err)),
			"mail can be neither kept nor sent", c.sudoShell(fmt.Sprintf("mkdir -p -m 700 %s && chown %d %s", shell(dir), c.UID, shell(dir)))))
		return false
	}
	c.fine("spool", dir+" is made with the first message")
	return false
}

// noServiceSpool: the service may make one in its state directory, and root has to
// make any other.
func (c *checker) noServiceSpool(dir string, u *user.User) bool {
	if u.Uid == "0" || strings.HasPrefix(filepath.Clean(dir), "/var/lib/"+owner+"/") {
		c.fine("spool", dir+" is made by the service")
		return false
	}
	c.tell(c.badSpool("spool-missing", fmt.Sprintf("there is no queue directory %s, and the service, which runs as %s, may not make it", dir, u.Username),
		"mail can be neither kept nor sent",
		c.sudo(fmt.Sprintf("install -d -m 700 -o %s -g %s %s", u.Username, u.Username, shell(dir)))+" && "+c.systemctlLine("restart mailcrane")))
	return false
}

// onDisk is about the file system.
func (c *checker) onDisk(dir string) {
	d, err := diskOf(dir)
	if err != nil {
		d = disk{free: -1, files: -1}
	}
	df := "df -h " + shell(dir)
	switch {
	case d.readOnly:
		c.tell(c.badSpool("disk-read-only", fmt.Sprintf("the disk of the queue directory %s can only be read", dir),
			"it was mounted so, or the kernel has found an error on it: see dmesg", c.sudo("mount -o remount,rw \"$(df --output=target "+shell(dir)+" | tail -1)\"")))
		return
	case d.free >= 0 && d.free < max(leastOctets, c.Config.Submit.MinFreeBlocks<<10):
		c.tell(c.badSpool("disk-full", fmt.Sprintf("only %s are free on the disk of the queue directory %s", megabytes(d.free), dir),
			"mail is not accepted any more", df))
		return
	case d.files >= 0 && d.files < fewFiles:
		c.tell(c.badSpool("disk-full", fmt.Sprintf("only %d more files fit on the disk of the queue directory %s", d.files, dir),
			"each message is a file: mail is not accepted any more", "df -i "+shell(dir)))
		return
	case d.free >= 0 && d.free < fewOctets:
		c.tell(Finding{
			ID: "disk-low", State: Warning, What: fmt.Sprintf("only %s are free on the disk of the queue directory %s", megabytes(d.free), dir),
			Why: "when it is full, mail is not accepted any more", Command: df,
		})
	}
	if d.network {
		c.tell(Finding{
			ID: "disk-network", State: Warning, What: fmt.Sprintf("the queue directory %s is on a network file system (%s)", dir, d.kind),
			Why:  "without the network mail cannot be taken in, and locks and syncs may not hold",
			Mend: `set [queue] directory to one on a disk of this machine, as "~/.local/state/mailcrane/spool"`,
		})
	}
	if d.gone {
		c.tell(Finding{
			ID: "disk-memory", State: Warning, What: fmt.Sprintf("the queue directory %s is in memory (%s)", dir, d.kind),
			Why:  "mail that was accepted is gone when the machine is switched off",
			Mend: `set [queue] directory to one on a disk, as "~/.local/state/mailcrane/spool"`,
		})
	}
	c.synced(dir, d)
}

// synced writes a small file as a submission does.
func (c *checker) synced(dir string, d disk) {
	began := time.Now()
	err := mayWrite(dir)
	took := time.Since(began).Round(time.Millisecond)
	switch {
	case err == nil && took > slowSync:
		c.tell(Finding{
			ID: "disk-slow", State: Warning, What: fmt.Sprintf("it took %v until the disk had a small file in %s", took, dir),
			Why: "each submission waits that long, since accepted mail must be on the disk", Mend: "see what else keeps the disk busy, with: iostat -x 1, or: dmesg",
		})
	case err == nil:
		free := ""
		if d.free >= 0 {
			free = ", " + megabytes(d.free) + " free"
		}
		c.fine("spool", fmt.Sprintf("%s: written and synced in %v%s", dir, took, free))
	case isQuota(err):
		c.tell(c.badSpool("disk-quota", "your quota on the disk of the queue directory "+dir+" is used up", "mail is not accepted any more", "quota -s; du -xsh ~"))
	case errors.Is(err, fs.ErrPermission):
		c.tell(c.badSpool("spool-unwritable", fmt.Sprintf("nothing can be written in the queue directory %s: %v", dir, reason(err)),
			"mail is not accepted", "chmod u+rwx "+shell(dir)))
	default:
		c.tell(c.badSpool("disk-error", fmt.Sprintf("a small file could not be brought to the disk in %s: %v", dir, reason(err)),
			"mail is not accepted; the disk may be failing", "sudo dmesg | tail"))
	}
}

// mayWrite makes a file in dir, has it synced, and removes it.
func mayWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, 4096))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// setAside tells of files that were damaged.
func (c *checker) setAside() {
	aside, err := c.Spool.SetAside()
	if err != nil || len(aside) == 0 {
		return // that the spool cannot be read was said
	}
	c.tell(Finding{
		ID: "damaged", State: Warning, What: fmt.Sprintf("%s set aside as damaged in %s", count(len(aside), "file"), strings.Join(c.Spool.DamagedDirs(), ", ")),
		Why: "what is in them was not sent; the reason stands beside each", Command: "cat " + shell(c.Spool.DamagedDirs()[0]) + "/*.why",
	})
}

// reason is a file error without the path, which the sentence has already.
func reason(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
