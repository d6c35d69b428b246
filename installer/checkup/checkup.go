// Package checkup looks at everything that mail needs to leave this machine, in
// the order in which a person would want to know, and says of each thing how it is,
// why, and what mends it. It changes nothing, and sends no mail.
//
//	checkup, mend                         what is asked, what is found
//	configuration, spool, filesystem_*    the file and the disk
//	clock                                 the time
//	names, resolve                        name lookup
//	ports, probe                          which ports can be reached, and what answers
//	server, certificate                   TLS, what the server offers
//	login, unitsecret                     the secret: here, and for the service
//	links, others                         sendmail, and who else is in the way
//	mta, mta_maps, mta_delivery, mta_names  server mode
//	service, agent, desktop, system       what runs, and for whom
package checkup

import (
	"context"
	"net"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// A State says how bad a finding is.
type State string

// The states.
const (
	OK      State = "ok"
	Note    State = "note"    // worth knowing; nothing to do
	Warning State = "warning" // mail leaves, but something is going to be in its way
	Broken  State = "broken"  // mail does not leave, or is not safe
)

// A Finding is what one look has shown.
type Finding struct {
	// ID is its kind, one of docs/doctor.md. It does not change between versions.
	ID    string `json:"id"`
	State State  `json:"state"`
	// Account is the one that it is about, or "".
	Account string `json:"account,omitempty"`
	What    string `json:"what"`
	Why     string `json:"why,omitempty"`
	// Mend is what to do, in words; Command what to type, in a shell, exactly. One
	// of them is there where something is to be done.
	Mend    string `json:"mend,omitempty"`
	Command string `json:"command,omitempty"`
	// Code is the exit code (sysexits) of what is broken, else 0.
	Code int `json:"code,omitempty"`
}

// An Agent is what the agent of the spool says of itself.
type Agent struct {
	PID   int
	Since time.Time
	// Silent: it is there, and does not answer. Outdated: the configuration was
	// changed since it began. Replaced: its program was.
	Silent, Outdated, Replaced bool
}

// Options are what is looked at, and the parts of the world that it takes.
type Options struct {
	// Config is the configuration, or nil where it could not be read, for Fault.
	// File is where it stands, or would.
	Config *config.Config
	Fault  error
	File   string
	// Account, if not "", is the only one that is looked at.
	Account string
	// Offline: nothing is asked of the network. System: the machine's own service
	// is looked at, not the person's.
	Offline, System bool

	Spool *queue.Spool
	// AskAgent is what the agent says of itself, or nil for none.
	AskAgent func(context.Context) *Agent

	// Server is how the parts of server mode are; nil where nobody looks.
	Server *Server

	// Now is the clock; Built is when this program was made, zero where nobody knows.
	Now   func() time.Time
	Built time.Time
	// Getenv is where secrets look for the session.
	Getenv func(string) string
	// Dial connects to servers, by name; AskName to name servers, by address.
	Dial, AskName func(ctx context.Context, network, address string) (net.Conn, error)
	// Exec runs a program of the system, and returns what it printed: half a
	// minute and 64 KiB at the most.
	Exec func(ctx context.Context, name string, args ...string) (string, error)
	// Root is what stands before the paths of the machine's files; "" is the
	// machine itself.
	Root string
	// Program is the path of mailcrane, and Call what a person types for it, with
	// --config where that was given.
	Program, Call string
	// UID and User are of who asks.
	UID  int
	User string
}

// patience bounds the look at one server: doctor is waited for.
const patience = 40 * time.Second

// A checker is one checkup.
type checker struct {
	Options
	report func(Finding)
	// unit is the service as systemd knows it, once it was asked; nil where there is none.
	unit *unit
}

// Run looks at everything and reports each finding as it is made.
func Run(ctx context.Context, o Options, report func(Finding)) {
	c := &checker{Options: o, report: report}
	if !c.configuration() {
		return
	}
	c.askUnit(ctx)
	if c.limited() {
		c.tell(Finding{
			ID: "limited", State: Note, What: "the queue and the passwords of the machine's agent were not looked at", Why: "they are closed to you",
			Command: c.sudo(c.Call + " doctor --system"),
		})
	} else {
		c.spools()
	}
	c.clock(ctx)
	for _, a := range c.accounts() {
		c.account(ctx, a)
	}
	c.links(ctx)
	c.others(ctx)
	c.service(ctx)
	if !c.limited() {
		c.agent(ctx)
	}
	c.serverMode(ctx)
	c.systemWide()
	c.desktop(ctx)
}

// accounts are those that are looked at.
func (c *checker) accounts() []*config.Account {
	if c.Account == "" {
		return c.Config.Accounts
	}
	if a := c.Config.Account(c.Account); a != nil {
		return []*config.Account{a}
	}
	return nil
}

// account is all about one: the way to its server, and the log-in.
func (c *checker) account(ctx context.Context, a *config.Account) {
	w := &way{checker: c, account: a}
	closed := c.limited()
	if !c.Offline {
		w.online(ctx, closed)
	}
	if closed {
		return
	}
	if c.Offline {
		w.secretHere(ctx)
	}
	w.loginEnds()
	w.unitSecret(ctx)
}

// online is what the network is needed for; with closed all but the log-in.
func (w *way) online(ctx context.Context, closed bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if w.names(ctx) && w.ports(ctx) && w.server(ctx) && !closed {
		w.login(ctx)
	}
}

// A way is what is asked of one account.
type way struct {
	*checker
	account *config.Account
	// found is what answers at which port.
	found map[string]answer
}

// tell reports a finding about the account.
func (w *way) tell(f Finding) {
	f.Account = w.account.Name
	w.checker.tell(f)
}

func (c *checker) tell(f Finding) {
	if f.State != Broken {
		f.Code = 0
	} else if f.Code == 0 {
		f.Code = sysexits.Unavailable
	}
	c.report(f)
}

// fine reports that something is as it should be.
func (c *checker) fine(id, what string) { c.tell(Finding{ID: id, State: OK, What: what}) }
