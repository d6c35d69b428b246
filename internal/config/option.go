package config

import (
	"iter"
	"strconv"
	"strings"
	"time"
)

// An Option is a row of the one table of what can be set: by sendmail's name
// on the command line (-OName=value), by sendmail's letter (-oXvalue), and by
// a key of the file. `config show`, `config explain` and the reference page
// are made from the same rows.
type Option struct {
	// Name is sendmail's, "" for what sendmail does not have; Letter is its old
	// short form, 0 where it has none.
	Name   string
	Letter byte
	// Key stands in the file; "" for what makes sense for one run only, or has
	// no meaning here. NAME in it stands for the name of an account, a rule or a
	// queue.
	Key string
	// Side says who obeys it.
	Side Side
	// Unit is what a number without a unit counts; 0 where it is no time.
	Unit time.Duration
	// Least is the least value: a number, or nanoseconds of a time; Now allows
	// the word "now".
	Least int64
	// Theirs is sendmail's default, where ours is another.
	Theirs string
	// Meaning is one line, without a full stop.
	Meaning string
	// Why says why it is accepted and has no effect; "" for all that is obeyed.
	Why string

	words string // the default in words, where it is not the same everywhere
	path  bool   // ~/ at its beginning is the home directory
	// narrow: it is a part of an option above it, and beats that one wherever
	// the two stand in a file.
	narrow bool

	// Where the value goes: a pointer into one of these. None of the functions
	// captures a variable, so that the compiler lays the table out and nothing
	// is done for it at run time.
	config  func(*Config) any
	account func(*Account) any
	rule    func(*Rule) any
	slow    func(*SlowQueue) any
	// For what is set for each table of a list, whose number is its NAME.
	listener func(*Listener) any
	dnsbl    func(*DNSBL) any
	// check looks at a text before it is taken in; it may change it.
	check func(string) (string, error)
}

// A Side says which part of mailcrane an option is about.
type Side byte

// The sides.
const (
	Client Side = 'C' // towards the smarthost
	Server Side = 'S' // towards programs that hand mail in by SMTP
	Both   Side = 'B' // client and server
	Local  Side = 'L' // this machine: spool, queue, submission
)

func (s Side) String() string {
	switch s {
	case Client:
		return "client"
	case Server:
		return "server"
	case Both:
		return "client and server"
	}
	return "local"
}

// Options are all rows, theme by theme.
func Options() iter.Seq[*Option] {
	return func(yield func(*Option) bool) {
		for _, theme := range themes {
			for i := range *theme {
				if !yield(&(*theme)[i]) {
					return
				}
			}
		}
	}
}

var themes = [...]*[]Option{
	&generalOptions, &submissionOptions, &queueOptions, &orderOptions, &loadOptions, &hostOptions, &reportOptions,
	&slowOptions, &timeoutOptions, &accountOptions, &oauthOptions, &policyOptions, &contentOptions, &aliasOptions, &daemonOptions,
	&tlsOptions, &systemOptions, &mtaOptions, &mtaSafeOptions, &serverPolicyOptions,
	&mtaAuthOptions, &mtaTLSOptions,
	&watchingOptions,
	&dnsblOptions,
	&serverSMTPOptions,
	&mtaRouteOptions,
	&mtaDeliverOptions,
	&mtaAliasOptions,
	&mtaExchangeOptions,
	&mtaTurnOptions,
	&mtaNameOptions,
}

// Named is the option of sendmail's long name, any case, or nil.
func Named(name string) *Option {
	for o := range Options() {
		if o.Name != "" && strings.EqualFold(o.Name, name) {
			return o
		}
	}
	return nil
}

// Abbreviated is the one option whose long name begins so, any case; nil where
// there is none, or several. As in sendmail, what stands behind a dot is never
// cut short.
func Abbreviated(name string) *Option {
	var found *Option
	for o := range Options() {
		if len(name) == 0 || len(o.Name) < len(name) || !strings.EqualFold(o.Name[:len(name)], name) || strings.Contains(o.Name, ".") {
			continue
		}
		if found != nil {
			return nil
		}
		found = o
	}
	return found
}

// Lettered is the option of sendmail's letter, or nil.
func Lettered(letter byte) *Option {
	for o := range Options() {
		if letter != 0 && o.Letter == letter {
			return o
		}
	}
	return nil
}

// keyed is the option of a key, NAME in it for a name, or nil.
func keyed(general string) *Option {
	if general == "" {
		return nil
	}
	// Not over Options: a call for each row is most of what a look-up costs.
	for _, theme := range themes {
		for i := range *theme {
			if o := &(*theme)[i]; o.Key == general {
				return o
			}
		}
	}
	return nil
}

// Explained is what a person means by word: sendmail's name or letter, or a
// key. Where there is no such option, near is the nearest name, or "".
func Explained(word string) (o *Option, near string) {
	if len(word) == 1 {
		o = Lettered(word[0])
		return o, ""
	}
	if o = Named(word); o != nil {
		return o, ""
	}
	if o = keyed(dotted(generally(strings.Split(strings.ToLower(word), ".")))); o != nil {
		return o, ""
	}
	return nil, nearestOption(word)
}

// find is where the option's value stands in c; name is that of an account, a
// rule or a queue, where its key has one. It is nil where there is nothing to show.
func (o *Option) find(c *Config, name string) any {
	switch {
	case o.config != nil:
		return o.config(c)
	case o.account != nil:
		if a := c.Account(name); a != nil {
			return o.account(a)
		}
	case o.rule != nil:
		for i := range c.Rules {
			if c.Rules[i].Name == name {
				return o.rule(&c.Rules[i])
			}
		}
	case o.slow != nil:
		for i := range c.Queue.Slow {
			if c.Queue.Slow[i].Name == name {
				return o.slow(&c.Queue.Slow[i])
			}
		}
	case o.listener != nil:
		if i := numbered(name, len(c.MTA.Listeners)); i >= 0 {
			return o.listener(&c.MTA.Listeners[i])
		}
	case o.dnsbl != nil:
		if i := numbered(name, len(c.MTA.DNSBLs)); i >= 0 {
			return o.dnsbl(&c.MTA.DNSBLs[i])
		}
	}
	return nil
}

// numbered is the index of the table of a list that name is the number of; -1
// for none.
func numbered(name string, length int) int {
	n, err := strconv.Atoi(name)
	if err != nil || n < 1 || n > length {
		return -1
	}
	return n - 1
}

// Obeyed says that a value has an effect.
func (o *Option) Obeyed() bool { return o.Why == "" }

// Title is what the option is called where it stands alone: sendmail's name,
// else the key.
func (o *Option) Title() string {
	if o.Name != "" {
		return o.Name
	}
	return o.Key
}
