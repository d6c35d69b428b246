package msp

import (
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// address fills the envelope in. An error means that there is no one to tell
// of it but the caller; recipients that are no good become failures.
func (s *submission) address() error {
	if err := s.chooseSender(); err != nil {
		return err
	}
	if err := s.mayBeSender(); err != nil {
		return err
	}
	seen := recipients{submission: s}
	for _, word := range s.inv.Operands {
		seen.addWord(word)
	}
	if s.inv.FromHeader {
		seen.addHeader()
	}
	if seen.tooMany {
		return usage("more than %d recipients: send the message in parts", maxRecipients)
	}
	if len(s.envelope.To) == 0 && len(s.failures) == 0 {
		return usage("No recipient addresses found in header")
	}
	e := &s.envelope
	e.Ret, e.EnvID = s.ret(), s.inv.EnvID
	e.UTF8 = s.inv.UTF8 || address.NeedsUTF8(e.From)
	for _, r := range e.To {
		e.UTF8 = e.UTF8 || address.NeedsUTF8(r.Address)
	}
	e.Submitter = s.submitter()
	return nil
}

// maxRecipients bounds the recipients of a message, and what is named as one
// and is none.
const maxRecipients = 20000

// recipients collects addresses, each once.
type recipients struct {
	*submission
	keys    map[string]bool
	tooMany bool
}

// addWord adds a word of the command line.
func (r *recipients) addWord(word string) {
	if why := special(strings.TrimSpace(word)); why != "" {
		r.fail(Failure{Address: address.Shown(word), Text: why, Code: sysexits.Usage, Status: "5.1.3"})
		return
	}
	r.addList(word)
}

// addHeader adds what -t asks for: with any Resent- field, those of the
// resending alone count (RFC 5322 section 3.6.6).
func (r *recipients) addHeader() {
	names := []string{"To", "Cc", "Bcc", "Apparently-To"}
	if r.resent() {
		names = []string{"Resent-To", "Resent-Cc", "Resent-Bcc"}
	}
	for _, f := range r.header.Fields {
		for _, name := range names {
			if f.Is(name) {
				r.addList(string(f.Body()))
			}
		}
	}
}

func (r *recipients) addList(text string) {
	list, bad := address.ParseList(text)
	for _, box := range list {
		r.add(box.Address)
	}
	for _, b := range bad {
		r.fail(Failure{Address: b.Text, Text: b.Why, Code: sysexits.Usage, Status: "5.1.3"})
	}
}

func (r *recipients) add(name string) {
	all, failure := r.resolve(name)
	if failure != nil {
		r.fail(*failure)
		return
	}
	for _, final := range all {
		r.addFinal(final)
	}
}

func (r *recipients) addFinal(final string) {
	key := address.Key(final)
	if r.keys == nil {
		r.keys = make(map[string]bool)
	}
	if r.keys[key] {
		return
	}
	if len(r.keys) == maxRecipients {
		r.tooMany = true
		return
	}
	r.keys[key] = true
	r.envelope.To = append(r.envelope.To, queue.Recipient{Address: final, Notify: r.notify()})
}

// fail notes what is no recipient. Above the bound nothing is queued: a
// failure that goes unsaid would be a recipient lost in silence.
func (r *recipients) fail(f Failure) {
	if len(r.failures) == maxRecipients {
		r.tooMany = true
		return
	}
	f.Notify = r.notify()
	r.failures = append(r.failures, f)
}

// special names the recipients that would run a program or write a file: those
// exist in alias files, never on a command line or in a header.
func special(name string) string {
	name = strings.TrimPrefix(name, `"`)
	switch {
	case strings.HasPrefix(name, "|"):
		return "Cannot mail directly to programs"
	case strings.HasPrefix(name, "/") && !strings.Contains(name, "@"):
		return "Cannot mail directly to files"
	case len(name) >= 9 && strings.EqualFold(name[:9], ":include:"):
		return "Cannot mail directly to :include:s"
	}
	return ""
}

// resolve turns a name into the addresses that the message is sent to. This
// machine has no mailboxes: what is for a local user, and so what cron and
// other programs write, goes where the aliases say, else to the administrator,
// else to the person's own address. A server has mailboxes, and aliases of its own:
// who has the name there it finds out itself.
func (s *submission) resolve(name string) ([]string, *Failure) {
	given := name
	fail := func(why string, code int, status string) ([]string, *Failure) {
		return nil, &Failure{Address: address.Shown(given), Text: why, Code: code, Status: status}
	}
	if name == "" {
		return nil, &Failure{Address: "<>", Text: "User address required", Code: sysexits.Usage, Status: "5.1.3"}
	}
	name = withoutLocalhost(name)
	if address.Domain(name) == "" {
		if why := special(name); why != "" {
			return fail(why, sysexits.Usage, "5.1.3")
		}
		all, err := s.expand(name)
		switch {
		case err != nil:
			return fail(err.Error(), sysexits.Code(err), "5.3.5")
		case len(all) > 0:
			return all, nil
		case s.isServer():
		case !s.isLocal(name):
			return fail("User unknown", sysexits.NoUser, "5.1.1")
		default:
			if to := s.mailbox(); to != "" {
				return []string{to}, nil
			}
		}
		name = address.Qualify(name, s.hostname())
	}
	if err := address.Valid(name); err != nil {
		return fail(err.Error(), sysexits.Usage, "5.1.3")
	}
	return []string{name}, nil
}

// isServer says that the configuration is a server's, whose queue knows its names.
func (s *submission) isServer() bool { return len(s.cfg.MTA.Listeners) > 0 }

// mailbox is where mail goes that is for a user of this machine, or "".
func (s *submission) mailbox() string {
	switch {
	case s.cfg.Admin != "":
		return s.cfg.Admin
	case s.cfg.DefaultAccount != nil:
		return s.cfg.DefaultAccount.Address()
	}
	return ""
}

// withoutLocalhost is root for root@localhost, which many programs write to out
// of the box. To a smarthost that would be somebody else, or nobody: the name
// means the machine that it is said on (RFC 6761 section 6.3).
func withoutLocalhost(name string) string {
	local, domain := address.Split(name)
	if strings.EqualFold(domain, "localhost") || strings.EqualFold(domain, neutral) {
		return local
	}
	return name
}

// isLocal says whether a name without a domain is a person of this machine,
// +detail and case aside.
func (s *submission) isLocal(name string) bool {
	base, _, _ := strings.Cut(name, "+")
	lower := strings.ToLower(base)
	switch lower {
	case "":
		return false
	case "root", "postmaster", "mailer-daemon", strings.ToLower(s.Getenv("LOGNAME")):
		return true
	}
	if _, ok := s.Users.ByName(base); ok {
		return true
	}
	_, ok := s.Users.ByName(lower)
	return ok
}

// resent says whether the message is being resent.
func (s *submission) resent() bool {
	for _, f := range s.header.Fields {
		if len(f.Raw) > 7 && strings.EqualFold(string(f.Raw[:7]), "Resent-") {
			return true
		}
	}
	return false
}
