package lab

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// A Child is a process that runs until its standard input ends, and so not longer
// than this one.
type Child struct {
	*exec.Cmd
	stop       io.Closer
	out        *bufio.Reader
	complaints strings.Builder
}

// Start starts a command as a Child.
func Start(t testing.TB, cmd *exec.Cmd) *Child {
	t.Helper()
	c := &Child{Cmd: cmd}
	cmd.Stderr = &c.complaints
	var out io.Reader
	var err error
	if c.stop, err = cmd.StdinPipe(); err == nil {
		out, err = cmd.StdoutPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	c.out = bufio.NewReader(out)
	return c
}

// Line is the next line that it says, without its end.
func (c *Child) Line() (string, error) {
	line, err := c.out.ReadString('\n')
	return strings.TrimSpace(line), err
}

// End closes its standard input, waits for its end, and returns what else it has
// said, complaints included.
func (c *Child) End() (rest string, err error) {
	c.stop.Close()
	said, _ := io.ReadAll(c.out)
	err = c.Wait()
	return string(said) + c.complaints.String(), err
}
