package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"mailcrane/queue"
)

// hintPortal is a hint that more than one fault gives.
const hintPortal = "if this network has a log-in page, open any web page in a browser and log in there"

// hintPorts is what to do where the port may be closed on the way.
func (t *Target) hintPorts() string {
	if t.Mode == Implicit {
		return "many networks close mail ports; try another network, or smtp:// (port 587) in smarthost"
	}
	return "many networks close mail ports; try smtps:// (port 465) in smarthost, or another network"
}

// fault is a route fault that may pass by itself.
func (s *Session) fault(step queue.Step, hint, format string, args ...any) *queue.RouteFault {
	return s.target.fault(step, hint, fmt.Errorf(format, args...))
}

// personFault is a route fault that only a person can mend.
func (s *Session) personFault(step queue.Step, hint, format string, args ...any) *queue.RouteFault {
	f := s.target.fault(step, hint, fmt.Errorf(format, args...))
	f.NeedsPerson = true
	return f
}

func (t *Target) fault(step queue.Step, hint string, err error) *queue.RouteFault {
	return &queue.RouteFault{Step: step, Server: t.Address, Err: err, Hint: hint}
}

// broken is the fault of a connection that broke, or of a server that spoke
// out of turn.
func (s *Session) broken(step queue.Step, err error) *queue.RouteFault {
	hint := ""
	if _, ok := errors.AsType[*notSMTP](err); ok {
		hint = hintPortal
	}
	f := s.target.fault(step, hint, plainly(err))
	f.Lost = isLost(err)
	return f
}

// greetingFault knows the ways in which something that is not our server, or
// our server on another port, answers a connection.
func (s *Session) greetingFault(err error) *queue.RouteFault {
	t := s.target
	strange, isStrange := errors.AsType[*notSMTP](err)
	_, silent := errors.AsType[*noAnswer](err)
	said, closes := errors.AsType[*closing](err)
	alert := remoteAlert(err)
	switch {
	case alert != "":
		// Under TLS 1.3 a server says no to our certificate after the handshake.
		return s.tlsRefused(alert)
	case isStrange && webPage(strange.line):
		return s.fault(queue.StepGreeting, hintPortal, "a web server answers, not a mail server: %q", strange.line)
	case isStrange && (strings.HasPrefix(strange.line, "+OK") || strings.HasPrefix(strange.line, "* OK")):
		return s.personFault(queue.StepGreeting, "name the outgoing server (SMTP) in smarthost, not the one for reading mail",
			"a server for reading mail answers there: %q", strange.line)
	case isStrange:
		return s.fault(queue.StepGreeting, "check the server's name and port; "+hintPortal, "%w", err)
	case closes:
		return s.fault(queue.StepGreeting, "", "the server takes no connection just now: %v", said.reply)
	case silent && t.Mode != Implicit:
		return s.fault(queue.StepGreeting, "where the port speaks TLS at once (465 does), write smtps:// in place of "+t.Mode.scheme()+":// in smarthost",
			"%w after connecting", err)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET):
		return s.fault(queue.StepGreeting, t.hintPorts(), "%w before it said a word", plainly(err))
	}
	return s.broken(queue.StepGreeting, err)
}

// webPage says that the line is one of HTTP or HTML.
func webPage(line string) bool {
	line = strings.ToLower(strings.TrimSpace(line))
	return strings.HasPrefix(line, "http/") || strings.HasPrefix(line, "<html") || strings.HasPrefix(line, "<!doctype")
}

// dialFault says why there is no connection.
func (t *Target) dialFault(err error, timeUp bool) *queue.RouteFault {
	if f := t.lookupFault(err); f != nil {
		return f
	}
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		return t.fault(queue.StepConnect, "", plainly(err))
	case errors.Is(err, syscall.ECONNREFUSED):
		return t.fault(queue.StepConnect, "check the port in smarthost; "+t.hintPorts(), errors.New("connection refused: nothing takes mail at that port"))
	case errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETDOWN):
		return t.fault(queue.StepConnect, "see how the network stands with: mailcrane status", errors.New("there is no way to the server from this network"))
	case timeUp || ok && timeout.Timeout():
		return t.fault(queue.StepConnect, t.hintPorts(), fmt.Errorf("no connection within %v", t.Timeouts.Connect))
	}
	return t.fault(queue.StepConnect, "", plainly(err))
}

func (t *Target) lookupFault(err error) *queue.RouteFault {
	dns, ok := errors.AsType[*net.DNSError](err)
	switch {
	case !ok:
		return nil
	case dns.IsNotFound:
		return t.fault(queue.StepLookup, "check the name in smarthost; a name that only a VPN knows is found once the VPN is up",
			fmt.Errorf("the name %s does not exist, says this network's name server", dns.Name))
	case dns.IsTimeout:
		return t.fault(queue.StepLookup, "", fmt.Errorf("no answer from this network's name server about %s", dns.Name))
	}
	return t.fault(queue.StepLookup, "", fmt.Errorf("this network's name server could not say where %s is: %s", dns.Name, unaddressed(dns.Err)))
}

// unaddressed is the text of an error of the network without its addresses, which
// tell a person nothing and, by the port, make each error another one.
func unaddressed(text string) string {
	if strings.HasPrefix(text, "read ") || strings.HasPrefix(text, "write ") || strings.HasPrefix(text, "dial ") {
		return text[strings.LastIndex(text, ": ")+len(": "):]
	}
	return text
}

// worded is an error in words for a person.
type worded struct {
	words string
	err   error
}

func (w *worded) Error() string { return w.words }
func (w *worded) Unwrap() error { return w.err }

// plainly puts the errors of the network into words. What it does not know it
// leaves as it is.
func plainly(err error) error {
	if local, ok := errors.AsType[*localError](err); ok {
		return local
	}
	switch {
	case errors.Is(err, context.Canceled):
		return &worded{"mailcrane was stopped before it was done", err}
	case errors.Is(err, context.DeadlineExceeded):
		return &worded{"the time for this run was up", err}
	case errors.Is(err, syscall.ECONNRESET):
		return errors.New("the server, or something on the way to it, reset the connection")
	case errors.Is(err, syscall.ETIMEDOUT):
		return errors.New("the connection was lost: nothing came through any more")
	case errors.Is(err, syscall.ECONNABORTED):
		return errors.New("the connection was lost: this machine's system gave it up, as it does when the network changes")
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.ENETRESET):
		return errors.New("the connection was lost: there is no way to the server from this network any more")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, syscall.EPIPE):
		return errors.New("the server closed the connection")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("the connection took no more octets")
	}
	if alert := remoteAlert(err); alert != "" {
		return fmt.Errorf("the server broke off TLS: %s", alert)
	}
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		// Exim's last word, when it has had enough, is "554 Too many nonmail
		// commands" without TLS. Who else is on the way could say it too.
		return fmt.Errorf("something spoke without TLS in the middle of the session, beginning %q: the server that has had enough, or something on the way to it", record.RecordHeader[:])
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err // the addresses tell a person nothing
	}
	return err
}
