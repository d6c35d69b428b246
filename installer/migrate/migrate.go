// Package migrate reads what other mail programs have: their settings, as
// accounts of mailcrane.toml, and the mail that waits in their queues. It
// changes nothing of theirs.
//
// Each format is read as its own program reads it. What comes from such files
// is text from outside: sizes and counts are bounded, links are not followed
// where others may write, and what cannot be read or carried is named with its
// place and the reason, never passed over in silence.
package migrate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/internal/visible"
)

// The bounds of what is read.
const (
	mostSettings = 1 << 20   // octets of a file of settings
	mostControl  = 4 << 20   // octets of the file that says who gets a message
	mostMessage  = 256 << 20 // octets of a message
	mostMessages = 100_000   // messages of one queue
	mostAccounts = 1000      // accounts of one program
	mostLeft     = 10_000    // things that one program's files have and we do not
)

// A Found is what the files of one program say.
type Found struct {
	// Program is one of Programs.
	Program string
	// Files are those that were read, as they are called on the machine.
	Files []string
	// Accounts are as they will stand in mailcrane.toml, in the order of the
	// files. Their names are each their own.
	Accounts []*Account
	// Default is the name of the account that carries all other mail, or "".
	Default string
	// Left is what mailcrane does not take over.
	Left []Left
	// Queue is the mail that waits, oldest first.
	Queue []*Letter
}

// An Account is an account with the password that its program had, if it had
// one in a file.
type Account struct {
	config.Account
	Password Password
}

// A Password does not show itself: whatever prints it, "[secret]" comes out.
type Password struct{ reveal func() string }

func passwordOf(text string) Password {
	if text == "" {
		return Password{}
	}
	return Password{func() string { return text }}
}

// Known says that there is one.
func (p Password) Known() bool { return p.reveal != nil }

// Reveal is the password itself, to be stored and nothing else.
func (p Password) Reveal() string {
	if p.reveal == nil {
		return ""
	}
	return p.reveal()
}

func (p Password) String() string { return "[secret]" }

// Format answers every verb.
func (p Password) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[secret]")) }

// Left is something that is not taken over: a setting, or a message.
type Left struct {
	// Where is FILE:LINE, or FILE.
	Where string `json:"where"`
	// Why says in a sentence what it is and why it stays behind.
	Why string `json:"why"`
	// Mend says what a person can do about it, "" for nothing.
	Mend string `json:"mend,omitempty"`
}

// A Letter is a message in the queue of another program.
type Letter struct {
	// File is the one by which its program knows it.
	File string
	// From is the reverse-path, "" for the null one; it may lack a domain.
	From string
	// To are those who have not got it yet.
	To []Recipient
	// Ret and EnvID are its DSN wishes (RFC 3461).
	Ret, EnvID string
	// Received is when the program took it in.
	Received time.Time
	// Unsent says that it is as a program handed it in: no field such as Date has
	// been added yet.
	Unsent bool
	// Held says that its program was told to keep it, and why.
	Held string
	// message opens the octets.
	message func() (*body, error)
}

// A Recipient is one that is still to be served.
type Recipient struct {
	Address       string
	Notify, ORcpt string // as RFC 3461 has them
}

// A setting is the value of a key, and its place as FILE:LINE.
type setting struct{ text, where string }

// A reader is one program's part: what it reads of which files.
type reader struct {
	program string
	// settings reads the files in their usual places, or named, the one that a
	// person named.
	settings func(ctx context.Context, m *Machine, f *Found, named string)
	// guess says whether a file with that name is of this program.
	guess func(path string) bool
	// queue reads what waits; nil where the program has no queue.
	queue func(m *Machine, f *Found)
}

func readers() []reader {
	return []reader{
		{"msmtp", msmtpSettings, msmtpFile, msmtpQueue},
		{"nullmailer", nullmailerSettings, nullmailerFile, nullmailerQueue},
		{"dma", dmaSettings, dmaFile, dmaQueue},
		{"ssmtp", ssmtpSettings, ssmtpFile, nil},
		{"esmtp", esmtpSettings, esmtpFile, nil},
		{"postfix", postfixSettings, postfixFile, postfixQueue},
		{"exim", eximSettings, eximFile, eximQueue},
		{"sendmail", sendmailSettings, sendmailFile, sendmailQueue},
		{"git", gitSettings, gitFile, nil},
	}
}

// Programs are the names of those that are known.
func Programs() []string {
	var names []string
	for _, r := range readers() {
		names = append(names, r.program)
	}
	return names
}

// Options say what is looked for.
type Options struct {
	// Programs confines the search; empty is all.
	Programs []string
	// Files are settings that a person named; the usual places are not asked.
	Files []string
	// SettingsOnly and QueueOnly leave the other out.
	SettingsOnly, QueueOnly bool
}

// Read is what is found on the machine, one entry for each program that has
// anything. A file that a person named and that cannot be read, or whose
// program cannot be told, is an error; all else is in Left.
func Read(ctx context.Context, m *Machine, o Options) ([]*Found, error) {
	var all []*Found
	if len(o.Files) > 0 {
		return readNamed(ctx, m, o)
	}
	for _, r := range readers() {
		if len(o.Programs) > 0 && !slices.Contains(o.Programs, r.program) {
			continue
		}
		f := &Found{Program: r.program}
		if !o.QueueOnly {
			r.settings(ctx, m, f, "")
		}
		if !o.SettingsOnly && r.queue != nil {
			r.queue(m, f)
		}
		f.settle(m)
		if len(f.Files) > 0 || len(f.Left) > 0 || len(f.Queue) > 0 {
			all = append(all, f)
		}
	}
	return all, nil
}

func readNamed(ctx context.Context, m *Machine, o Options) ([]*Found, error) {
	var all []*Found
	for _, path := range o.Files {
		i := slices.IndexFunc(readers(), func(r reader) bool {
			if len(o.Programs) == 1 {
				return r.program == o.Programs[0]
			}
			return r.guess(path)
		})
		if i < 0 {
			return nil, sysexits.Errorf(sysexits.Usage, "say whose it is: mailcrane import --from "+strings.Join(Programs(), "|")+" "+path,
				"it does not show which program %s is a file of", path)
		}
		if _, err := m.settings(path); err != nil {
			return nil, sysexits.Errorf(sysexits.NoInput, "", "cannot read %s: %w", path, err)
		}
		f := &Found{Program: readers()[i].program}
		readers()[i].settings(ctx, m, f, path)
		f.settle(m)
		all = append(all, f)
	}
	return all, nil
}

// leave notes what is not taken over, once: accounts may share a line.
func (f *Found) leave(where, mend, why string, args ...any) {
	l := Left{where, fmt.Sprintf(why, args...), mend}
	if len(f.Left) < mostLeft && !slices.Contains(f.Left, l) {
		f.Left = append(f.Left, l)
	}
}

// read notes a file that was read, once.
func (f *Found) read(name string) {
	if !slices.Contains(f.Files, name) {
		f.Files = append(f.Files, name)
	}
}

// account adds one, unless there are too many; the caller goes on to fill in
// what is behind the pointer. Its name is one that mailcrane.toml takes, and
// its own.
func (f *Found) account(name string) *Account {
	a := &Account{}
	a.Auth = "auto"
	base := plainName(name, f.Program)
	a.Name = base
	for n := 2; f.named(a.Name) != nil; n++ {
		a.Name = fmt.Sprintf("%s-%d", base, n)
	}
	if len(f.Accounts) < mostAccounts {
		f.Accounts = append(f.Accounts, a)
	}
	return a
}

// named is the account with that name, or nil.
func (f *Found) named(name string) *Account {
	for _, a := range f.Accounts {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// settle gives senders to the accounts that have none, and brings the queue
// into order.
func (f *Found) settle(m *Machine) {
	for _, a := range f.Accounts {
		f.settleAccount(m, a)
	}
	slices.SortStableFunc(f.Queue, func(a, b *Letter) int { return a.Received.Compare(b.Received) })
}

func (f *Found) settleAccount(m *Machine, a *Account) {
	where := strings.Join(f.Files, ", ")
	if a.User == "" {
		a.Auth = "none"
		a.Secret = config.Secret{}
	}
	if a.Auth == "none" || a.Auth == "external" {
		a.Password = Password{}
	}
	if a.Smarthost.TLS == config.Insecure && a.User != "" && !a.Smarthost.Loopback() {
		a.Smarthost.TLS = config.StartTLS
		f.leave(where, "see whether the server offers it with: mailcrane config check --online",
			"%s sent the password for %s without TLS; mailcrane never does: the new account asks for STARTTLS", f.Program, a.Smarthost.Host)
	}
	a.From = slices.DeleteFunc(slices.Compact(a.From), func(from string) bool {
		err := senderFit(from)
		if err != nil {
			f.leave(where, "write the address into from", "%s is no sender that mailcrane could tell: %v", visible.Line(from, 300), err)
		}
		return err != nil
	})
	plain := slices.ContainsFunc(a.From, func(from string) bool { return !strings.Contains(from, "*") })
	if plain || a.Address() != "" && m.Address == "" {
		return
	}
	f.ownAddress(m, a, where)
}

// senderFit says why text cannot stand in from.
func senderFit(text string) error {
	if strings.Contains(text, "*") && strings.Contains(text, "@") && len(text) <= address.MaxAddress && !strings.ContainsAny(text, " \t\r\n<>,\x00") {
		return nil
	}
	return address.Valid(text)
}

// ownAddress puts the person's own address first: the one that was said, else
// the user's name at the domain of the senders or of the machine.
func (f *Found) ownAddress(m *Machine, a *Account, where string) {
	own := m.Address
	if own == "" && len(a.From) > 0 {
		_, domain, _ := strings.Cut(a.From[0], "@")
		if m.User != "" && !strings.Contains(domain, "*") {
			own = m.User + "@" + domain
		}
	}
	if own == "" && m.User != "" {
		if domain := m.mailname(); strings.Contains(domain, ".") {
			own = m.User + "@" + domain
		}
	}
	if senderFit(own) != nil {
		return
	}
	a.From = slices.Insert(a.From, 0, own)
	if m.Address == "" {
		f.leave(where, "put another one first in from, or type: mailcrane import --address YOU@EXAMPLE.ORG",
			"it does not say your own address; the new account %s takes %s for it", a.Name, own)
	}
}

// plainName is name as an account may be called: letters, digits, dot, dash
// and underscore, 64 at most.
func plainName(name, otherwise string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		case r == '@':
			return '_'
		}
		return -1
	}, name)
	name = strings.TrimLeft(name, ".")
	if len(name) > 56 {
		name = name[:56]
	}
	if name == "" {
		return otherwise
	}
	return name
}
