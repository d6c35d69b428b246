package outside

import (
	"fmt"
	"strings"

	"mailcrane/internal/config"
)

// A Warning is a setting of server mode that is taken, and is likely not what was
// meant.
type Warning struct {
	// Where is the file and the line, or "" where the default is meant.
	Where string
	// Text says what will happen, and Mend what to write instead.
	Text, Mend string
}

// largeRoom is how many KiB of MinFreeBlocks are more than a message needs.
const largeRoom = 4 << 20

// Warnings are those of a configuration. free is how many octets fit on the disk
// of a directory; nil, or an error of it, is not known.
func Warnings(c *config.Config, free func(dir string) (int64, error)) (all []Warning) {
	warn := func(key, text, mend string) {
		all = append(all, Warning{Where: origin(c, key), Text: text, Mend: mend})
	}
	p := &c.MTA.Policy
	if c.ServerMode() == config.DeferredRun && (len(c.MTA.DNSBLs) > 0 || p.RequireRDNS || p.BadMX || p.RelayBasedOnMX || !p.AcceptUnresolvable) {
		warn("delivery_mode", "Antispam rules not available in deferred delivery mode: no name is looked up when mail comes in, so that block lists, require_rdns, badmx and senders' domains are not asked about",
			`write delivery_mode = "background", or take these rules out`)
	}
	if c.ServerMode() == config.Interactive {
		warn("delivery_mode", "a client of the SMTP server waits until its mail is delivered, and sends it again where it does not want to wait any longer",
			`write delivery_mode = "background"`)
	}
	if p.BlockBadHelo && p.DelayChecks == config.ChecksAtOnce {
		warn("mta.policy.block_bad_helo", "block_bad_helo has no effect without delay_checks", `write [mta.policy] delay_checks = "yes"`)
	}
	all = append(all, needsMap(c)...)
	all = append(all, roomWarnings(c, free)...)
	for i := range c.MTA.Listeners {
		all = append(all, listenerWarnings(c, i)...)
	}
	return all
}

// needsMap is about what only says how the access map is obeyed.
func needsMap(c *config.Config) (all []Warning) {
	p := &c.MTA.Policy
	if c.MTA.Map.Access != "" {
		return nil
	}
	for _, o := range [...]struct {
		key string
		on  bool
	}{
		{"mta.policy.blocklist_recipients", p.BlocklistRecipients},
		{"mta.policy.rate_control", p.Rate.On},
		{"mta.policy.conn_control", p.Connections.On},
		{"mta.policy.relay_mail_from", p.RelayMailFrom != config.MailFromNever},
		{"mta.policy.delay_checks", p.DelayChecks == config.ChecksFriend || p.DelayChecks == config.ChecksHater},
	} {
		if o.on {
			all = append(all, Warning{
				Where: origin(c, o.key), Text: strings.TrimPrefix(o.key, "mta.policy.") + " goes by the access map, and there is none",
				Mend: `write [mta.map] access = "/etc/mail/access"`,
			})
		}
	}
	return all
}

// roomWarnings is about MinFreeBlocks, which refuses all mail where it is too
// high.
func roomWarnings(c *config.Config, free func(dir string) (int64, error)) (all []Warning) {
	least := c.Submit.MinFreeBlocks
	if least == 0 {
		return nil
	}
	const key = "submit.min_free_blocks"
	dirs, err := c.QueueDirs()
	if free != nil && err == nil {
		for _, dir := range dirs {
			if octets, err := free(dir); err == nil && octets>>10 < least {
				return append(all, Warning{
					Where: origin(c, key),
					Text:  fmt.Sprintf("all mail is refused with 452: MinFreeBlocks wants %d KiB to stay free, and the disk of %s has %d", least, dir, octets>>10),
					Mend:  "make room, or write a smaller min_free_blocks, as 100",
				})
			}
		}
	}
	if least > largeRoom {
		all = append(all, Warning{
			Where: origin(c, key), Text: fmt.Sprintf("MinFreeBlocks refuses mail while there is still room for it: it wants %d GiB to stay free", least>>20),
			Mend: "write it in KiB, as min_free_blocks = 100",
		})
	}
	return all
}

// listenerWarnings is about the log-in and the TLS of a listener.
func listenerWarnings(c *config.Config, i int) (all []Warning) {
	l := &c.MTA.Listeners[i]
	if strings.HasPrefix(l.Address, "unix:") {
		return nil
	}
	encrypts := l.TLS != config.ListenClear && (c.MTA.TLS.Cert != "" || c.MTA.TLS.ACME.Directory != "")
	users := c.MTA.Users.File != "" || c.MTA.Users.Dovecot != ""
	submission := strings.HasSuffix(l.Address, ":587")
	warn := func(text, mend string) {
		all = append(all, Warning{Where: c.WhereListens(l), Text: "the listener " + l.Address + " " + text, Mend: mend})
	}
	switch {
	case l.TLS == config.ListenImplicit && !encrypts:
		warn("speaks TLS only, and there is no certificate, so that nobody can use it", "write [mta.tls] cert and key")
	case submission && !encrypts:
		warn("is for people's own mail, and offers no TLS: what they send, and their passwords, can be read on the way", `write [mta.tls] cert and key, and tls = "starttls"`)
	case l.Auth != config.AuthNone && users && !encrypts:
		warn("takes passwords, and offers no TLS: they can be read on the way", `write [mta.tls] cert and key, or auth = "none"`)
	}
	switch {
	case l.Auth == config.AuthRequired && !users:
		warn("wants a log-in, and there is nobody who can: all mail is refused", "write [mta.users] file, and add people with: mailcrane mta user add NAME")
	case submission && l.Auth == config.AuthNone:
		warn("is for people's own mail, and lets nobody log in: they cannot send to the outside", `write auth = "required", and [mta.users] file`)
	case submission && l.Auth == config.AuthOffered:
		warn("is for people's own mail, and takes mail without a log-in too, as port 25 does", `write auth = "required"`)
	}
	return all
}

func origin(c *config.Config, key string) string {
	o, _ := config.Explained(key)
	if o == nil {
		return ""
	}
	return c.Origin(o, "")
}
