package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// An agentProcess is a running "mailcrane agent".
type agentProcess struct {
	cmd  *exec.Cmd
	end  sync.Once
	err  error
	read chan struct{} // closed when its log has ended

	// Addresses are those of its listeners, in the order of the
	// configuration.
	addresses []string

	mu  sync.Mutex
	log bytes.Buffer
}

// startAgent returns when the agent says that it is up.
func startAgent(env []string) (*agentProcess, error) {
	a := &agentProcess{cmd: exec.Command(filepath.Join(bin, "mailcrane"), "agent"), read: make(chan struct{})}
	a.cmd.Env = env
	stderr, err := a.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := a.cmd.Start(); err != nil {
		return nil, err
	}
	log := bufio.NewReader(stderr)
	for {
		line, err := log.ReadString('\n')
		a.log.WriteString(line)
		if err != nil {
			close(a.read)
			return nil, fmt.Errorf("the agent ended: %v, %w\n%s", err, a.stop(), &a.log)
		}
		if _, address, ok := strings.Cut(line, `msg="taking mail" address=`); ok {
			a.addresses = append(a.addresses, strings.Trim(address, "\"\n"))
		}
		if strings.Contains(line, `msg="agent is up"`) {
			break
		}
	}
	go func() {
		defer close(a.read)
		io.Copy(a, log)
	}()
	return a, nil
}

// Write takes what the agent says.
func (a *agentProcess) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.log.Write(p)
}

// said is the agent's log.
func (a *agentProcess) said() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.log.String()
}

// stop ends the agent as a service manager does and waits for it; an error
// says that it did not exit with 0.
func (a *agentProcess) stop() error {
	a.end.Do(func() {
		a.cmd.Process.Signal(syscall.SIGTERM)
		<-a.read
		a.err = a.cmd.Wait()
	})
	return a.err
}
