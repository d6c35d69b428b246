package msp

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

func recipientsOf(s *station) string {
	if s.spool.envelope == nil {
		return ""
	}
	to := make([]string, len(s.spool.envelope.To))
	for i, r := range s.spool.envelope.To {
		to[i] = r.Address
	}
	return strings.Join(to, " ")
}

func TestRecipientsComeFromWhereTheCallerSays(t *testing.T) {
	for _, c := range []struct{ reason, toml, line, header, want string }{
		{"without -t the header counts for nothing", oneAccount, "a@x.org", "To: b@x.org\n", "a@x.org"},
		{"one word, two addresses", oneAccount, "a@x.org,b@x.org", "", "a@x.org b@x.org"},
		{"a word with a name", oneAccount, "'A B <a@x.org>'", "", "a@x.org"},
		{
			"-t takes To, Cc, Bcc and Apparently-To, all of each", oneAccount, "-t",
			"To: a@x.org\nCc: b@x.org\nTo: c@x.org\nBcc: d@x.org,\n e@x.org\nApparently-To: f@x.org\n", "a@x.org b@x.org c@x.org d@x.org e@x.org f@x.org",
		},
		{"-t and words are added up", oneAccount, "-t z@x.org", "To: a@x.org\n", "z@x.org a@x.org"},
		{"with a Resent- field only those count", oneAccount, "-t", "To: a@x.org\nResent-Date: x\nResent-To: b@x.org\nResent-Cc: c@x.org\nResent-Bcc: d@x.org\n", "b@x.org c@x.org d@x.org"},
		{"a quoted name with a comma, a comment, a group", oneAccount, "-t", "To: \"B, A\" <a@x.org> (c, d), team: b@x.org, C <c@x.org>;\n", "a@x.org b@x.org c@x.org"},
		{"an empty group is nobody", oneAccount, "-t", "To: undisclosed-recipients:;\nBcc: a@x.org\n", "a@x.org"},
		{"each recipient once, the domain's case aside", oneAccount, "-t a@x.org A@x.org", "To: a@X.ORG, joe, root\nCc: me@example.org\n", "a@x.org A@x.org me@example.org"},
		{"root, postmaster and mailer-daemon are the person", oneAccount, "Postmaster", "", "me@example.org"},
		{"root at localhost is the person, as fail2ban and rkhunter write it", oneAccount, "root@localhost Root@LOCALHOST.localdomain", "", "me@example.org"},
		{"so in a header", oneAccount, "-t", "To: root@localhost (x)\n", "me@example.org"},
		{"a host that only begins so is another", oneAccount, "root@localhost.example", "", "root@localhost.example"},
		{"so is a user with a detail", oneAccount, "joe+cron", "", "me@example.org"},
		{"so is who is logged in, without a password file", oneAccount, "JOE", "", "me@example.org"},
		{"so is another user", oneAccount, "www-data", "", "me@example.org"},
		{"no aliases for the name", oneAccount, `\joe`, "", "me@example.org"},
		{"without an account names stay on this machine", noAccount, "joe root", "", "joe@laptop.lan root@laptop.lan"},
		{"a name in gateway mode", oneAccount, "-G joe", "", "me@example.org"},
		{"UTF-8", oneAccount, "jö@ü.example", "", "jö@ü.example"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStation(t, c.toml)
			code := s.sendmail(c.header+"\nbody\n", split(c.line)...)
			if code != 0 || recipientsOf(s) != c.want || s.err.Len() > 0 {
				t.Errorf("exit %d, %q, said %q", code, recipientsOf(s), &s.err)
			}
		})
	}
}

func TestBadRecipientsAreToldAndTheOthersGetTheMessage(t *testing.T) {
	for _, c := range []struct {
		reason, line, header string
		code                 int
		want, queued         string
	}{
		{"no recipient", "", "To: a@x.org\n", 64, "Recipient names must be specified", ""},
		{"no recipient in the header", "-t", "Subject: x\n", 64, "No recipient addresses found in header", ""},
		{"only an empty group", "-t", "To: undisclosed-recipients:;\n", 64, "No recipient addresses found in header", ""},
		{"a program", "'|prog arg, arg' a@x.org", "", 64, "|prog arg, arg... Cannot mail directly to programs", "a@x.org"},
		{"a program in quotes", `'"|prog arg"'`, "", 64, `"|prog arg"... Cannot mail directly to programs`, ""},
		{"a program in the header", "-t", "To: |prog\n", 64, "|prog... Cannot mail directly to programs", ""},
		{"a file", "/etc/passwd", "", 64, "/etc/passwd... Cannot mail directly to files", ""},
		{"an include", ":include:/etc/list", "", 64, ":include:/etc/list... Cannot mail directly to :include:s", ""},
		{"a bracket", "<x@ a@x.org", "", 64, "<x@... Unbalanced '<'", "a@x.org"},
		{"two addresses in a word", "'c@x d@x' a@x.org", "", 64, "c@x d@x... white space inside an address; put a comma between two addresses", "a@x.org"},
		{"a comma that is missing before a group", "'a@x.org team: b@x.org' c@x.org", "", 64, "a@x.org team: b@x.org... white space inside an address; put a comma between two addresses", "c@x.org"},
		{"an unknown user", "nobody-here a@x.org", "", 67, "nobody-here... User unknown", "a@x.org"},
		{"an unknown user at localhost", "ann@localhost a@x.org", "", 67, "ann@localhost... User unknown", "a@x.org"},
		{"an unknown user in the header", "-t", "To: ann, a@x.org\n", 67, "ann... User unknown", "a@x.org"},
		{"the null address", "<>", "", 64, "<>... User address required", ""},
		{"a domain that is none", "a@x..org", "", 64, "a@x..org... the domain has a dot too many", ""},
		{"an escape sequence", "'a\x1b[2J\n@x.org'", "", 64, "a?[2J?@x.org... Unbalanced '['", ""},
		{"the last failure gives the code", "<x@ ann", "", 67, "<x@... Unbalanced '<'\nann... User unknown", ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStation(t, oneAccount)
			delete(s.env, "HOME")
			code := s.sendmail(c.header+"\nbody\n", split(c.line)...)
			said, _, _ := strings.Cut(s.err.String(), "\n/home/joe/dead.letter...")
			if code != c.code || strings.TrimSuffix(said, "\n") != c.want || recipientsOf(s) != c.queued {
				t.Errorf("exit %d, said %q, queued for %q", code, said, recipientsOf(s))
			}
		})
	}
}

// A server's aliases are not read here: who is nobody's user may be one of them.
func TestOnAServerNamesAreLeftToIt(t *testing.T) {
	server := "[mta]\nhostname = \"mx.example.org\"\n[[mta.listen]]\naddress = \"127.0.0.1:25\"\n"
	for _, c := range []struct{ reason, config, line, want string }{
		{"an alias", server, "staff", "staff@mx.example.org"},
		{"a user, though an account has an address for this machine", server + oneAccount, "root", "root@mx.example.org"},
		{"the administrator is whom the server asks in the end", "admin = \"me@example.net\"\n" + server, "postmaster", "postmaster@mx.example.org"},
		{"with a detail", server, "joe+box", "joe+box@mx.example.org"},
		{"on the machine that it is said on", server, "staff@localhost", "staff@mx.example.org"},
		{"a whole address", server, "a@x.org", "a@x.org"},
	} {
		s := newStation(t, c.config)
		if code := s.sendmail("\nbody\n", split(c.line)...); code != 0 || recipientsOf(s) != c.want {
			t.Errorf("%s: exit %d, %s, queued for %q, not %q", c.reason, code, s.err.String(), recipientsOf(s), c.want)
		}
	}
}

func TestInputIsReadToItsEndWhereNothingIsQueued(t *testing.T) {
	long := strings.Repeat("a line\n", 100_000)
	for _, c := range []struct {
		reason, line, input string
		code                int
	}{
		{"nobody is named", "", "To: a@x.org\n\n" + long, 64},
		{"nobody is named in the header", "-t", "Subject: x\n\n" + long, 64},
		{"a bad sender", "-f <x a@x.org", "\n" + long, 64},
		{"quietly", "-oeq ann", "\n" + long, 67},
		{"printed", "ann", "\n" + long, 67},
		{"a header that is too large", "a@x.org", strings.Repeat("A: b\n", 100_000), 65},
		{"a header that no server takes", "a@x.org", "A: \x00\n\n" + long, 65},
		{"a disk that is full", "a@x.org", "\n" + long, 75},
	} {
		s := newStation(t, oneAccount)
		if c.code == 75 {
			s.OpenSpool = func([]string) (Spool, error) { return nil, syscall.ENOSPC }
		}
		in := strings.NewReader(c.input)
		s.Stdin, s.Args = in, append([]string{"sendmail"}, split(c.line)...)
		if code := Main(t.Context(), s.Program); code != c.code || in.Len() > 0 {
			t.Errorf("%s: exit %d, %d octets left: the caller's write would fail", c.reason, code, in.Len())
		}
	}
}

func TestSender(t *testing.T) {
	const two = "default_account = \"work\"\n" + oneAccount + `
[account.home]
from = ["joe@home.example"]
smarthost = "smtps://home.example"
`
	const undecided = oneAccount + "[account.home]\nfrom = [\"joe@home.example\"]\nsmarthost = \"smtps://home.example\"\n"
	for _, c := range []struct{ reason, toml, line, header, want string }{
		{"-f wins", two, "-f x@far.example", "From: joe@home.example\n", "x@far.example"},
		{"root at localhost is the person", two, "-f root@localhost", "", "me@example.org"},
		{"with a name and brackets", two, "-f 'X <x@far.example>'", "", "x@far.example"},
		{"-f of nothing is null", two, "-f ''", "From: joe@home.example\n", ""},
		{"so is <>", two, "-r <>", "", ""},
		{"-f of a user is the person", two, "-f root", "", "me@example.org"},
		{"-f of another name gets the domain", two, "-f bob", "", "bob@example.org"},
		{"the author, where an account claims it", two, "", "From: Joe <joe@home.example>\n", "joe@home.example"},
		{"a pattern claims, too", two, "", "From: list@example.org\n", "list@example.org"},
		{"an author of elsewhere is not the sender", two, "", "From: x@far.example\n", "me@example.org"},
		{"nor is one of two authors", two, "", "From: joe@home.example, x@far.example\n", "me@example.org"},
		{"nor of two From fields", two, "", "From: joe@home.example\nFrom: joe@home.example\n", "me@example.org"},
		{"nor a group", two, "", "From: x:;\n", "me@example.org"},
		{"who resends is the sender", two, "", "From: me@example.org\nResent-From: joe@home.example\nResent-To: z@x.org\n", "joe@home.example"},
		{"no author", two, "", "", "me@example.org"},
		{"no account", noAccount, "", "From: me@example.org\n", "joe@laptop.lan"},
		{"no account and a name", noAccount, "-f root", "", "root@laptop.lan"},
		{"no default account", undecided, "", "", "joe@laptop.lan"},
		{"no default account, but an author that one claims", undecided, "", "From: joe@home.example\n", "joe@home.example"},
		{"-ba takes the author", two, "-ba", "From: x@far.example\n", "x@far.example"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStation(t, c.toml)
			if code := s.sendmail(c.header+"\n", append(split(c.line), "a@x.org")...); code != 0 {
				t.Fatalf("exit %d: %s", code, &s.err)
			}
			if got := s.spool.envelope.From; got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestSenderThatCannotStandInMailIsRefused(t *testing.T) {
	for _, from := range []string{"<x@", "a b@c", "a@b, c@d", "a@x..org", "a@b>\r\nRCPT TO:<c@d", "a@b.org\nBcc: c@d.org"} {
		s := newStation(t, oneAccount)
		code := s.sendmail("\n", "-f", from, "a@x.org")
		if code != 64 || s.spool.puts > 0 || !strings.Contains(s.err.String(), "bad sender address") || strings.Count(s.err.String(), "\n") != 1 {
			t.Errorf("%q: exit %d, said %q", from, code, &s.err)
		}
	}
}

func TestEnvelopeCarriesWhatWasAskedFor(t *testing.T) {
	for _, c := range []struct {
		reason, line string
		got          func(*queue.Envelope) any
		want         any
	}{
		{"-N", "-N success a@x.org", func(e *queue.Envelope) any { return e.To[0].Notify }, "SUCCESS"},
		{"-N for all", "-N never a@x.org b@x.org", func(e *queue.Envelope) any { return e.To[1].Notify }, "NEVER"},
		{"no -N is the default", "a@x.org", func(e *queue.Envelope) any { return e.To[0].Notify }, ""},
		{"-R", "-R full a@x.org", func(e *queue.Envelope) any { return e.Ret }, "FULL"},
		{"-V", "-V a+2Bb a@x.org", func(e *queue.Envelope) any { return e.EnvID }, "a+2Bb"},
		{"-U", "-U a@x.org", func(e *queue.Envelope) any { return e.UTF8 }, true},
		{"an address needs UTF-8", "a@x.org ü@x.org", func(e *queue.Envelope) any { return e.UTF8 }, true},
		{"the sender needs UTF-8", "-f ü@x.org a@x.org", func(e *queue.Envelope) any { return e.UTF8 }, true},
		{"nobody does", "a@x.org", func(e *queue.Envelope) any { return e.UTF8 }, false},
		{"who handed it in", "-L cron a@x.org", func(e *queue.Envelope) any { return e.Submitter }, "sendmail, uid 1000 (joe), tag cron"},
	} {
		s := newStation(t, oneAccount)
		if code := s.sendmail("\n", split(c.line)...); code != 0 {
			t.Fatalf("%s: exit %d: %s", c.reason, code, &s.err)
		}
		if got := c.got(s.spool.envelope); got != c.want {
			t.Errorf("%s: %v, want %v", c.reason, got, c.want)
		}
	}
}

// Coverage: X8.
func TestMessageThatRunsInCirclesIsRefused(t *testing.T) {
	received := strings.Repeat("Received: x\n", 26)
	for _, c := range []struct {
		reason, line, header string
		code                 int
		want                 string
	}{
		{"26 trace fields", "", received, 69, "a@x.org... Too many hops 26 (25 max)\n"},
		{"25 trace fields", "", received[12:], 0, ""},
		{"-h counts in place of them", "-h 0", received, 0, ""},
		{"-h above the limit", "-h 26", "", 69, "a@x.org... Too many hops 26 (25 max)\n"},
		{"another limit", "-oh5 -h6", "", 69, "a@x.org... Too many hops 6 (5 max)\n"},
	} {
		s := newStation(t, oneAccount)
		code := s.sendmail(c.header+"\n", append(split(c.line), "a@x.org")...)
		if code != c.code || !strings.HasPrefix(s.err.String(), c.want) || (s.spool.puts > 0) != (code == 0) {
			t.Errorf("%s: exit %d, said %q", c.reason, code, &s.err)
		}
	}
}

func TestRecipientsAreBounded(t *testing.T) {
	s := newStation(t, oneAccount)
	if code := s.sendmail("\n", "-OMaxRecipientsPerMessage=1", "-oeq", "a@x.org", "b@x.org"); code != 69 || s.spool.puts > 0 {
		t.Errorf("above the option: exit %d", code)
	}
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a%d@x.org,", i)
		}
		return b.String()
	}
	if code := s.sendmail("\n", many(20_000)); code != 0 || len(s.spool.envelope.To) != 20_000 {
		t.Errorf("20000: exit %d: %s", code, &s.err)
	}
	if code := s.sendmail("\n", many(20_000), "z@x.org"); code != 64 || s.spool.puts != 1 {
		t.Errorf("20001: exit %d", code)
	}
	if code := s.sendmail("To: "+many(20_001)+"\n\n", "-t"); code != 64 || s.spool.puts != 1 {
		t.Errorf("20001 in one field, of which the last would be lost: exit %d, %d queued", code, s.spool.puts)
	}
	if code := s.sendmail("\n", strings.Repeat("ann,", 20_001), "z@x.org"); code != 64 || s.spool.puts != 1 {
		t.Errorf("20001 that are none: exit %d", code)
	}
}

func TestLoginNameOfOneWithoutALineInThePasswordFile(t *testing.T) {
	for logname, want := range map[string]string{"ann": "ann@laptop.lan", "a b": "uid7@laptop.lan", "": "uid7@laptop.lan"} {
		s := newStation(t, noAccount)
		s.Getuid = func() int { return 7 }
		s.env["LOGNAME"] = logname
		if code := s.sendmail("\n", "a@x.org"); code != 0 || s.spool.envelope.From != want {
			t.Errorf("%q: exit %d, %+v", logname, code, s.spool.envelope)
		}
	}
}

func TestMessageThatCannotBeQueuedIsToBeSentAgain(t *testing.T) {
	full := &sysexits.Error{Code: sysexits.TempFail, Err: errors.New("the disk is full"), Hint: "make room"}
	for _, c := range []struct {
		reason string
		break_ func(*station)
		code   int
		want   string
	}{
		{
			"the disk is full", func(s *station) { s.spool.fail = syscall.ENOSPC }, 75,
			"the message could not be queued in /q: no space left on device\nnothing was sent: mend that, or try again later\n",
		},
		{"the spool says more", func(s *station) { s.spool.fail = full }, 75, "the disk is full\nmake room\n"},
		{"the spool cannot be opened", func(s *station) {
			s.OpenSpool = func([]string) (Spool, error) { return nil, syscall.EROFS }
		}, 75, "the message could not be queued in /q: read-only file system\nnothing was sent: mend that, or try again later\n"},
	} {
		s := newStation(t, oneAccount)
		c.break_(s)
		if code := s.sendmail("\nbody\n", "-oee", "-oQ/q", "a@x.org"); code != c.code || s.err.String() != c.want {
			t.Errorf("%s: exit %d, said %q", c.reason, code, &s.err)
		}
	}
}

func TestInputThatBreaksOffIsNotQueued(t *testing.T) {
	for _, before := range []string{"Subj", "Subject: x\n\n", "Subject: x\n\n" + strings.Repeat("x", 100_000)} {
		s := newStation(t, oneAccount)
		s.Stdin = io.MultiReader(strings.NewReader(before), broken{})
		s.Args = []string{"sendmail", "-i", "a@x.org"}
		if code := Main(t.Context(), s.Program); code != 74 || s.spool.puts > 0 || !strings.HasPrefix(s.err.String(), "the message could not be read: input/output error\n") {
			t.Errorf("after %d octets: exit %d, said %q", len(before), code, &s.err)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, syscall.EIO }
