// Package outside tries to relay through a server as strangers would, without a
// network: the decision of the server itself is asked about each client, sender
// and recipient that a stranger may come with.
package outside

import (
	"context"
	"net/netip"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/mta/names"
	"mailcrane/mta/policy"
)

// An Opening is a setting by which strangers relay.
type Opening struct {
	// Where is the setting: a file and a line, or an option.
	Where string
	// Everybody: whoever knows of it can, from any address. Otherwise only those
	// whom the setting names can, or only by a way that leads to few.
	Everybody bool
	// Claimed: the setting believes what a client says of its own address, so that
	// it may be anybody, this machine too.
	Claimed bool
	// Listener, Client, Sender and Recipient are the first try that got through.
	Listener, Client, Sender, Recipient string
}

// A Report is what the tries have come to.
type Report struct {
	// Tries is how many were made, through so many Listeners; those that want a
	// log-in, or take this machine's clients only, were left out.
	Tries, Listeners int
	Openings         []Opening
}

// Open says whether everybody can relay.
func (r *Report) Open() bool {
	for _, o := range r.Openings {
		if o.Everybody {
			return true
		}
	}
	return false
}

// Try asks p, which was made of c with Names of this package, about strangers.
// entries are the keys of RELAY entries of the access map, which a stranger may
// have guessed.
func Try(ctx context.Context, c *config.Config, p *policy.Policy, hostname string, entries []string) (*Report, error) {
	t := trial{config: c, policy: p, report: new(Report), found: make(map[string]*opening)}
	t.senders, t.recipients = senders(c, hostname, entries), recipients(c, hostname, entries)
	for i := range c.MTA.Listeners {
		l := &c.MTA.Listeners[i]
		if strings.HasPrefix(l.Address, "unix:") {
			continue
		}
		logsIn := l.Auth == config.AuthRequired
		if !logsIn {
			t.report.Listeners++
		}
		for _, addr := range strangers(c, l, entries) {
			if logsIn && !listed(c.MTA.XClient, addr.Addr) {
				continue // XCLIENT says that a client has logged in, too
			}
			if err := t.from(ctx, l, addr); err != nil {
				return nil, err
			}
		}
	}
	t.finish()
	return t.report, nil
}

// A trial is one under way.
type trial struct {
	config     *config.Config
	policy     *policy.Policy
	senders    []string
	recipients []string
	report     *Report
	found      map[string]*opening
	order      []string
}

// An opening is what was seen of a setting.
type opening struct {
	Opening
	addresses map[netip.Addr]bool // of the strangers of no particular network
}

// from tries all senders and recipients as one client, by each name that it may
// have.
func (t *trial) from(ctx context.Context, l *config.Listener, addr stranger) error {
	for _, known := range known(addr) {
		client := policy.Client{
			Addr: addr.Addr, Client: known, Helo: "stranger.example", Port: l.Name,
			Unqualified: l.Unqualified, RequireFQDN: l.RequireFQDN,
		}
		if t.claims(l, addr.Addr) != "" {
			client.Addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
		for _, sender := range t.senders {
			for _, to := range t.recipients {
				if err := ctx.Err(); err != nil {
					return err
				}
				t.report.Tries++
				v := t.policy.MayRelay(ctx, client, sender, to)
				if v.Refusal == nil {
					t.through(l, addr, client, sender, to, v.Where)
				}
			}
		}
	}
	return nil
}

// through notes that a try got through.
func (t *trial) through(l *config.Listener, addr stranger, c policy.Client, sender, to, where string) {
	claimed := t.claims(l, addr.Addr)
	if claimed != "" {
		where = claimed
	}
	o := t.found[where]
	if o == nil {
		name := c.Name
		if c.State != names.OK {
			name = "a client without a name"
		}
		o = &opening{addresses: make(map[netip.Addr]bool), Opening: Opening{
			Where: where, Claimed: claimed != "", Listener: l.Address, Client: name + " [" + addr.String() + "]", Sender: "<" + sender + ">", Recipient: "<" + to + ">",
		}}
		t.found[where], t.order = o, append(t.order, where)
	}
	if addr.anywhere {
		o.addresses[addr.Addr] = true
	}
}

// finish says of each opening whether it is for everybody: it is, where strangers
// from all over a family of addresses got through, and neither by a route alone
// that another server would have to follow, nor to their own domains alone.
func (t *trial) finish() {
	for _, where := range t.order {
		o := t.found[where]
		four, six := 0, 0
		for addr := range o.addresses {
			if addr.Is4() {
				four++
			} else {
				six++
			}
		}
		o.Everybody = four == count(everywhere, netip.Addr.Is4) || six == count(everywhere, netip.Addr.Is6)
		o.Everybody = o.Everybody && o.Where != "relay_based_on_mx" && !t.byRoute(o)
		t.report.Openings = append(t.report.Openings, o.Opening)
	}
}

// byRoute says that only loose_relay_check lets a try through: what is behind the
// route is for the domain in front of it to decide.
func (t *trial) byRoute(o *opening) bool {
	return t.config.MTA.Policy.LooseRelayCheck && strings.ContainsAny(o.Recipient, "%!")
}

func count(all []netip.Addr, kind func(netip.Addr) bool) (n int) {
	for _, addr := range all {
		if kind(addr) {
			n++
		}
	}
	return n
}
