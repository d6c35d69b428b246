package checkup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// delivery says whether mail for users of this machine could be delivered now.
func (c *checker) delivery(ctx context.Context) {
	form, rest, err := config.LocalMailer(c.Config.MTA.Deliver.Mailer)
	if err != nil {
		return // the configuration would have said so
	}
	away := form == "lmtp" && !strings.HasPrefix(strings.TrimPrefix(rest, "unix:"), "/")
	if !away || !c.Offline {
		c.mailboxes(ctx)
	}
	c.deliveryAgent(ctx, form)
	for _, name := range []string{"postmaster", "root"} {
		c.reader(ctx, name)
	}
}

func (c *checker) mailboxes(ctx context.Context) {
	mailer := c.Config.MTA.Deliver.Mailer
	err := c.Server.Mailbox(ctx)
	switch {
	case err == nil:
		c.fine("server-mailboxes", "mail for users of this machine is delivered by "+line(mailer))
	case sysexits.Code(err) == sysexits.NoPerm && c.UID != 0:
		c.tell(Finding{
			ID: "server-mailboxes", State: Note, What: line(err.Error()), Why: "the server may have rights that you have not",
			Command: c.sudo(c.Call + " doctor"),
		})
	default:
		c.tell(Finding{
			ID: "server-mailboxes", State: Broken, Code: sysexits.Code(err), What: line(err.Error()), Why: "mail for users of this machine waits (mta.deliver.mailer = " + line(mailer) + ")",
			Mend: line(sysexits.Hint(err)),
		})
	}
}

// deliveryAgent is about who has the rights that a service has not.
func (c *checker) deliveryAgent(ctx context.Context, form string) {
	u := c.serviceUser()
	if c.unit == nil || !c.unit.system || !strings.Contains(c.unit.property["ExecStart"], " mta") || u == nil || u.Uid == "0" {
		return // who is root delivers, or starts the agent
	}
	f := Finding{ID: "server-delivery-agent", State: Broken, Code: sysexits.Unavailable, Why: "the server is an ordinary user, and can write into nobody's mailbox: mail for users of this machine waits"}
	if form == "lmtp" {
		f.State, f.Why = Warning, "mail for programs and files that aliases and .forward name waits"
	}
	if _, err := os.Stat(filepath.Join(c.Root, c.Server.Socket)); os.IsNotExist(err) {
		f.What = fmt.Sprintf("the socket of the local delivery agent, %s, is not there", c.Server.Socket)
		if f.Command = c.systemctlLine("enable --now mailcrane-lda.socket"); c.noUnit(ctx, "mailcrane-lda.socket") {
			f.Command = c.serviceCall("install")
		}
		c.tell(f)
		return
	}
	if c.UID != 0 {
		return // it is open to the server's user alone
	}
	if err := c.Server.Agent(ctx); err != nil {
		f.What = "the local delivery agent does not answer: " + line(err.Error())
		f.Mend, f.Command = "see why, and start it anew", "journalctl -u mailcrane-lda -n 20; systemctl restart mailcrane-lda.socket"
		c.tell(f)
		return
	}
	c.fine("server-delivery-agent", "the local delivery agent answers")
}

// noUnit says that systemd knows no such unit.
func (c *checker) noUnit(ctx context.Context, name string) bool {
	said, err := c.systemctl(ctx, "show", name, "--property=LoadState")
	return err == nil && propertiesIn(said)["LoadState"] == "not-found"
}

// reader says whether somebody reads the mail of a name that each machine has.
func (c *checker) reader(ctx context.Context, name string) {
	refusal, roots, err := c.Server.WhereTo(ctx, name)
	f := Finding{ID: "server-reader", State: Warning, Why: "what the machine itself has to say goes to " + name + ", and nobody reads it"}
	if name == "postmaster" {
		f.Why = "each server has to take mail for postmaster (RFC 5321 section 4.5.1); other servers refuse the mail of one that does not"
	}
	switch {
	case err != nil:
		return // what cannot be asked was told of the map
	case roots:
		f.What = fmt.Sprintf("mail for %s comes to root's own mailbox, and is refused there", name)
	case refusal != "":
		f.What = fmt.Sprintf("mail for %s is refused: %s", name, line(refusal))
	default:
		return
	}
	f.Mend = fmt.Sprintf("name who reads it in the aliases, as %q, or set admin", name+": you")
	for _, file := range c.Config.MTA.Map.Aliases {
		if strings.HasPrefix(file, "/") {
			f.Command = c.sudo("${EDITOR:-vi} " + shell(file))
			break
		}
	}
	c.tell(f)
}
