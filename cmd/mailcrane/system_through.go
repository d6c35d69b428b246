package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// Where one agent keeps the mail of all users, its spool is closed to them. A
// user's commands on the queue are answered by the agent, for that user's own
// messages; root's are done with the rights of the spool's owner, so that
// nothing in it becomes root's.

// asked are the commands that the agent answers for a user, by their words.
var asked = [...]string{
	"queue", "queue list", "queue show", "queue hold", "queue release", "queue remove", "queue retry", "explain", "mailq", "status",
}

// onSpool are the commands, and the families of them, that work on the spool. What
// a log-in leaves must be the agent's, who writes it anew.
var onSpool = [...]string{"agent", "queue", "flush", "explain", "undo", "status", "events", "mailq", "top", "login", "logout"}

// through has the commands that work on the spool go by way of the machine's
// agent where there is one.
func (a *app) through(root *cobra.Command) {
	for _, c := range root.Commands() {
		for _, name := range onSpool {
			if c.Name() == name && name != "mailq" {
				a.throughEach(c)
			}
		}
	}
}

func (a *app) throughEach(c *cobra.Command) {
	if run := c.RunE; run != nil {
		c.RunE = func(cmd *cobra.Command, words []string) error {
			if elsewhere, err := a.elsewhere(cmd, words); elsewhere || err != nil {
				return err
			}
			return run(cmd, words)
		}
	}
	for _, child := range c.Commands() {
		a.throughEach(child)
	}
}

// elsewhere says that a command was done by the agent, or cannot be done by
// this user.
func (a *app) elsewhere(cmd *cobra.Command, words []string) (bool, error) {
	c, err := a.config()
	if err != nil {
		return false, nil //nolint:nilerr // the command itself says it
	}
	direct, err := a.mayUseSpool(c)
	if direct || err != nil {
		return false, err
	}
	name := strings.TrimPrefix(cmd.CommandPath(), "mailcrane ")
	given := ""
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name != "json" && f.Name != "config" {
			given = "--" + f.Name
		}
	})
	if given != "" {
		return true, onlyRoot(name + " " + given)
	}
	if a.json {
		words = append([]string{"--json"}, words...)
	}
	return true, a.askMachine(cmd.Context(), c, name, words)
}

// mayUseSpool says that this process works on the spool itself. Root becomes
// its owner for that, for good.
func (a *app) mayUseSpool(c *config.Config) (bool, error) {
	if a.owner != "" {
		return true, nil
	}
	uid, gid, ok := ownerOf(c.Spools[0])
	switch {
	case !ok, uid == os.Geteuid():
		return true, nil
	case os.Geteuid() == 0:
		// A file of root's in the spool would stop whose it is.
		if a.configFile != "" {
			if path, err := filepath.Abs(a.configFile); err == nil {
				a.configFile = path // become leaves the directory
			}
		}
		return true, become(uid, gid)
	}
	return !c.System.Used(), nil
}

func onlyRoot(what string) error {
	return sysexits.Errorf(sysexits.NoPerm, "of your own mail you can do: mailcrane queue, queue show, hold, release, remove and retry, and mailcrane explain and status; all else as root: sudo mailcrane "+what,
		"the mail of this machine is kept by its own agent, and you may not do that to it: %s", what)
}

// askTime bounds a question to the agent, and maxTold what it may answer.
const (
	askTime = 40 * time.Second
	maxTold = 32 << 20
)

// askMachine has the agent do a command for this user, and prints its answer.
func (a *app) askMachine(ctx context.Context, c *config.Config, name string, words []string) error {
	if !allowed(name) {
		return onlyRoot(name)
	}
	dialer := net.Dialer{Timeout: controlTime}
	conn, err := dialer.DialContext(ctx, "unix", c.System.Socket)
	if err != nil {
		return sysexits.Errorf(sysexits.Unavailable, "start it as root: mailcrane service start --system", "the agent of this machine, which keeps your mail, does not answer: %w", err)
	}
	defer conn.Close()
	if err = conn.SetDeadline(time.Now().Add(askTime)); err == nil {
		_, err = fmt.Fprintf(conn, "XMAILCRANE %s\r\n", strings.Join(append([]string{strings.ReplaceAll(name, " ", ".")}, words...), " "))
	}
	var code int
	if err == nil {
		code, err = a.readAnswer(conn)
	}
	if err != nil {
		return sysexits.Errorf(sysexits.TempFail, "try again in a moment", "the agent of this machine has not answered: %w", err)
	}
	return exit(code)
}

// readAnswer prints what the agent says: behind its greeting a line of the exit
// code and the octets for standard output and standard error, then those.
func (a *app) readAnswer(conn io.Reader) (code int, err error) {
	in := bufio.NewReader(io.LimitReader(conn, maxTold))
	greeting, err := in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if !strings.HasPrefix(greeting, "220") {
		return 0, fmt.Errorf("it says: %s", printable(strings.TrimSpace(greeting)))
	}
	first, err := in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	var out, errs int64
	if _, err := fmt.Sscanf(first, answerHead, &code, &out, &errs); err != nil {
		return 0, fmt.Errorf("it says: %s", printable(strings.TrimSpace(first)))
	}
	if _, err = io.CopyN(a.stdout, in, out); err == nil {
		_, err = io.CopyN(a.stderr, in, errs)
	}
	return code, err
}

const answerHead = "answer %d %d %d\n"

func allowed(name string) bool {
	for _, one := range asked {
		if one == name {
			return true
		}
	}
	return false
}
