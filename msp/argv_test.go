package msp

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// base is what a command line without flags means.
func base() Invocation {
	return Invocation{Program: "sendmail", Mode: Submit, Hops: -1}
}

// sets are the settings that a line of flags stands for: name, value, …
func sets(i *Invocation, words ...string) {
	for ; len(words) > 0; words = words[2:] {
		i.Settings = append(i.Settings, config.Setting{Name: words[0], Value: words[1]})
	}
}

// Coverage: X1.
func TestFlagsMeanWhatSendmailMeans(t *testing.T) {
	for _, c := range []struct {
		reason, line string
		want         func(*Invocation)
	}{
		{"none", "a@x", nil},
		{"-A attached", "-Ac", nil},
		{"-A separate", "-A m", nil},
		{"-B attached, any case", "-B8bitmime", nil},
		{"-B separate", "-B 7BIT", nil},
		{"-B of another kind is told and ignored", "-B9BIT", func(i *Invocation) { i.Warnings = []string{"Illegal body type 9BIT"} }},
		{"-C", "-C /etc/m.toml", func(i *Invocation) { i.ConfigFile = "/etc/m.toml" }},
		{"-C with nothing", "-C ''", func(i *Invocation) { i.ConfigFile = "mailcrane.toml" }},
		{"-D", "-D /tmp/x -d0.1", func(i *Invocation) { i.DebugFile, i.Debug, i.HasDebug = "/tmp/x", "0.1", true }},
		{"-d never takes the next word", "-d 0.1", func(i *Invocation) { i.HasDebug = true; i.Operands = []string{"0.1"} }},
		{"old flags of other ports", "-E x -Jy -Tz -m -n -x", nil},
		{"-T never takes the next word", "-T 3d", func(i *Invocation) { i.Operands = []string{"3d"} }},
		{"-e attached", "-em", func(i *Invocation) { sets(i, "ErrorMode", "m") }},
		{"-e separate", "-e q", func(i *Invocation) { sets(i, "ErrorMode", "q") }},
		{"-F attached", "-FCronDaemon", func(i *Invocation) { i.FullName = "CronDaemon" }},
		{"-F separate, with spaces", "-F 'Joe Q. Public'", func(i *Invocation) { i.FullName = "Joe Q. Public" }},
		{"-f attached", "-fme@x.org", func(i *Invocation) { i.Sender, i.HasSender = "me@x.org", true }},
		{"-f separate", "-f me@x.org", func(i *Invocation) { i.Sender, i.HasSender = "me@x.org", true }},
		{"-f with nothing", "-f ''", func(i *Invocation) { i.HasSender = true }},
		{"-r is -f", "-r <>", func(i *Invocation) { i.Sender, i.HasSender = "<>", true }},
		{"-G", "-G", func(i *Invocation) { i.Gateway = true }},
		{"-h", "-h 7", func(i *Invocation) { i.Hops = 7 }},
		{"-I is -bi", "-I", func(i *Invocation) { i.Mode = Rebuild }},
		{"-c", "-c", func(i *Invocation) { sets(i, "HoldExpensive", "True") }},
		{"-i", "-i", func(i *Invocation) { sets(i, "IgnoreDots", "True") }},
		{"-L is made harmless", "-L 'a b%c'", func(i *Invocation) { i.Tag = "a*b*c" }},
		{"-L has 32 characters", "-L" + strings.Repeat("x", 40), func(i *Invocation) { i.Tag = strings.Repeat("x", 32) }},
		{"-Mr", "-Mruucp", func(i *Invocation) { i.Protocol = "uucp" }},
		{"-M{s}", "-M{s}far.example", func(i *Invocation) { i.Peer = "far.example" }},
		{"-M of another macro", "-Mxfoo", nil},
		{"-N attached", "-Nsuccess,Delay", func(i *Invocation) { i.Notify = "SUCCESS,DELAY" }},
		{"-N never", "-N never", func(i *Invocation) { i.Notify = "NEVER" }},
		{"-p with a host", "-p uucp:far.example", func(i *Invocation) { i.Protocol, i.Peer = "uucp", "far.example" }},
		{"-p without", "-pbsmtp", func(i *Invocation) { i.Protocol = "bsmtp" }},
		{"-R", "-R hdrs", func(i *Invocation) { i.Ret = "HDRS" }},
		{"-s", "-s", func(i *Invocation) { sets(i, "SaveFromLine", "True") }},
		{"-t", "-t", func(i *Invocation) { i.FromHeader = true }},
		{"-U", "-U", func(i *Invocation) { i.UTF8 = true }},
		{"-V", "-V a+2Bb", func(i *Invocation) { i.EnvID = "a+2Bb" }},
		{"-v", "-v", func(i *Invocation) { i.Verbose = true; sets(i, "Verbose", "True") }},
		{"-X", "-X /tmp/log", func(i *Invocation) { i.TrafficLog = "/tmp/log" }},
		{"bundled", "-tiv", func(i *Invocation) {
			i.FromHeader, i.Verbose = true, true
			sets(i, "IgnoreDots", "True", "Verbose", "True")
		}},
		{"bundled with a value attached", "-tifme@x.org", func(i *Invocation) {
			i.FromHeader, i.HasSender, i.Sender = true, true, "me@x.org"
			sets(i, "IgnoreDots", "True")
		}},
		{"bundled with a value in the next word", "-tf me@x.org b@x", func(i *Invocation) {
			i.FromHeader, i.HasSender, i.Sender, i.Operands = true, true, "me@x.org", []string{"b@x"}
		}},
		{"a value may begin with a hyphen", "-f -t", func(i *Invocation) { i.HasSender, i.Sender = true, "-t" }},
		{"the first operand ends the flags", "a@x -f b@x", func(i *Invocation) { i.Operands = []string{"a@x", "-f", "b@x"} }},
		{"so do two hyphens", "-i -- -f b@x", func(i *Invocation) { i.Operands = []string{"-f", "b@x"}; sets(i, "IgnoreDots", "True") }},
		{"one hyphen is an operand", "- -t", func(i *Invocation) { i.Operands = []string{"-", "-t"} }},
		{"-bs", "-bs", func(i *Invocation) { i.Mode = SMTP }},
		{"-b separate", "-b p", func(i *Invocation) { i.Mode = ListQueue }},
		{"the last -b counts", "-bp -bm", nil},
		{"-bl of Postfix", "-bl", func(i *Invocation) { i.Mode = Loopback }},
	} {
		t.Run(c.reason, func(t *testing.T) {
			want := base()
			words := split(c.line)
			if c.reason == "none" {
				want.Operands = words
			}
			if c.want != nil {
				c.want(&want)
			}
			got, err := ParseArgs(append([]string{"/usr/sbin/sendmail"}, words...))
			if err != nil {
				t.Fatal(err)
			}
			got.submission, got.own = nil, config.Config{}
			if len(got.Operands) == 0 {
				got.Operands = nil
			}
			if !reflect.DeepEqual(*got, want) {
				t.Errorf("%s:\n got %+v\nwant %+v", c.line, *got, want)
			}
		})
	}
}

// split divides a line at spaces, with single quotes as in a shell.
func split(line string) []string {
	var words []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// Coverage: B2, B3.
func TestOptionsAreTakenInBothForms(t *testing.T) {
	for _, c := range []struct {
		reason, line string
		got          func(*Invocation, config.Submit) any
		want         any
	}{
		{"-oi", "-oi", func(i *Invocation, s config.Submit) any { return s.IgnoreDots }, true},
		{"-o separate", "-o i", func(i *Invocation, s config.Submit) any { return s.IgnoreDots }, true},
		{"a boolean that is off", "-oiFalse", func(i *Invocation, s config.Submit) any { return s.IgnoreDots }, false},
		{"long", "-OIgnoreDots=true", func(i *Invocation, s config.Submit) any { return s.IgnoreDots }, true},
		{"long, separate, any case, spaces", "-O 'ignoredots = t'", func(i *Invocation, s config.Submit) any { return s.IgnoreDots }, true},
		{"-odi", "-odi", func(i *Invocation, s config.Submit) any { return i.DeliveryMode }, config.Mode('i')},
		{"-odb", "-odb", func(i *Invocation, s config.Submit) any { return i.DeliveryMode }, config.Mode('b')},
		{"-odq", "-odq", func(i *Invocation, s config.Submit) any { return i.DeliveryMode }, config.Mode('q')},
		{"-odd", "-odd", func(i *Invocation, s config.Submit) any { return i.DeliveryMode }, config.Mode('d')},
		{"-od alone is i", "-od", func(i *Invocation, s config.Submit) any { return i.DeliveryMode }, config.Mode('i')},
		{"LSB's -odf is i", "-odf", func(i *Invocation, s config.Submit) any { return i.DeliveryMode }, config.Mode('i')},
		{"the word", "-ODeliveryMode=deferred", func(i *Invocation, s config.Submit) any { return i.DeliveryMode }, config.Mode('d')},
		{"-oem", "-oem", func(i *Invocation, s config.Submit) any { return s.ErrorMode }, config.ErrorMail},
		{"-oep", "-oep", func(i *Invocation, s config.Submit) any { return s.ErrorMode }, config.ErrorPrint},
		{"-oeq", "-oeq", func(i *Invocation, s config.Submit) any { return s.ErrorMode }, config.ErrorQuiet},
		{"-oew", "-oew", func(i *Invocation, s config.Submit) any { return s.ErrorMode }, config.ErrorWrite},
		{"-oee", "-oee", func(i *Invocation, s config.Submit) any { return s.ErrorMode }, config.ErrorExit0},
		{"-ov", "-ov", func(i *Invocation, s config.Submit) any { return i.Verbose }, true},
		{"-oQ", "-oQ/var/q", func(i *Invocation, s config.Submit) any { return i.QueueDirectory }, "/var/q"},
		{"-op only adds", "-opauthwarnings -opneedmailhelo", func(i *Invocation, s config.Submit) any { return s.Privacy.Has(config.AuthWarnings) }, true},
		{"-of", "-of", func(i *Invocation, s config.Submit) any { return s.KeepFromLine }, true},
		{"-o with nothing", "-o ''", func(i *Invocation, s config.Submit) any { return i.Settings }, []config.Setting(nil)},
		{"MaxRecipientsPerMessage", "-OMaxRecipientsPerMessage=3", func(i *Invocation, s config.Submit) any { return s.MaxRecipients }, 3},
		{"-oh", "-oh5", func(i *Invocation, s config.Submit) any { return s.MaxHops }, 5},
		{"NoRecipientAction", "-ONoRecipientAction=add-to-undisclosed", func(i *Invocation, s config.Submit) any { return s.NoRecipient }, config.AddUndisclosed},
		{"MaxHeadersLength", "-OMaxHeadersLength=1000", func(i *Invocation, s config.Submit) any { return s.MaxHeaders }, int64(1000)},
		{"MaxMessageSize", "-OMaxMessageSize=5", func(i *Invocation, s config.Submit) any { return s.MaxMessage }, int64(5)},
		{
			"what delivery must know is kept in order", "-oT5d/4h -o7 -OTimeout.connect=1m", func(i *Invocation, s config.Submit) any { return i.Settings },
			[]config.Setting{{Name: "QueueTimeout", Value: "5d/4h"}, {Name: "SevenBitInput"}, {Name: "Timeout.connect", Value: "1m"}},
		},
		{"known and without a meaning here", "-oo -om -oA/etc/aliases -oL9 -o8pass", func(i *Invocation, s config.Submit) any { return i.Warnings }, []string(nil)},
		{"an unknown letter is accepted quietly", "-o~x", func(i *Invocation, s config.Submit) any { return i.Warnings }, []string(nil)},
		{"an unknown timeout is told", "-OTimeout.lunch=1h", func(i *Invocation, s config.Submit) any { return i.Warnings }, []string{"settimeout: invalid timeout lunch"}},
		{
			"a name may be cut short, which is told", "-Oqueuelav=3 -OQueueS=host", func(i *Invocation, s config.Submit) any { return i.Warnings },
			[]string{"readcf: unknown option name queuelav", "Option QueueS used as abbreviation for QueueSortOrder"},
		},
		{"what several begin with is none", "-OMax=3", func(i *Invocation, s config.Submit) any { return i.Warnings }, []string{"readcf: unknown option name Max"}},
		{"an unknown name is told", "-OFoo=bar", func(i *Invocation, s config.Submit) any { return i.Warnings }, []string{"readcf: unknown option name Foo"}},
	} {
		got, err := ParseArgs(append([]string{"sendmail"}, split(c.line)...))
		if err != nil {
			t.Errorf("%s: %v", c.reason, err)
			continue
		}
		cfg := config.Config{Submit: config.DefaultSubmit()}
		if err := cfg.Apply(got.Settings); err != nil {
			t.Errorf("%s: %v", c.reason, err)
		}
		if g := c.got(got, cfg.Submit); !reflect.DeepEqual(g, c.want) {
			t.Errorf("%s: %v, want %v", c.reason, g, c.want)
		}
	}
}

// Coverage: A10, B4, B5, B6.
func TestQueueFlags(t *testing.T) {
	given := func(change func(*QueueRun)) QueueRun {
		q := QueueRun{Given: true}
		if change != nil {
			change(&q)
		}
		return q
	}
	for _, c := range []struct {
		reason, line string
		want         QueueRun
	}{
		{"one run", "-q", given(nil)},
		{"in the foreground", "-qf", given(func(q *QueueRun) { q.Foreground = true })},
		{"a number alone counts minutes", "-q30", given(func(q *QueueRun) { q.Interval = 30 * time.Minute })},
		{"with units", "-q1h30m", given(func(q *QueueRun) { q.Interval = 90 * time.Minute })},
		{"seconds", "-q15s", given(func(q *QueueRun) { q.Interval = 15 * time.Second })},
		{"0 is none", "-q0", QueueRun{}},
		{"persistent", "-qp", given(func(q *QueueRun) { q.Persistent, q.Interval = true, time.Second })},
		{"persistent with a time", "-qp5s", given(func(q *QueueRun) { q.Persistent, q.Interval = true, 5*time.Second })},
		{"selectors", "-qIabc -q!Rjoe -qS@x -qQspam", given(func(q *QueueRun) {
			q.Selectors, q.Quarantined = Selectors{{'I', false, "abc"}, {'R', true, "joe"}, {'S', false, "@x"}, {'Q', false, "spam"}}, true
		})},
		{"a reason is one of what is quarantined, as in sendmail", "-q!Qspam", given(func(q *QueueRun) {
			q.Selectors, q.Quarantined = Selectors{{'Q', true, "spam"}}, true
		})},
		{"a group", "-qGslow", given(func(q *QueueRun) { q.Group = "slow" })},
		{"quarantined", "-qQ", given(func(q *QueueRun) { q.Quarantined = true })},
		{"lost", "-qL", given(func(q *QueueRun) { q.Lost = true })},
		{"-q never takes the next word", "-q 30m", given(nil)},
		{"-Q never takes the next word", "-qIx -Q reason", given(func(q *QueueRun) {
			q.Selectors, q.SetQuarantine = Selectors{{'I', false, "x"}}, true
		})},
		{"-Q with a reason", "-Qspam -qSx", given(func(q *QueueRun) {
			q.Selectors, q.SetQuarantine, q.Reason = Selectors{{'S', false, "x"}}, true, "spam"
		})},
		{"with a daemon", "-bd -q30m", given(func(q *QueueRun) { q.Interval = 30 * time.Minute })},
		{"with a listing", "-bp -qRx", given(func(q *QueueRun) { q.Selectors = Selectors{{'R', false, "x"}} })},
	} {
		got, err := ParseArgs(append([]string{"sendmail"}, split(c.line)...))
		if err != nil {
			t.Errorf("%s: %v", c.reason, err)
		} else if !reflect.DeepEqual(got.Queue, c.want) {
			t.Errorf("%s: %+v, want %+v", c.reason, got.Queue, c.want)
		}
	}
}

// Coverage: X2.
func TestSelectorsChoose(t *testing.T) {
	to := []string{"Joe@Example.org", "ann@x.org"}
	for _, c := range []struct {
		reason string
		line   string
		want   bool
	}{
		{"no selector chooses all", "-q", true},
		{"a part of the ID", "-qIB2c", true},
		{"case counts in an ID", "-qIb2c", false},
		{"one recipient is enough, case aside", "-qRjoe@EXAMPLE", true},
		{"no recipient", "-qRbob", false},
		{"sender, case aside", "-qSBOSS", true},
		{"reason, by case", "-qQspam", true},
		{"reason, wrong case", "-qQSpam", false},
		{"not: no recipient may have it", "-q!Rann", false},
		{"not: none has it", "-q!Rbob", true},
		{"the same letter twice is or", "-qRbob -qRann", true},
		{"two letters are and", "-qRann -qSnobody", false},
		{"all of it", "-qRann -qRbob -qSboss -q!Iz", true},
	} {
		inv, err := ParseArgs(append([]string{"sendmail"}, split(c.line)...))
		if err != nil {
			t.Fatal(err)
		}
		if got := inv.Queue.Selectors.Match("A1B2c3", "boss@x.org", to, "spam, says spamd"); got != c.want {
			t.Errorf("%s: %s is %v", c.reason, c.line, got)
		}
	}
}

// Coverage: X1.
func TestBadFlagsEndWithUsageBeforeInputIsRead(t *testing.T) {
	for _, c := range []struct{ reason, line, want string }{
		{"an unknown letter", "-Z", "sendmail: illegal option -- Z"},
		{"an unknown letter in a bundle", "-tZ a@x", "sendmail: illegal option -- Z"},
		{"an unknown letter that is none", "-\x1b", "sendmail: illegal option -- ?"},
		{"a missing value", "-t -f", "sendmail: option requires an argument -- f"},
		{"an unknown mode", "-by", "Invalid operation mode y"},
		{"a frozen configuration", "-bz", "Frozen configurations unsupported"},
		{"a hop count that is no number", "-hx", "Bad hop count (x)"},
		{"a negative hop count", "-h -1", "Bad hop count (-1)"},
		{"two senders", "-fa -r b", `More than one "from" person`},
		{"two null senders", "-f '' -f ''", `More than one "from" person`},
		{"a bad condition", "-N always", "Invalid -N argument"},
		{"never and another", "-N never,delay", "Invalid -N argument"},
		{"no condition", "-N ''", "Invalid -N argument"},
		{"more conditions than there are", "-N delay,delay,delay,delay", "Invalid -N argument"},
		{"a bad RET", "-R all", "Invalid -R value"},
		{"two RET", "-R full -R hdrs", "Duplicate -R flag"},
		{"an ENVID with a space", "-V 'a b'", "Invalid syntax in -V flag"},
		{"an ENVID with a half code", "-V a+2", "Invalid syntax in -V flag"},
		{"an ENVID with a small hex digit", "-V a+2b", "Invalid syntax in -V flag"},
		{"an ENVID with =", "-V a=b", "Invalid syntax in -V flag"},
		{"an ENVID of 101 characters", "-V" + strings.Repeat("x", 101), "Invalid syntax in -V flag"},
		{"two ENVIDs", "-V a -V b", "Duplicate -V flag"},
		{"a bad unit of time", "-q5y", "Invalid time unit 'y'"},
		{"a bad queue value", "-qx", "Invalid -q value: -qx"},
		{"an empty selector", "-qI", "Invalid -q value: -qI"},
		{"an inverse of nothing", "-q!", "Invalid -q value: -q!"},
		{"an inverse group", "-q!Gx", "Invalid -q value: -q!Gx"},
		{"two groups", "-qGa -qGb", "Invalid -q value: -qGb"},
		{"-q with SMTP", "-bs -q", "Can not use -q with -bs"},
		{"-q with alias rebuilding", "-q -bi", "Can not use -q with -bi"},
		{"an error mode that is none", "-oez", "Unknown error mode z: use p, m, w, e or q"},
		{"a delivery mode that is none", "-odx", "Unknown delivery mode x: use i, b, q or d"},
		{"a side that is none", "-Ax", "Invalid -A value x: use -Ac or -Am"},
		{"a bound that is no number", "-OMaxMessageSize=big", "Option MaxMessageSize wants a number, not big"},
		{"an action that is none", "-ONoRecipientAction=shrug", "Invalid NoRecipientAction: shrug"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStation(t, oneAccount)
			code := s.sendmail("", split(c.line)...)
			if code != sysexits.Usage || s.err.String() != c.want+"\n" {
				t.Errorf("%s: exit %d, said %q, want %q", c.line, code, &s.err, c.want)
			}
			if s.spool.puts > 0 {
				t.Error("something was queued")
			}
		})
	}
}

func TestNameOfTheProgramChoosesTheMode(t *testing.T) {
	for _, c := range []struct {
		reason, line string
		mode         Mode
		queue        bool
	}{
		{"sendmail", "/usr/lib/sendmail a@x", Submit, false},
		{"anything else", "send-mail -i a@x", Submit, false},
		{"mailq", "/usr/bin/mailq", ListQueue, false},
		{"mailq with a flag", "mailq -Ac", ListQueue, false},
		{"newaliases", "newaliases", Rebuild, false},
		{"hoststat", "hoststat", HostStatus, false},
		{"purgestat", "purgestat", PurgeStatus, false},
		{"smtpd", "smtpd", Daemon, false},
		{"runq", "runq", Submit, true},
		{"-b beats the name", "mailq -bm a@x", Submit, false},
		{"Windows", "mailq.exe", ListQueue, false},
	} {
		inv, err := ParseArgs(split(c.line))
		if err != nil || inv.Mode != c.mode || inv.Queue.Given != c.queue {
			t.Errorf("%s: %+v %v", c.reason, inv, err)
		}
	}
}

func TestSubmissionFlagsInAnotherModeAreToldAndIgnored(t *testing.T) {
	inv, err := ParseArgs(split("mailq -fme@x -Ac -t"))
	want := []string{
		"WARNING: Ignoring submission mode -f option (not in submission mode)",
		"WARNING: Ignoring submission mode -t option (not in submission mode)",
	}
	if err != nil || !slices.Equal(inv.Warnings, want) {
		t.Errorf("%q %v", inv.Warnings, err)
	}
	for _, quiet := range []string{"sendmail -bs -odb -oem", "sendmail -q -v", "sendmail -bv -fx a"} {
		if inv, err := ParseArgs(split(quiet)); err != nil || len(inv.Warnings) > 0 {
			t.Errorf("%s: %q %v", quiet, inv.Warnings, err)
		}
	}
}

func FuzzParseArgs(f *testing.F) {
	for _, seed := range []string{
		"sendmail -t -oi", "mailq -q!Rx", "sendmail -tiv -fa@b -- -f", "sendmail -O Foo=bar -oQ/x -qp5s", "newaliases -N never", "sendmail -M{r}x -px:y", "s -h 1 -V+2B",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, " ")
		inv, err := ParseArgs(args)
		if err != nil {
			if sysexits.Code(err) != sysexits.Usage || strings.ContainsAny(err.Error(), "\x00\x1b\n") {
				t.Fatalf("%q: %d %q", args, sysexits.Code(err), err)
			}
			return
		}
		if n := len(inv.Operands); !slices.Equal(inv.Operands, args[len(args)-n:]) {
			t.Fatalf("%q: operands %q", args, inv.Operands)
		}
		if again, err := ParseArgs(append(append([]string{"sendmail"}, inv.carry()...), "-bm")); err != nil {
			t.Fatalf("%q: what is carried to delivery is refused: %q %v", args, inv.carry(), err)
		} else if again.own.Submit != inv.own.Submit || again.own.Timeout != inv.own.Timeout || again.QueueDirectory != inv.QueueDirectory {
			t.Fatalf("%q: %q lost something", args, inv.carry())
		}
	})
}
