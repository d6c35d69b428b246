package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailcrane/internal/sysexits"
)

// Coverage: B21.
func TestEachOptionIsSaidOnceAndWhole(t *testing.T) {
	names, letters, keys := map[string]bool{}, map[byte]bool{}, map[string]bool{}
	once := func(o *Option, what string, twice bool) {
		if twice {
			t.Errorf("%s: its %s stands there twice", o.Title(), what)
		}
	}
	for o := range Options() {
		once(o, "name", o.Name != "" && names[strings.ToLower(o.Name)])
		once(o, "letter", o.Letter != 0 && letters[o.Letter])
		once(o, "key", o.Key != "" && keys[o.Key])
		names[strings.ToLower(o.Name)], letters[o.Letter], keys[o.Key] = true, true, true
		goes := o.config != nil || o.account != nil || o.rule != nil || o.slow != nil || o.listener != nil || o.dnsbl != nil
		switch {
		case o.Name == "" && o.Key == "":
			t.Errorf("there is a row without a name: %q", o.Meaning)
		case o.Meaning == "" || strings.HasSuffix(o.Meaning, ".") || strings.Contains(o.Meaning, "\n"):
			t.Errorf("%s: the meaning is %q", o.Title(), o.Meaning)
		case o.Side == 0:
			t.Errorf("%s: nobody is said to obey it", o.Title())
		case o.Obeyed() != goes:
			t.Errorf("%s: obeyed %v, but its value goes somewhere: %v", o.Title(), o.Obeyed(), goes)
		case !o.Obeyed() && o.Key != "":
			t.Errorf("%s: has no effect, and yet a key", o.Title())
		case o.Obeyed() && o.Key == "" && o.Name == "":
			t.Errorf("%s: cannot be set", o.Title())
		case (o.Kind() == "time") != (o.Unit != 0):
			t.Errorf("%s: is a %s with the unit %v", o.Title(), o.Kind(), o.Unit)
		}
	}
}

// sendmailNames are those of the tuning chapter and of section 1 of its table
// of timeouts; each must be taken on the command line.
const sendmailNames = `Timeout.connect Timeout.iconnect Timeout.aconnect Timeout.initial Timeout.helo Timeout.mail
Timeout.rcpt Timeout.datainit Timeout.datablock Timeout.datafinal Timeout.rset Timeout.quit Timeout.misc Timeout.command
Timeout.ident Timeout.lhlo Timeout.auth Timeout.starttls Timeout.fileopen Timeout.control Timeout.hoststatus
Timeout.resolver.retrans Timeout.resolver.retrans.first Timeout.resolver.retrans.normal Timeout.resolver.retry
Timeout.resolver.retry.first Timeout.resolver.retry.normal
Timeout.queuereturn Timeout.queuereturn.normal Timeout.queuereturn.urgent Timeout.queuereturn.non-urgent Timeout.queuereturn.dsn
Timeout.queuewarn Timeout.queuewarn.normal Timeout.queuewarn.urgent Timeout.queuewarn.non-urgent Timeout.queuewarn.dsn
QueueTimeout Timeout DeliveryMode ForkEachJob RecipientFactor ClassFactor RetryFactor QueueLA QueueFactor RefuseLA DelayLA
LogLevel RunAsUser DontBlameSendmail ConnectionCacheSize ConnectionCacheTimeout ServiceSwitchFile HostsFile ResolverOptions
ForwardPath MinFreeBlocks MaxMessageSize PrivacyOptions MeToo MinQueueAge MaxQueueAge MaxQueueRunSize QueueSortOrder
MaxQueueChildren MaxRunnersPerQueue NiceQueueRun CheckpointInterval HostStatusDirectory SingleThreadDelivery
DoubleBounceAddress PostmasterCopy DeadLetterDrop UseErrorsTo SuperSafe TempFileMode QueueFileMode QueueDirectory DialDelay
HoldExpensive FallbackMXhost FallbackSmartHost TryNullMXList MaxHopCount DontExpandCnames MaxDaemonChildren
ConnectionRateThrottle ConnectionRateWindowSize RejectLogInterval CipherList CipherSuites RrtImpliesDsn SendMimeErrors`

func TestEveryTunableOfTheTuningChapterIsInTheTable(t *testing.T) {
	for name := range strings.FieldsSeq(sendmailNames) {
		if Named(name) == nil {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestDefaultsAreTakenByTheFileAsTheyAreShown(t *testing.T) {
	for o := range Options() {
		if o.Key == "" || o.words != "" || o.config == nil {
			continue
		}
		table, last, inTable := strings.Cut(o.Key, ".")
		text := table + " = " + o.Default()
		if inTable {
			text = "[" + table + "]\n" + last + " = " + o.Default()
		}
		c, err := Parse("m.toml", []byte(text+"\n"), home)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		plain, _ := Parse("m.toml", nil, home)
		if got, want := o.Shown(c, ""), o.Shown(plain, ""); got != want {
			t.Errorf("%s: is then %s, want %s", text, got, want)
		}
	}
}

// Coverage: B1, B37.
func TestTheFileSetsEachOption(t *testing.T) {
	for _, c := range []struct {
		reason, text string
		want         func(*Config)
	}{
		{"a time with a unit", "[timeout]\nqueuereturn = \"3d\"", func(c *Config) { c.Queue.Return = all(3 * day) }},
		{"queuereturn counts days", "[timeout]\nqueuereturn = \"3\"", func(c *Config) { c.Queue.Return = all(3 * day) }},
		{"a number needs no quotes", "[timeout]\nqueuereturn = 3", func(c *Config) { c.Queue.Return = all(3 * day) }},
		{"queuewarn counts hours", "[timeout]\nqueuewarn = 6", func(c *Config) { c.Queue.Warn = all(6 * time.Hour) }},
		{"the others count minutes", "[timeout]\nhoststatus = 6", func(c *Config) { c.Queue.HostStatus = 6 * time.Minute }},
		{"undo counts seconds", "[queue]\nundo = 20", func(c *Config) { c.Queue.Undo = 20 * time.Second }},
		{"now", "[timeout]\nqueuereturn_dsn = \"NOW\"", func(c *Config) { c.Queue.Return.DSN = Now }},
		{"a time below nothing is now", "[timeout]\nqueuereturn_urgent = \"-1d\"", func(c *Config) { c.Queue.Return.Urgent = Now }},
		{"a number below nothing too", "[timeout]\nqueuereturn_urgent = -1", func(c *Config) { c.Queue.Return.Urgent = Now }},
		{"no warnings", "[timeout]\nqueuewarn = \"0\"", func(c *Config) { c.Queue.Warn = ByTiming{} }},
		{"the class beats the whole though it stands before it", "[timeout]\nqueuewarn_non_urgent = \"1d\"\nqueuewarn = \"1h\"", func(c *Config) {
			c.Queue.Warn = all(time.Hour)
			c.Queue.Warn.NonUrgent = day
		}},
		{"age as sendmail counts it", "[queue]\nage = \"received\"", func(c *Config) { c.Queue.PlainAge = true }},
		{"an order by its word", "[queue]\nsort = \"host\"", func(c *Config) { c.Queue.Sort = ByHost }},
		{"an order by its letter", "[queue]\nsort = \"R\"", func(c *Config) { c.Queue.Sort = AtRandom }},
		{"a number with a line", "[queue]\nretry_factor = 1_000", func(c *Config) { c.Queue.RetryFactor = 1000 }},
		{"nobody gets double bounces", "[queue]\ndouble_bounce = \"\"", func(c *Config) { c.Queue.DoubleBounce = "" }},
		{"a path below the home directory", "[queue]\ndead_letter_drop = \"~/dead\"", func(c *Config) { c.Queue.DeadLetterDrop = "/home/me/dead" }},
		{"slow queues by age", "[queue.slow.late]\nafter = \"1d\"\n[queue.slow.soon]\nafter = 45\nattempts = 3\ninterval = \"1h\"", func(c *Config) {
			c.Queue.Slow = []SlowQueue{
				{Name: "soon", After: 45 * time.Minute, Attempts: 3, Interval: time.Hour},
				{Name: "late", After: day, Interval: 4 * time.Hour},
			}
		}},
		{"a slow queue in a table of its own line", "queue = { slow = { a = { after = \"1h\" } } }", func(c *Config) {
			c.Queue.Slow = []SlowQueue{{Name: "a", After: time.Hour, Interval: 4 * time.Hour}}
		}},
		{"timeouts of the wire", "[timeout]\niconnect = \"5s\"\naconnect = \"1m\"\ncommand = \"10m\"", func(c *Config) {
			c.Timeout.IConnect, c.Timeout.AConnect, c.Timeout.Command = 5*time.Second, time.Minute, 10*time.Minute
		}},
		{"submission", "[submit]\nignore_dots = true\nerror_mode = \"quiet\"\nno_recipient_action = \"add-bcc\"\nprivacy_options = [\"authwarnings\", \"noexpn\"]\nmax_hops = 30", func(c *Config) {
			c.Submit.IgnoreDots, c.Submit.ErrorMode, c.Submit.NoRecipient = true, ErrorQuiet, AddBcc
			c.Submit.Privacy, c.Submit.MaxHops = AuthWarnings|NoExpn|NoVerb, 30
		}},
	} {
		got, err := Parse("m.toml", []byte(c.text+"\n"), home)
		if err != nil {
			t.Errorf("%s: %v", c.reason, err)
			continue
		}
		want, _ := Parse("m.toml", nil, home)
		c.want(want)
		if diff := cmp.Diff(settingsOf(want), settingsOf(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.reason, diff)
		}
	}
}

const day = 24 * time.Hour

func all(d time.Duration) ByTiming { return ByTiming{d, d, d, d} }

// settingsOf is what of a configuration has options that these tests set.
func settingsOf(c *Config) []any {
	return []any{c.Timeout, c.Queue, c.Submit, c.DeliveryMode, c.Spools.String()}
}

func TestBadValuesNameFileLineAndWhatIsWanted(t *testing.T) {
	for _, c := range []struct{ reason, text, want, hint string }{
		{"a time below the least", "[timeout]\nmail = \"0s\"", `m.toml:2: timeout.mail: 0s is too short: the least is 1s`, ""},
		{"now where it means nothing", "[timeout]\nqueuewarn = \"now\"", `m.toml:2: timeout.queuewarn: "now" is not a time`, ""},
		{"a number in quotes", "[queue]\nclass_factor = \"5\"", "m.toml:2: queue.class_factor: this wants a number without quotes, not a string", ""},
		{"a number below nothing", "[queue]\nclass_factor = -5", "m.toml:2: queue.class_factor: -5 is no whole number from 0 to 2147483647", ""},
		{"half a number", "[queue]\nclass_factor = 0.5", "m.toml:2: queue.class_factor: this wants a number without quotes, not a number with a point", ""},
		{"half a time", "[queue]\nmin_age = 0.5", "m.toml:2: queue.min_age: this wants a string in quotes", ""},
		{"an order that is none", "[queue]\nsort = \"size\"", `"size" is no order of a queue run: use priority, host, time, filename, modification, random or none`, ""},
		{"a word that is none", "[queue]\nage = \"old\"", `"old" is no way to count age: use tried or received`, ""},
		{"a word for yes", "[queue]\nsingle_thread = \"yes\"", "this wants true or false, not a string", ""},
		{"a slow queue that would be a path", "[queue.slow.\"a/b\"]\nafter = \"1h\"", `m.toml:1: "a/b" cannot be the name of a queue`, "letters, digits"},
		{"no tries", "[queue.slow.a]\nattempts = 0", "m.toml:2: queue.slow.a.attempts: 0 is too small: the least is 1", ""},
		{"a key of a slow queue misspelt", "[queue.slow.a]\nafer = \"1h\"", `m.toml:2: unknown key "queue.slow.a.afer"`, `did you mean "queue.slow.a.after"?`},
		{"sendmail's way to name a class", "[timeout]\n\"queuereturn.urgent\" = \"1d\"", "m.toml:2: unknown key", `did you mean "timeout.queuereturn_urgent"?`},
		{"an option that has no meaning here", "[timeout]\nmisc = \"5s\"", `m.toml:2: "timeout.misc" has no meaning here: none of them is ever sent`, "take it out"},
		{"sendmail's name in the wrong place", "RecipientFactor = 5", "m.toml:1: RecipientFactor is sendmail's name", "write queue.recipient_factor"},
		{"a key without a letter", "\"\" = true", `m.toml:1: unknown key ""`, ""},
		{"a bad class after a good whole", "[timeout]\nqueuereturn = \"3d\"\nqueuereturn_dsn = \"3y\"", `m.toml:3: timeout.queuereturn_dsn: invalid time unit "y"`, ""},
	} {
		_, err := Parse("m.toml", []byte(c.text+"\n"), home)
		if err == nil || sysexits.Code(err) != sysexits.Config {
			t.Errorf("%s: %v", c.reason, err)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || !strings.Contains(sysexits.Hint(err), c.hint) {
			t.Errorf("%s: says %q, hints %q", c.reason, err, sysexits.Hint(err))
		}
	}
}

func TestOriginTellsWhereAnOptionIsSet(t *testing.T) {
	c, err := Parse("m.toml", []byte("[queue]\nsort = \"host\"\n[queue.slow.\"a.b\"]\nafter = 5\n"), home)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ reason, key, name, want string }{
		{"set", "queue.sort", "", "m.toml:2"},
		{"a default", "queue.min_age", "", ""},
		{"in a table of a name with a dot", "queue.slow.NAME.after", "a.b", "m.toml:4"},
	} {
		if got := c.Origin(keyed(test.key), test.name); got != test.want {
			t.Errorf("%s: %q, want %q", test.reason, got, test.want)
		}
	}
}

func TestWhatAPersonMeansIsFound(t *testing.T) {
	for _, c := range []struct{ reason, word, want, near string }{
		{"a name", "RecipientFactor", "RecipientFactor", ""},
		{"in any case", "recipientfactor", "RecipientFactor", ""},
		{"a letter", "y", "RecipientFactor", ""},
		{"letters have a case", "Y", "ForkEachJob", ""},
		{"a key", "queue.recipient_factor", "RecipientFactor", ""},
		{"a key in any case", "Queue.AGE", "queue.age", ""},
		{"a key of an account", "account.work.user", "account.NAME.user", ""},
		{"one that has no meaning here", "timeout.MISC", "Timeout.misc", ""},
		{"a slip", "RecipentFactor", "", "RecipientFactor"},
		{"a part of a name", "hoststatus", "", "Timeout.hoststatus"},
		{"nothing like it", "zebra", "", ""},
		{"a letter that is none", "~", "", ""},
		{"nothing", "", "", ""},
	} {
		o, near := Explained(c.word)
		got := ""
		if o != nil {
			got = o.Title()
		}
		if got != c.want || near != c.near && c.near != "" || c.near == "" && near != "" {
			t.Errorf("%s: %q is %q, near %q", c.reason, c.word, got, near)
		}
	}
}

// Written before there was a server mode, some reasons denied what it does.
func TestNoReasonDeniesWhatAServerDoes(t *testing.T) {
	for o := range Options() {
		for _, untrue := range []string{"no mail is", "no mailbox", "there are no maps", "fields that a program wrote are not touched", "other rights than its own", "is not offered; the reply"} {
			if strings.Contains(o.Why, untrue) {
				t.Errorf("%s: %q", o.Name, o.Why)
			}
		}
	}
}
