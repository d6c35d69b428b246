//go:build unix

package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"mailcrane/internal/mbox"
	"mailcrane/queue"
)

// A program is a process that takes a message.
type program struct {
	argv     []string
	account  Account
	dir      string // where it starts, "" for the root
	fromLine bool   // with a From_ line before the message
	name     string // for replies
	// helper is one of ours, which takes back what it has written; head is its errand.
	helper bool
	head   []byte
}

// afterEnd is how long what a program leaves behind may hold its output.
const afterEnd = 2 * time.Second

// run hands the message of a job to a program and says what became of it.
func (d *Deliverer) run(ctx context.Context, j Job, p program) queue.Reply {
	message, done, err := d.letter(j, false)
	if err != nil {
		return faultReply(sourceFault{err}, p.name)
	}
	defer done() //nolint:errcheck // nothing was written
	ctx, cancel := context.WithTimeout(ctx, d.ProgramTime)
	defer cancel()
	said := &said{most: int(min(d.ProgramOutput, 1<<20))}
	cmd, err := d.hand(ctx, cancel, j, p, message, said)
	switch {
	case cmd == nil:
		return notStarted(err, p.name)
	case err != nil:
		return faultReply(err, p.name)
	}
	return ended(ctx, cmd, p.name, said)
}

// hand starts a program, writes the message, and waits for its end. There is no
// command where it did not start, and an error with one that did not get the
// whole message.
func (d *Deliverer) hand(ctx context.Context, cancel func(), j Job, p program, message io.Reader, said *said) (*exec.Cmd, error) {
	cmd, stdin, err := d.start(ctx, j, p, said)
	if err != nil {
		return nil, err
	}
	source := &watchedSource{in: message}
	written := make(chan struct{})
	go func() {
		defer close(written)
		if p.helper {
			writeErrand(stdin, source, p.head)
		} else {
			d.write(stdin, source, j, p)
		}
		if source.failed != nil && !p.helper {
			cancel() // it must not take half a message for a whole one
			return
		}
		stdin.Close()
	}()
	cmd.Wait() //nolint:errcheck // its state says how it ended
	<-written
	if source.failed != nil {
		return cmd, sourceFault{source.failed}
	}
	return cmd, nil
}

// start starts a program in its user's home, or in / where it may not go there.
func (d *Deliverer) start(ctx context.Context, j Job, p program, said *said) (cmd *exec.Cmd, stdin io.WriteCloser, err error) {
	for _, dir := range [...]string{p.dir, "/"} {
		if dir == "" {
			continue
		}
		cmd = exec.CommandContext(ctx, p.argv[0], p.argv[1:]...) //nolint:gosec // the administrator or the user says what
		cmd.Env, cmd.Dir = d.environment(j, p.account), dir
		cmd.Stdout, cmd.Stderr = said, said
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if d.root {
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: p.account.UID, Gid: p.account.GID, Groups: p.account.Groups}
		}
		group := cmd
		cmd.Cancel = func() error { return syscall.Kill(-group.Process.Pid, syscall.SIGKILL) }
		cmd.WaitDelay = afterEnd
		if stdin, err = cmd.StdinPipe(); err != nil {
			return nil, nil, err
		}
		if p.helper {
			cmd.Cancel = stdin.Close
		}
		if err = cmd.Start(); err == nil {
			return cmd, stdin, nil
		}
	}
	return nil, nil, err
}

// write writes the message. A program may end before it has read it all, and so an
// error of the pipe is none.
func (d *Deliverer) write(to io.Writer, message io.Reader, j Job, p program) {
	if p.fromLine {
		mbox.NewWriter(to, j.Sender, d.Now()).Copy(message) //nolint:errcheck // see above
		return
	}
	io.Copy(to, message) //nolint:errcheck // see above
}

// said keeps the beginning of what a program says.
type said struct {
	bytes.Buffer
	most int
}

func (s *said) Write(p []byte) (int, error) {
	s.Buffer.Write(p[:min(len(p), max(0, s.most-s.Len()))])
	return len(p), nil
}

// words are its first lines, as one, for a reply.
func (s *said) words() string {
	lines := strings.FieldsFunc(s.String(), func(r rune) bool { return r == '\n' || r == '\r' })
	text := shown(strings.Join(lines[:min(len(lines), 5)], "; "))
	if text == "" {
		return ""
	}
	return "; it said: " + text
}

// environment is all that a program gets of one, as sendmail has it, and who the
// message is for. Nothing of ours is in it.
func (d *Deliverer) environment(j Job, a Account) []string {
	_, domain, _ := strings.Cut(j.recipient(), "@")
	env := []string{
		"AGENT=sendmail", "PATH=/usr/local/bin:/usr/bin:/bin", "SHELL=/bin/sh", "HOME=" + a.Home, "USER=" + a.Name, "LOGNAME=" + a.Name,
		"SENDER=" + j.Sender, "RECIPIENT=" + j.recipient(), "ORIGINAL_RECIPIENT=" + j.Original, "EXTENSION=" + j.Detail, "DOMAIN=" + domain,
	}
	if tz, set := os.LookupEnv("TZ"); set {
		env = append(env, "TZ="+tz)
	}
	return env
}

// ended is the reply to the end of a program.
func ended(ctx context.Context, cmd *exec.Cmd, name string, said *said) queue.Reply {
	switch state := cmd.ProcessState; {
	case state == nil:
		return reply(451, "4.3.0", name+" cannot be waited for")
	case state.Success():
		return delivered("handed to " + name)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return reply(451, "4.3.0", name+" took longer than mta.deliver.program_time and was killed"+said.words())
	case ctx.Err() != nil:
		return reply(451, "4.3.2", "the server is stopping; "+name+" was killed")
	case state.ExitCode() < 0:
		return reply(451, "4.3.0", fmt.Sprintf("%s ended by a %v%s", name, state, said.words()))
	default:
		return exitReply(state.ExitCode(), name, said.words())
	}
}

func notStarted(err error, name string) queue.Reply {
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return reply(451, "4.3.0", name+" cannot be started just now: "+shown(err.Error()))
	}
	// The program is the administrator's to mend, and no fault of the message.
	return reply(451, "4.3.5", name+" cannot be started: "+shown(err.Error()))
}
