package msp

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// services writes down what is asked of it.
type services struct {
	asked []string
	queue string
	code  int
}

func (s *services) note(format string, args ...any) int {
	s.asked = append(s.asked, fmt.Sprintf(format, args...))
	return s.code
}

func (s *services) ListQueue(_ context.Context, l Listing) int { return s.note("list %+v", l) }

func (s *services) RunQueue(_ context.Context, run QueueRun, verbose bool) int {
	return s.note("run %v foreground=%v interval=%v verbose=%v", run.Selectors, run.Foreground, run.Interval, verbose)
}

func (s *services) Deliver(_ context.Context, ids []queue.ID, verbose bool) int {
	return s.note("deliver %v verbose=%v", ids, verbose)
}

func (s *services) UseSettings(settings []config.Setting) {
	var c config.Config
	_ = c.Apply(settings)
	s.queue = c.Spools.String()
}

func (s *services) LogTraffic(file string) { s.note("log %s", file) }

func (s *services) ServeSMTP(_ context.Context, in io.Reader, _ io.Writer) int {
	text, _ := io.ReadAll(in)
	return s.note("smtp %s", text)
}

func (s *services) Daemon(_ context.Context, mode Mode, run QueueRun) int {
	return s.note("daemon %c interval=%v", mode, run.Interval)
}

func (s *services) HostStatus(_ context.Context, purge, verbose bool) int {
	return s.note("hosts purge=%v verbose=%v", purge, verbose)
}

func (s *services) CheckAliases(context.Context) int { return s.note("aliases") }

func (s *services) AddressTest(context.Context, io.Reader) int { return s.note("test") }

func (s *services) Verify(_ context.Context, sender string, words []string, verbose bool) int {
	return s.note("verify %v verbose=%v", words, verbose)
}

// Coverage: A9.
func TestServicesUseTheQueueThatIsNamed(t *testing.T) {
	for _, line := range []string{"-oQ/var/side -bp", "-OQueueDirectory=/var/side -q", "-oQ/var/side -bs"} {
		s := newStation(t, oneAccount)
		sv := &services{}
		s.Services = sv
		s.sendmail("", strings.Fields(line)...)
		if sv.queue != "/var/side" {
			t.Errorf("sendmail %s: the services use queue %q", line, sv.queue)
		}
	}
}

func TestMailcraneServesTheSameCommandLine(t *testing.T) {
	for _, c := range []struct{ reason, line, want string }{
		{"-bp", "-bp", "list {CountOnly:false Verbose:false Run:{Given:false"},
		{"-bP", "-bP -v", "list {CountOnly:true Verbose:true Run:{Given:false"},
		{"a listing with selectors", "-bp -qRjoe", "list {CountOnly:false Verbose:false Run:{Given:true"},
		{"-q", "-q", "run [] foreground=false interval=0s verbose=false"},
		{"-q -v", "-q -v", "run [] foreground=false interval=0s verbose=true"},
		{"-qf -qSx", "-qf -qSx", "run [{83 false x}] foreground=true interval=0s verbose=false"},
		{"-q30m", "-q30m", "run [] foreground=false interval=30m0s verbose=false"},
		{"-bd -q15m", "-bd -q15m", "daemon d interval=15m0s"},
		{"-bD", "-bD", "daemon D interval=0s"},
		{"-bl", "-bl", "daemon l interval=0s"},
		{"-bs", "-bs", "smtp QUIT"},
		{"-bh", "-bh", "hosts purge=false verbose=false"},
		{"-bH -v", "-bH -v", "hosts purge=true verbose=true"},
		{"what a shim hands over after an interactive submission", "-odi -qIABC", "deliver [ABC] verbose=false"},
		{"what it hands over in the background", "-odb -qIABC", "run [{73 false ABC}] foreground=false interval=0s verbose=false"},
		{"an interactive run for all is a run", "-odi -q", "run [] foreground=false interval=0s verbose=false"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStation(t, oneAccount)
			sv := &services{code: 7}
			s.Services = sv
			if code := s.sendmail("QUIT", split(c.line)...); code != 7 || len(sv.asked) != 1 || !strings.HasPrefix(sv.asked[0], c.want) {
				t.Errorf("exit %d, asked %q, said %q", code, sv.asked, &s.err)
			}
		})
	}
}

// Coverage: A8, A13, B54, B55.
func TestDeliveryModeIsObeyedAfterTheMessageIsSafe(t *testing.T) {
	for _, c := range []struct {
		reason, toml, line string
		handed             string // by the shim
		comeBack           bool
		asked              string // of the services
	}{
		{"deferred by default", "", "a@x.org", "", false, ""},
		{"-odq", "delivery_mode=\"interactive\"\n", "-odq a@x.org", "", false, ""},
		{"-odd", "delivery_mode=\"interactive\"\n", "-odd a@x.org", "", false, ""},
		{"-odi", "", "-odi a@x.org", "-odi -qI2600000000001", false, "deliver [2600000000001] verbose=false"},
		{"interactive by configuration", "delivery_mode=\"interactive\"\n", "a@x.org", "-odi -qI2600000000001", false, "deliver [2600000000001] verbose=false"},
		{"-odb", "", "-odb a@x.org", "-odb -qI2600000000001", false, "run [{73 false 2600000000001}] foreground=false interval=0s verbose=false"},
		{"-v is interactive", "", "-v -odq a@x.org", "-ovTrue -odi -qI2600000000001", false, "deliver [2600000000001] verbose=true"},
		{
			"what delivery must know goes along", "", "-odi -C /c -Lx -oem -oQ/q a@x.org",
			"-C /c -L x -oem -oQ/q -odi -qI2600000000001", false, "deliver [2600000000001] verbose=false",
		},
		{"the exit code of a bad recipient is not lost", "", "-odi -oeq ann a@x.org", "-oeq -odi -qI2600000000001", true, "deliver [2600000000001] verbose=false"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			bad := strings.Contains(c.line, "ann")
			s := newStation(t, c.toml+oneAccount)
			var handed []string
			s.Handoff = func(args []string, comeBack bool) (int, error) {
				if s.spool.puts != 1 {
					t.Error("handed over before the message was safe")
				}
				handed = args
				if comeBack != c.comeBack {
					t.Errorf("comeBack is %v", comeBack)
				}
				return 0, nil
			}
			want := 0
			if bad {
				want = sysexits.NoUser
			}
			if code := s.sendmail("\n", split(c.line)...); code != want || strings.Join(handed, " ") != c.handed {
				t.Errorf("shim: exit %d, handed over %q, said %q", code, handed, &s.err)
			}
			again, err := ParseArgs(append([]string{"sendmail"}, handed...))
			if err != nil || len(again.Warnings) > 0 {
				t.Errorf("mailcrane would refuse it: %v %q", err, again.Warnings)
			}

			s = newStation(t, c.toml+oneAccount)
			sv := &services{code: 0}
			s.Services = sv
			if code := s.sendmail("\n", split(c.line)...); code != want || strings.Join(sv.asked, " ") != c.asked {
				t.Errorf("mailcrane: exit %d, asked %q", code, sv.asked)
			}
		})
	}
}

// Coverage: X7.
func TestASubmissionCallsNoServerThatWaitsForARun(t *testing.T) {
	for _, c := range []struct {
		reason, account, line string
		handed                string // by the shim
		asked                 string // of the services
	}{
		{"an expensive account waits for the queue run", "expensive = true", "-c -odi a@x.org", "", ""},
		{"in the background too", "expensive = true", "-c -odb a@x.org", "", ""},
		{"not where nobody holds what is expensive", "expensive = true", "-odi a@x.org", "-odi -qI2600000000001", "deliver [2600000000001] verbose=false"},
		{"nor with -v, as in sendmail", "expensive = true", "-c -v a@x.org", "-ocTrue -ovTrue -odi -qI2600000000001", "deliver [2600000000001] verbose=true"},
		{"an account on demand waits for a word", "on_demand = true", "-odi a@x.org", "", ""},
		{"and -v is none", "on_demand = true", "-v a@x.org", "", ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStation(t, oneAccount+c.account)
			var handed []string
			s.Handoff = func(args []string, _ bool) (int, error) {
				handed = args
				return 0, nil
			}
			if code := s.sendmail("\n", split(c.line)...); code != 0 || s.spool.puts != 1 || strings.Join(handed, " ") != c.handed {
				t.Errorf("shim: exit %d, handed over %q, said %q", code, handed, &s.err)
			}
			s = newStation(t, oneAccount+c.account)
			sv := &services{}
			s.Services = sv
			if code := s.sendmail("\n", split(c.line)...); code != 0 || s.spool.puts != 1 || strings.Join(sv.asked, " ") != c.asked {
				t.Errorf("mailcrane: exit %d, asked %q", code, sv.asked)
			}
		})
	}
}

// Coverage: B53.
func TestRefusalInInteractiveModeIsTheExitCode(t *testing.T) {
	s := newStation(t, oneAccount)
	s.Services = &services{code: sysexits.NoUser}
	if code := s.sendmail("\n", "-odi", "a@x.org"); code != sysexits.NoUser {
		t.Errorf("exit %d", code)
	}
}

func TestHandOverThatFailsLosesNoMail(t *testing.T) {
	s := newStation(t, oneAccount)
	if code := s.sendmail("\n", "-odi", "a@x.org"); code != 0 || s.spool.puts != 1 || !strings.Contains(s.err.String(), "safe in the queue as 2600000000001") {
		t.Errorf("exit %d, said %q", code, &s.err)
	}
}

func TestVerifyOnAServerAsksItsMaps(t *testing.T) {
	s := newStation(t, oneAccount+"\n[[mta.listen]]\naddress = \"127.0.0.1:0\"\n")
	asked := &services{}
	s.Services = asked
	if code := s.sendmail("", "-bv", "-v", "ann", "x@far.example"); code != 0 || !slices.Contains(asked.asked, "verify [ann x@far.example] verbose=true") {
		t.Errorf("exit %d, %q, %s", code, asked.asked, &s.err)
	}
	if code := s.sendmail("", "-bv"); code != sysexits.Usage {
		t.Errorf("without an address: exit %d", code)
	}
}

func TestVerifySaysWhereMailWouldGo(t *testing.T) {
	for _, c := range []struct {
		reason, toml, line string
		code               int
		want               string
	}{
		{"an address", oneAccount, "a@x.org", 0, "a@x.org... deliverable: mailer relay, host smtp.example.org, user a@x.org\n"},
		{"a user", oneAccount, "root", 0, "me@example.org... deliverable: mailer relay, host smtp.example.org, user me@example.org\n"},
		{
			"a user, verbosely", oneAccount, "-v root joe", 0,
			"root... aliased to me@example.org\nme@example.org... deliverable: mailer relay, host smtp.example.org, user me@example.org\njoe... aliased to me@example.org\nme@example.org... duplicate suppressed\n",
		},
		{"no one", oneAccount, "ann", 67, "ann... User unknown\n"},
		{"no address", oneAccount, "<x@ a@x.org", 64, "<x@... Unbalanced '<'\na@x.org... deliverable: mailer relay, host smtp.example.org, user a@x.org\n"},
		{"no account", noAccount, "a@x.org", 78, "a@x.org... no account is set up to send it: mailcrane setup\n"},
	} {
		s := newStation(t, c.toml)
		if code := s.sendmail("", append([]string{"-bv"}, split(c.line)...)...); code != c.code || s.out.String() != c.want {
			t.Errorf("%s: exit %d, said %q", c.reason, code, &s.out)
		}
	}
	s := newStation(t, oneAccount)
	if code := s.sendmail("", "-bv"); code != 64 {
		t.Errorf("of nobody: exit %d", code)
	}
}

func TestModesWithNothingToDoSaySo(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"-bi", "no file of aliases is set, so there is nothing to check; to have one: aliases = \"/etc/aliases\"\n"},
		{"-I", "no file of aliases is set, so there is nothing to check; to have one: aliases = \"/etc/aliases\"\n"},
		{"-bt", "there are no rewriting rules here; to see where mail to an address goes, type: mailcrane explain ADDRESS\n"},
		{"-bC", ""},
		{"-d0.1 -bC", "Version mailcrane 0.1\n" + compiledWith},
		{"-d -bC", "Version mailcrane 0.1\n" + compiledWith},
		{"-d8.99 -bC", ""},
	} {
		s := newStation(t, oneAccount)
		if code := s.sendmail("", split(c.line)...); code != 0 || s.out.String() != c.want || s.err.Len() > 0 {
			t.Errorf("%s: exit %d, said %q %q", c.line, code, &s.out, &s.err)
		}
	}
}

func TestLogThatCannotBeOpenedIsTold(t *testing.T) {
	s := newStation(t, oneAccount)
	for _, flag := range []string{"-X", "-D"} {
		s.err.Reset()
		if code := s.sendmail("\n", flag, "/nonexistent/log", "a@x.org"); code != 73 || s.err.String() != "cannot open /nonexistent/log: no such file or directory\n" || s.spool.puts > 0 {
			t.Errorf("exit %d, said %q", code, &s.err)
		}
	}
	log := filepath.Join(t.TempDir(), "log")
	if code := s.sendmail("\n", "-X", log, "-D", log+"2", "-d0", "a@x.org"); code != 0 {
		t.Errorf("exit %d: %s", code, &s.err)
	}
	if text, _ := os.ReadFile(log + "2"); string(text) != "Version mailcrane 0.1\n"+compiledWith {
		t.Errorf("debug file: %q", text)
	}
}

func TestBadConfigurationIsToldBeforeInputIsRead(t *testing.T) {
	s := newStation(t, oneAccount)
	s.Config = func(file string) (*config.Config, error) {
		return nil, sysexits.Errorf(sysexits.Config, "mend it", "%s:3: unknown key", file)
	}
	if code := s.sendmail("\n", "-C", "x.toml", "a@x.org"); code != 78 || s.err.String() != "sendmail: x.toml:3: unknown key\nsendmail: mend it\n" {
		t.Errorf("exit %d, said %q", code, &s.err)
	}
}

func TestQuarantineNeedsToKnowWhat(t *testing.T) {
	s := newStation(t, oneAccount)
	s.Services = &services{}
	if code := s.sendmail("\n", "-Qspam"); code != 64 || !strings.HasPrefix(s.err.String(), "-Q needs") {
		t.Errorf("exit %d, said %q", code, &s.err)
	}
}

func TestHostThatDoesNotKnowItsNameStillSends(t *testing.T) {
	for _, name := range []string{"", "bad name", "a>b"} {
		s := newStation(t, noAccount)
		s.Hostname = func() (string, error) { return name, nil }
		if code := s.sendmail("\n", "a@x.org"); code != 0 || s.spool.envelope.From != "joe@localhost.localdomain" {
			t.Errorf("%q: exit %d, %+v", name, code, s.spool.envelope)
		}
	}
	s := newStation(t, "hostname = \"mail.example\"\n")
	if code := s.sendmail("\n", "a@x.org"); code != 0 || s.spool.envelope.From != "joe@mail.example" {
		t.Errorf("the configured name: exit %d, %+v", code, s.spool.envelope)
	}
}

// Coverage: B56, B57.
func TestNothingLinkedCostsStartUp(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go tool is not installed")
	}
	out, err := exec.Command(goTool, "list", "-deps", ".").Output()
	if err != nil {
		t.Skipf("go list: %v", err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		if slices.Contains([]string{"net", "net/mail", "net/http", "net/textproto", "crypto/tls", "os/user", "mime", "regexp", "runtime/cgo", "os/exec"}, dep) {
			t.Errorf("the sendmail shim would link %s", dep)
		}
	}
}
