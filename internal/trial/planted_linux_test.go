package trial

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailcrane/internal/lab"
)

// A planting is a home with two accounts, one with a password and one with a
// token, and all that was said and started by it.
type planting struct {
	*home
	t               *testing.T
	password, token *smarthost
	calls           string // what strace has seen of each start of a program
	traced          int
	said            strings.Builder
}

const tokenUser = "token@trial.example"

func plant(t *testing.T) *planting {
	t.Helper()
	p := &planting{t: t, password: newSmarthost(t), token: newSmarthost(t), calls: t.TempDir()}
	p.password.password = "plänted & /+=" + rand.Text()
	p.token.password = "ya29.planted-token_" + rand.Text()
	p.home = newHome(t, "", p.password.password)
	keep := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(keep, []byte(p.token.password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.configure(p.account(p.password.url(), me, p.password.caFile) + fmt.Sprintf(
		"[account.token]\nfrom = [%q]\nsmarthost = %q\nuser = %q\nauth = \"oauthbearer\"\nsecret = \"command:cat %s\"\ntls = { ca = %q }\n",
		tokenUser, p.token.url(), tokenUser, keep, p.token.caFile))
	p.write(".config/mailcrane/mailcrane.toml", "default_account = \"trial\"\nlog_level = 15\n"+p.read(".config/mailcrane/mailcrane.toml"))
	return p
}

func (p *planting) read(name string) string {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// takesTokens has the second server offer a log-in by token, and take it or not.
// Where it does not, it says what was sent, as some servers do.
func (p *planting) takesTokens(yes bool) {
	p.token.behave(behaviour{answer: func(at step) string {
		switch {
		case at.verb == "EHLO":
			return "250-smarthost.test\r\n250-8BITMIME\r\n250-DSN\r\n250-SIZE 67108864\r\n250 AUTH OAUTHBEARER"
		case at.verb == "AUTH" && yes:
			return "235 2.7.0 welcome"
		case at.verb == "AUTH":
			return "535 5.7.8 not this one: " + at.argument
		case at.verb == "MAIL":
			return "250 2.1.0 ok"
		case at.verb == "RCPT" && strings.Contains(at.argument, "nobody"):
			return "550 5.1.1 nobody"
		}
		return ""
	}})
}

func (p *planting) takesPasswords(yes bool) {
	p.password.behave(behaviour{answer: func(at step) string {
		switch {
		case at.verb == "AUTH" && !yes:
			return "535 5.7.8 not this one: " + at.argument
		case at.verb == "RCPT" && strings.Contains(at.argument, "nobody"):
			return "550 5.1.1 nobody"
		}
		return ""
	}})
}

// underStrace is a command that strace writes down each start of a program of, with all
// arguments and the whole environment.
func (p *planting) underStrace(program string, args ...string) *exec.Cmd {
	cmd := p.command(program, args...)
	p.traced++
	trace := []string{"-f", "-v", "-qq", "-x", "-s", "100000", "-e", "trace=execve", "-e", "signal=none", "-o", filepath.Join(p.calls, fmt.Sprint(p.traced)), cmd.Path}
	cmd.Args, cmd.Path = append(append([]string{"strace"}, trace...), args...), lab.Client(p.t, "strace")
	return cmd
}

// does runs a program and keeps what it says. How it ends is not the question.
func (p *planting) does(input, program string, args ...string) {
	p.t.Helper()
	cmd := p.underStrace(program, args...)
	cmd.Stdin = strings.NewReader(input)
	r := p.start(cmd).wait()
	fmt.Fprintf(&p.said, "$ %s %q\n%s", program, args, r.said())
}

// letterFrom is one from that sender.
func letterFrom(from, id string) string { return strings.Replace(letter(id), me, from, 1) }

// everything is each way in which a secret is used, or could be shown.
func (p *planting) everything(round string) {
	p.t.Helper()
	for _, from := range []string{me, tokenUser} {
		for n, mode := range []string{"-odi", "-odq", "-odb"} {
			p.does(letterFrom(from, fmt.Sprintf("%s-%d-%s", round, n, from)), "sendmail", "-v", "-oi", mode, "-f", from, "-X", filepath.Join(p.dir, "traffic"), you)
		}
		p.does(letterFrom(from, round+"-nobody-"+from), "sendmail", "-v", "-oi", "-odi", "-f", from, "nobody@trial.example")
	}
	for _, from := range []string{me, tokenUser} {
		p.does(letterFrom(from, round+"-wait-"+from), "mailcrane", "send", "--wait=3s", "-oi", "-f", from, you)
	}
	for _, words := range []string{
		"flush --stats", "flush --json", "queue --json", "queue list --done --json", "status --why", "status --json",
		"config show", "config check --online", "config explain user", "explain " + me, "explain --json " + me, "doctor", "doctor --json", "doctor --offline --json",
		"sendmail -bp -v", "sendmail -q -v", "sendmail -bv -v you@trial.example",
	} {
		p.does("", "mailcrane", strings.Fields(words)...)
	}
	for _, item := range p.list() {
		for _, words := range []string{"explain", "explain --json", "queue show", "queue show --json", "queue show --transcript", "queue show --transcript --json"} {
			p.does("", "mailcrane", append(strings.Fields(words), item.ID)...)
		}
	}
}

// Coverage: secrets.
func TestThePlantedSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	p := plant(t)
	for _, yes := range []bool{true, false, true} {
		p.takesTokens(yes)
		p.takesPasswords(yes)
		p.everything(fmt.Sprintf("takes-%v-%d", yes, p.traced))
	}
	if !strings.Contains(p.said.String(), "logged in as "+me) || !strings.Contains(p.said.String(), "logged in as "+tokenUser) {
		t.Error("the accounts were not let in, so that nothing is shown by this")
	}
	if !strings.Contains(p.said.String(), "535 5.7.8 not this one") {
		t.Error("the refusal was not shown, so that nothing is shown by this")
	}
	if !strings.Contains(p.read("traffic"), "AUTH PLAIN") {
		t.Error("the traffic file has no log-in")
	}
	p.crashes()
	secrets := []string{p.password.password, p.token.password}
	p.wantSecret(t, p.said.String(), secrets...)
	p.wantNoStart(secrets)
	for _, s := range []*smarthost{p.password, p.token} {
		for _, all := range s.received() {
			for _, r := range all {
				p.wantSecret(t, r.text, secrets...)
			}
		}
	}
}

// wantNoStart: no program was started with a secret in argv or environment.
func (p *planting) wantNoStart(secrets []string) {
	p.t.Helper()
	starts := 0
	for n := range p.traced {
		text, err := os.ReadFile(filepath.Join(p.calls, fmt.Sprint(n+1)))
		if err != nil {
			p.t.Fatal(err)
		}
		starts += strings.Count(string(text), "execve(")
		for _, secret := range secrets {
			// strace writes what is not ASCII as \x….
			for _, form := range append(forms(secret), strings.ReplaceAll(secret, "ä", `\xc3\xa4`)) {
				if strings.Contains(string(text), form) {
					p.t.Errorf("a program was started with the secret: %s", text)
				}
			}
		}
	}
	if starts < p.traced {
		p.t.Errorf("strace has seen %d starts of %d", starts, p.traced)
	}
}

// crashes has an agent that holds both secrets end by a signal that makes a core,
// where cores are allowed and stand in the folder of the process.
func (p *planting) crashes() {
	p.t.Helper()
	for _, signal := range []syscall.Signal{syscall.SIGABRT, syscall.SIGQUIT, syscall.SIGSEGV} {
		p.core("sleep 60", signal, true)
		p.core(filepath.Join(programs, "mailcrane")+" agent -v", signal, false)
	}
}

// core runs a program to its end by a signal. Where the kernel writes cores into
// the folder of the process, there must be one of it, or none.
func (p *planting) core(line string, signal syscall.Signal, wanted bool) {
	p.t.Helper()
	cmd := p.command("mailcrane")
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", "ulimit -c unlimited; exec " + line}
	cmd.Env = append(cmd.Env, "GOTRACEBACK=crash")
	r := p.start(cmd)
	if wanted {
		await(p.t, "it runs", func() bool { return strings.HasPrefix(comm(cmd.Process.Pid), "sleep") })
	} else {
		p.mail(fmt.Sprintf("crash-%d", signal), you)
		p.password.wantArrival(p.t, fmt.Sprintf("crash-%d", signal))
	}
	if err := cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
	err := cmd.Wait()
	r.limit.Stop()
	fmt.Fprintf(&p.said, "$ %s, by %v: %v\n%s%s", line, signal, err, r.stdout.String(), r.stderr.String())
	state, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && state.CoreDump() != wanted {
		if wanted {
			lab.Missing(p.t, "a kernel that writes cores (core_pattern, ulimit -H -c)", "sysctl kernel.core_pattern=core")
		}
		p.t.Errorf("%s, ended by %v, has left a core", line, signal)
	}
	cores, globErr := filepath.Glob(filepath.Join(p.dir, "core*"))
	if globErr != nil {
		p.t.Fatal(globErr)
	}
	for _, path := range cores {
		if wanted { // that of sleep
			os.Remove(path)
		}
	}
}

// comm is the name of a process.
func comm(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	return string(text)
}
