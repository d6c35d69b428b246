package checkup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"mailcrane/installer/links"
)

// links says whose sendmail the programs of this machine call.
func (c *checker) links(ctx context.Context) {
	if runtime.GOOS == "windows" {
		return
	}
	shim, err := links.Shim(c.Program)
	if err != nil {
		c.tell(Finding{
			ID: "shim-missing", State: Warning, What: line(err.Error()), Why: "programs that call sendmail cannot hand their mail to mailcrane",
			Mend: "install both programs: make install",
		})
		return
	}
	all, err := links.New(links.Options{Shim: shim, Root: c.Root, Run: c.Exec}).Look(ctx)
	if err != nil {
		c.tell(Finding{ID: "link", State: Note, What: line(err.Error())})
		return
	}
	var ours, free []string
	for _, link := range all {
		switch link.State {
		case links.Ours:
			ours = append(ours, link.Path)
		case links.Free:
			free = append(free, link.Path)
		default:
			c.link(link, shim)
		}
	}
	if len(free) > 0 {
		c.noLinks(free)
	}
	if len(ours) > 0 {
		c.fine("link", strings.Join(ours, ", ")+" are mailcrane's")
	}
	c.firstInPath(shim)
	c.git(ctx, shim)
}

// noLinks is about names that nobody has. Only sendmail itself is missed.
func (c *checker) noLinks(free []string) {
	f := Finding{
		ID: "link-missing", State: Note, What: "there is no " + strings.Join(free, ", "),
		Why: "programs that call it find nothing", Command: c.sudo(c.Call + " service link"),
	}
	if slices.Contains(free, "/usr/sbin/sendmail") {
		f.State, f.Why = Warning, "programs that call sendmail find nothing: cron, PHP, git, scripts"
	}
	c.tell(f)
}

// link is about a name that is another's.
func (c *checker) link(link links.Link, shim string) {
	name := filepath.Base(link.Path)
	mend := c.sudo(c.Call + " service link")
	f := Finding{State: Warning, Command: mend}
	switch link.State {
	case links.Stale:
		f.ID, f.What = "link-stale", fmt.Sprintf("%s leads to another installation of mailcrane, %s", link.Path, link.Target)
		f.Why = "what is handed in there may go another way"
	case links.Foreign:
		f.ID, f.What = "link-foreign", fmt.Sprintf("%s is another program's%s", link.Path, owned(link))
		f.Why = "mail that programs hand in there does not come to mailcrane, and " + shim + " does not see it"
		f.Command = mend + " --replace"
		if target := link.Target; target != "" {
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(link.Path), target)
			}
			if _, err := os.Stat(filepath.Join(c.Root, target)); err != nil {
				f.ID, f.What, f.State = "link-dangling", fmt.Sprintf("%s leads to %s, which is not there", link.Path, link.Target), Broken
				f.Why = "programs that call " + name + " cannot send"
			}
		}
	default:
		return
	}
	c.tell(f)
}

func owned(link links.Link) string {
	switch {
	case link.Package != "":
		return ": that of the package " + link.Package
	case link.Target != "":
		return ": it leads to " + link.Target
	}
	return ""
}

// firstInPath: a shell, and many a program, calls the first sendmail of PATH.
func (c *checker) firstInPath(shim string) {
	for _, dir := range filepath.SplitList(c.Getenv("PATH")) {
		found := filepath.Join(c.Root, dir, "sendmail")
		info, err := os.Stat(found)
		if !filepath.IsAbs(dir) || err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			continue
		}
		if own, err := os.Stat(shim); err == nil && !os.SameFile(own, info) && dir != "/usr/sbin" && dir != "/usr/lib" {
			c.tell(Finding{
				ID: "path-foreign", State: Note, What: fmt.Sprintf("the first sendmail in your PATH is %s, and not mailcrane's", filepath.Join(dir, "sendmail")),
				Why: "a shell and programs that look in PATH call that one", Command: fmt.Sprintf("ls -l %s", shell(filepath.Join(dir, "sendmail"))),
			})
		}
		return
	}
}

// git speaks SMTP by itself where it is told a server.
func (c *checker) git(ctx context.Context, shim string) {
	server, err := c.Exec(ctx, "git", "config", "--global", "--get", "sendemail.smtpServer")
	server = line(server)
	if err != nil || server == "" || strings.HasPrefix(server, "/") {
		return
	}
	if called, err := c.Exec(ctx, "git", "config", "--global", "--get", "sendemail.sendmailCmd"); err == nil && line(called) != "" {
		return // that goes first
	}
	c.tell(Finding{
		ID: "git-goes-around", State: Note, What: "git send-email hands its mail to " + server + " itself",
		Why: "it fails without a network, where mailcrane would keep the mail", Command: "git config --global sendemail.sendmailCmd " + shell(shim),
	})
}
