package checkup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/user"
	"regexp"
	"strings"
	"syscall"

	"mailcrane/internal/sysexits"
)

// A Server is server mode, as who knows its parts can look at it.
type Server struct {
	// Hostname is the server's own name, Addresses this machine's, and Ours says that
	// mail for a domain ends here.
	Hostname  string
	Addresses []netip.Addr
	Ours      func(domain string) bool
	// Maps opens all maps, classes and files of aliases; Files are all files that the
	// server's user must be able to read.
	Maps  func(ctx context.Context) ([]ServerMap, error)
	Files func() []ServerFile
	// Mailbox says why no mailbox could get mail now, or nil; Agent the same of the
	// local delivery agent, which listens at Socket.
	Mailbox, Agent func(ctx context.Context) error
	Socket         string
	// WhereTo is where mail for a local name ends: why it is refused, or "", and
	// whether in root's own mailbox.
	WhereTo func(ctx context.Context, name string) (refusal string, roots bool, err error)
	// Names are those of the server's resolver.
	Names ServerNames
}

// ServerNames ask the name service; an answer that there is none is nil without an
// error.
type ServerNames struct {
	Addresses  func(ctx context.Context, host string) ([]netip.Addr, error)
	Exchangers func(ctx context.Context, domain string) ([]string, error)
	Pointers   func(ctx context.Context, addr netip.Addr) ([]string, error)
}

// A ServerMap is a map, a class or a file of aliases as it was found.
type ServerMap struct {
	// Key is the option that names it, at Where; Name is what stands there.
	Key, Where, Name string
	Wrong            []error
	Warnings         []string
	// Asked says that it is a database, which was asked; Unasked why it was not.
	Asked   bool
	Unasked string
}

// A ServerFile is one that the server's user must be able to read; Mend is what to
// type so that this user and group can.
type ServerFile struct {
	Path string
	Mend func(user, group string) string
}

// serverMaps says of each map, class and file of aliases whether it can be used.
func (c *checker) serverMaps(ctx context.Context) {
	all, err := c.Server.Maps(ctx)
	if err != nil {
		c.tell(Finding{
			ID: "server-maps", State: Broken, Code: sysexits.Config, What: line(err.Error()), Why: "the server does not start",
			Mend: line(sysexits.Hint(err)), Command: c.Call + " config check",
		})
		return
	}
	good := 0
	for i := range all {
		if len(all[i].Wrong)+len(all[i].Warnings) == 0 {
			good++
		}
		c.serverMap(&all[i])
	}
	if good > 0 && good == len(all) {
		c.fine("server-maps", fmt.Sprintf("%s of the server in order: maps, classes, files of aliases", count(good, "file")))
	}
}

func (c *checker) serverMap(m *ServerMap) {
	f := Finding{ID: "server-maps", State: Warning}
	named := m.Key + " = " + m.Name
	if m.Where != "" {
		named += " (" + m.Where + ")"
	}
	switch m.Key {
	case "mta.map.access":
		f.ID = "server-access"
	case "mta.map.aliases":
		f.ID = "server-aliases"
	}
	switch {
	case len(m.Wrong) > 0:
		c.wrongMap(m, f, named)
	case len(m.Warnings) > 0:
		f.What, f.Why = first(named+": ", m.Warnings), "it means something else than it seems to"
		f.Command = c.atLine(m.Warnings[0])
		c.tell(f)
	case m.Unasked != "":
		c.tell(Finding{ID: "server-maps", State: Note, What: named + " was not asked: " + m.Unasked})
	}
}

// wrongMap says what waits for a map, and where it is to be mended.
func (c *checker) wrongMap(m *ServerMap, f Finding, named string) {
	f.State, f.Code = Broken, sysexits.Config
	var said []string
	for _, err := range m.Wrong {
		said = append(said, err.Error())
	}
	f.What = first(named+" cannot be used as it is: ", said)
	f.Mend, f.Command = line(sysexits.Hint(m.Wrong[0])), c.atLine(said[0])
	f.Why = "mail that needs it waits; what a running server has read before, while it was good, goes on"
	switch {
	case strings.HasSuffix(m.Key, "_file"):
		f.Why = "the server does not start without it; one that runs goes on by what was there before"
	case f.ID == "server-aliases":
		f.Why = "mail for the names on bad lines waits, and all of it where the file cannot be read; a running server goes on by the aliases from before. Nothing is to be rebuilt"
	case f.ID == "server-access":
		f.Why = "a map that was good before goes on; without one, mail is put off"
	}
	if missing, ok := errors.AsType[*fs.PathError](m.Wrong[0]); ok && errors.Is(missing, fs.ErrNotExist) {
		f.Mend, f.Command = "make it, or take it out of the configuration", c.sudo("${EDITOR:-vi} "+shell(missing.Path))
	}
	if _, definition, ok := strings.Cut(m.Name, ":"); ok && m.Asked {
		f.Why = "mail that needs it waits until it answers"
		f.Mend, f.Command = "start the database, or correct the file that says how it is asked", c.sudo("${EDITOR:-vi} "+shell(definition))
	}
	down := errors.Is(m.Wrong[0], syscall.ECONNREFUSED) // whoever asks
	if name := c.serversUser(); m.Asked && !down && name != "" && name != c.User {
		f.State = Warning
		f.Why = fmt.Sprintf("it was asked as %s, and the server asks as %s, who may have other rights there; if it is so for the server too, mail that needs it waits", c.User, name)
		f.Command = c.as(name, c.Call+" doctor")
	}
	c.tell(f)
}

// first is the first of several words, and how many more there are.
func first(before string, all []string) string {
	text, _, _ := strings.Cut(all[0], "\n")
	if len(all) > 1 {
		text += fmt.Sprintf("; and %d more", len(all)-1)
	}
	return line(before + text)
}

// atLine opens the file and line that a text begins with, or looks at all.
func (c *checker) atLine(text string) string {
	at := regexp.MustCompile(`(/[^\s:"]+):([0-9]+)`).FindStringSubmatch(text)
	if at == nil {
		return c.Call + " config check"
	}
	return c.sudo("${EDITOR:-vi} +" + at[2] + " " + shell(at[1]))
}

// as is a command that somebody else runs.
func (c *checker) as(name, command string) string {
	if c.UID == 0 {
		return "runuser -u " + shell(name) + " -- " + command
	}
	return "sudo -u " + shell(name) + " " + command
}

// serversUser is as whom the server runs, or "" for whoever starts it.
func (c *checker) serversUser() string {
	if name, _, _ := strings.Cut(c.Config.MTA.RunAs, ":"); name != "" {
		return name
	}
	if c.unit != nil && c.unit.system {
		if u := c.serviceUser(); u != nil {
			return u.Username
		}
	}
	return ""
}

// serverReads says which files the server's own user cannot read.
func (c *checker) serverReads(ctx context.Context) {
	name := c.serversUser()
	if name == "" {
		return
	}
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			c.tell(Finding{
				ID: "server-user", State: Broken, Code: sysexits.NoUser, What: "there is no user " + line(name) + ", as whom the server is to run", Why: "it does not start",
				Command: c.serviceCall("install"),
			})
			return
		}
	}
	closed := make(map[string]bool)
	files := c.Server.Files()
	for _, path := range c.closedTo(ctx, u, files) {
		closed[path] = true
	}
	group := u.Username
	if _, g, ok := strings.Cut(c.Config.MTA.RunAs, ":"); ok {
		group = g
	} else if g, err := user.LookupGroupId(u.Gid); err == nil {
		group = g.Name
	}
	for _, f := range files {
		if c.unit != nil && c.unit.system && c.hides(f.Path) {
			c.tell(Finding{
				ID: "server-unreadable", State: Broken, Code: sysexits.NoPerm, What: fmt.Sprintf("the service cannot see %s: its sandbox hides that folder", f.Path),
				Why: "what a user may change is not to speak for the machine (ProtectHome, PrivateTmp)", Mend: "put it below /etc/mailcrane, and name it there",
			})
			continue
		}
		if closed[f.Path] {
			c.tell(Finding{
				ID: "server-unreadable", State: Broken, Code: sysexits.NoPerm, What: fmt.Sprintf("%s, as whom the server runs, cannot read %s", u.Username, f.Path),
				Why: "the server needs it; if the file itself is open to that user, a folder above it is not: namei -l " + shell(f.Path), Command: c.sudoShell(f.Mend(u.Username, group)),
			})
		}
	}
}

// closedTo are the files that are there, and that a user cannot read; none where
// nobody can tell.
func (c *checker) closedTo(ctx context.Context, u *user.User, files []ServerFile) (closed []string) {
	call := []string{"-u", u.Username, "--", "sh", "-c", `for f do test -r "$f" || printf '%s\n' "$f"; done`, "sh"}
	own := u.Uid == fmt.Sprint(c.UID)
	for _, f := range files {
		_, err := os.Stat(f.Path)
		switch {
		case err == nil && !own:
			call = append(call, f.Path)
		case err == nil || os.IsPermission(err):
			if in, err := os.Open(f.Path); err == nil {
				_ = in.Close() // nothing was read
			} else if own {
				closed = append(closed, f.Path)
			}
		}
	}
	if own || c.UID != 0 || u.Uid == "0" {
		return closed
	}
	said, err := c.Exec(ctx, "runuser", call...)
	if err != nil {
		return nil
	}
	return strings.FieldsFunc(said, func(r rune) bool { return r == '\n' })
}
