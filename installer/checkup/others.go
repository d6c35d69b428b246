package checkup

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// An mta is another program that takes mail, by the name of its process and of the
// service that starts it.
type mta struct{ name, process, service string }

func mtas() []mta {
	return []mta{
		{"Postfix", "/postfix/sbin/master", "postfix"},
		{"Exim", "/exim4", "exim4"},
		{"Exim", "/exim", "exim"},
		{"sendmail", "/sendmail-mta", "sendmail"},
		{"sendmail", "/sm-mta", "sendmail"},
		{"OpenSMTPD", "/smtpd", "opensmtpd"},
		{"nullmailer", "/nullmailer-send", "nullmailer"},
		{"msmtpd", "/msmtpd", "msmtpd"},
	}
}

// leaveOut takes the ports out at which this server listens itself.
func (c *checker) leaveOut(ctx context.Context, taken map[int]bool) {
	if c.AskAgent == nil || c.AskAgent(ctx) == nil {
		return
	}
	for i := range c.Config.MTA.Listeners {
		_, port, _ := net.SplitHostPort(c.Config.MTA.Listeners[i].Address)
		if n, err := strconv.Atoi(port); err == nil {
			delete(taken, n)
		}
	}
}

// others tells of other mail programs that run, and who listens where we are to.
func (c *checker) others(ctx context.Context) {
	var names, stop []string
	for _, m := range c.running() {
		names, stop = append(names, m.name), append(stop, m.service)
	}
	taken := c.listening()
	c.leaveOut(ctx, taken)
	switch {
	case len(names) > 0:
		c.tell(Finding{
			ID: "other-mta", State: Note, What: "on this machine there is also " + strings.Join(names, ", "),
			Why:     "mail that is handed to it goes its own way, and does not stand in mailcrane's queue",
			Command: c.sudo("systemctl disable --now " + strings.Join(stop, " ")),
		})
	case taken[25] || taken[587]:
		c.tell(Finding{
			ID: "other-mta", State: Note, What: "a mail server listens on this machine (port 25 or 587)", Why: "programs that hand mail to it go around mailcrane",
			Command: c.sudo("ss -ltnp 'sport = :25 or sport = :587'"),
		})
	}
	if c.AskAgent != nil && c.AskAgent(ctx) != nil {
		return // it listens itself
	}
	if c.unit != nil && c.unit.path["ActiveState"] == "active" {
		return // the service manager listens for it
	}
	for _, address := range c.Config.ListenMSP {
		if !occupied(address) {
			continue
		}
		_, port, _ := net.SplitHostPort(address)
		c.tell(Finding{
			ID: "listen-taken", State: Broken, What: fmt.Sprintf("somebody else listens on port %s, where mailcrane is to take mail ([listen] msp = %q)", port, address),
			Why: "the agent does not start", Mend: "stop who has it, which the command names, or write another port",
			Command: c.sudo(fmt.Sprintf("ss -ltnp 'sport = :%s'", port)),
		})
	}
}

// occupied says that nobody else can listen there. The kernel's table of
// listeners does not do: read while sockets come and go, it leaves some out.
func occupied(address string) bool {
	if strings.HasPrefix(address, "unix:") {
		return false
	}
	l, err := net.Listen("tcp", address)
	if err == nil {
		l.Close()
	}
	return errors.Is(err, syscall.EADDRINUSE)
}

// running is the mail programs among the processes, each once.
func (c *checker) running() []mta {
	links, err := filepath.Glob(filepath.Join(c.Root, "/proc/[0-9]*"))
	if err != nil {
		return nil
	}
	var found []mta
	seen := make(map[string]bool)
	for _, process := range links {
		program := c.programOf(process)
		for _, m := range mtas() {
			if program != "" && strings.HasSuffix(program, m.process) && !seen[m.name] {
				seen[m.name] = true
				found = append(found, m)
			}
		}
	}
	return found
}

// programOf is the path of a process's program: of another user's, what its command
// line begins with.
func (c *checker) programOf(process string) string {
	if program, err := os.Readlink(process + "/exe"); err == nil {
		return strings.TrimSuffix(program, " (deleted)")
	}
	f, err := os.Open(process + "/cmdline")
	if err != nil {
		return ""
	}
	defer f.Close()
	const most = 4096
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return ""
	}
	program, _, _ := strings.Cut(string(text), "\x00")
	program, _, _ = strings.Cut(program, " ")
	return program
}

// listening is the ports that somebody listens on (proc_pid_net(5)).
func (c *checker) listening() map[int]bool {
	ports := make(map[int]bool)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(filepath.Join(c.Root, table))
		if err != nil {
			continue
		}
		const most = 4 << 20
		for lines := bufio.NewScanner(io.LimitReader(f, most)); lines.Scan(); {
			const listens = "0A"
			words := strings.Fields(lines.Text())
			if len(words) < 4 || words[3] != listens {
				continue
			}
			_, port, _ := strings.Cut(words[1], ":")
			if octets, err := hex.DecodeString(port); err == nil && len(octets) == 2 {
				ports[int(octets[0])<<8|int(octets[1])] = true
			}
		}
		f.Close()
	}
	return ports
}
