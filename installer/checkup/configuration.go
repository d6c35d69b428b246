package checkup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"mailcrane/internal/sysexits"
)

// configuration says whether there is one that can be worked by.
func (c *checker) configuration() bool {
	if c.Fault != nil {
		c.configurationFault()
		return false
	}
	server := len(c.Config.MTA.Listeners) > 0
	if len(c.Config.Accounts) == 0 && server && c.Account == "" { // it needs none
		c.fine("configuration", c.File+": a server, which finds the way of its mail by itself")
		c.fileRights()
		return true
	}
	if len(c.Config.Accounts) == 0 && !server {
		what := c.File + " has no [account]"
		if c.Config.Path == "" {
			what = "there is no configuration, neither ~/.config/mailcrane/mailcrane.toml nor " + c.File
		}
		c.tell(Finding{
			ID: "no-account", State: Broken, Code: sysexits.Config, What: what,
			Why: "mail is taken in and kept, and nothing says where to send it", Command: c.Call + " setup",
		})
		return true
	}
	if c.Account != "" && c.Config.Account(c.Account) == nil {
		has := "the configuration has: " + strings.Join(c.accountNames(), ", ")
		if len(c.Config.Accounts) == 0 {
			has = "the configuration is that of a server without accounts"
		}
		c.tell(Finding{
			ID: "no-account", State: Broken, Code: sysexits.Config, What: "there is no account " + c.Account,
			Why: has, Command: c.Call + " doctor",
		})
		return false
	}
	c.fine("configuration", fmt.Sprintf("%s: %s", c.File, count(len(c.Config.Accounts), "account")))
	if c.Config.DefaultAccount == nil && !server {
		f := Finding{
			ID: "no-default-account", State: Warning, What: "no account is the default one",
			Why:  "mail whose sender no account names in from waits, reports about undeliverable mail among it",
			Mend: fmt.Sprintf("put this line at the top of %s: default_account = %q", c.File, c.Config.Accounts[0].Name),
		}
		if runtime.GOOS == "linux" {
			f.Command = fmt.Sprintf(`sed -i '1i default_account = "%s"' %s`, c.Config.Accounts[0].Name, shell(c.File))
		}
		c.tell(f)
	}
	c.fileRights()
	return true
}

func (c *checker) accountNames() []string {
	var names []string
	for _, a := range c.Config.Accounts {
		names = append(names, a.Name)
	}
	return names
}

// configurationFault is an error that names file and line itself.
func (c *checker) configurationFault() {
	f := Finding{
		ID: "configuration", State: Broken, Code: sysexits.Code(c.Fault), What: line(c.Fault.Error()),
		Why: "a configuration with an error is not worked by at all", Mend: line(sysexits.Hint(c.Fault)),
	}
	switch at := regexp.MustCompile(regexp.QuoteMeta(c.File) + `:([0-9]+)`).FindStringSubmatch(c.Fault.Error()); {
	case at != nil:
		f.Command = c.edit(at[1])
	case errors.Is(c.Fault, fs.ErrPermission):
		f.Why = "who runs this may not read it"
		f.Command = "ls -l " + shell(c.File)
	case errors.Is(c.Fault, fs.ErrNotExist):
		f.Why, f.Command = "it was named, and is not there", c.Call+" setup"
	}
	c.tell(f)
}

// fileRights: whoever may write the file may have us run a command, and who reads
// it sees a password that stands in one.
func (c *checker) fileRights() {
	info, err := os.Stat(c.Config.Path)
	if err != nil || runtime.GOOS == "windows" {
		return
	}
	mode := info.Mode().Perm()
	owner, known := ownerOf(info)
	switch {
	case known && owner != 0 && c.UID == 0 && !c.System:
		// It is that person's, and to give it to root would take it from them.
		c.tell(Finding{
			ID: "configuration-owner", State: Warning, What: fmt.Sprintf("you are root, and %s belongs to another user (uid %d)", c.File, owner),
			Why: "what that user may do, and root, is not the same", Mend: "look as that user", Command: "su - " + nameOfUser(owner) + " -c " + shell(c.Call+" doctor"),
		})
	case known && owner != 0 && owner != c.UID:
		c.tell(Finding{
			ID: "configuration-owner", State: Broken, Code: sysexits.NoPerm, What: fmt.Sprintf("%s belongs to another user (uid %d)", c.File, owner),
			Why: "that user decides where your mail goes, and which commands run", Command: c.sudo(fmt.Sprintf("chown %d %s", c.rightOwner(), shell(c.File))),
		})
	case mode&0o022 != 0:
		c.tell(Finding{
			ID: "configuration-rights", State: Broken, Code: sysexits.NoPerm, What: fmt.Sprintf("%s can be changed by other users (mode %04o)", c.File, mode),
			Why: "who changes it decides where your mail goes, and which commands run", Command: "chmod go-w " + shell(c.File),
		})
	case mode&0o044 != 0 && c.hasCommand() && !c.System:
		c.tell(Finding{
			ID: "configuration-rights", State: Warning, What: fmt.Sprintf("%s can be read by other users (mode %04o)", c.File, mode),
			Why: "secret = \"command:…\" may hold a password, or tell where one is", Command: "chmod 600 " + shell(c.File),
		})
	}
}

// rightOwner is whose the configuration should be.
func (c *checker) rightOwner() int {
	if c.System {
		return 0
	}
	return c.UID
}

// nameOfUser is the user's name, or the number where nobody has it.
func nameOfUser(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

func (c *checker) hasCommand() bool {
	for _, a := range c.Config.Accounts {
		if a.Secret.Kind == "command" {
			return true
		}
	}
	return false
}
