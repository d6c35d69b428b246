package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"mailcrane/installer"
	"mailcrane/installer/discover"
	"mailcrane/installer/links"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/smarthost"
	"mailcrane/smarthost/secret"
)

// A setup is what the guided set-up does with the other parts of the program.
type setup struct {
	app

	system bool
}

// finder asks with the name servers and the roads that mail takes.
func (s *setup) finder(tell func(discover.Step)) *discover.Finder {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one, says net/http
	transport.DialContext = smarthost.Dialer()
	return &discover.Finder{
		Resolver: smarthost.Resolver(), HTTP: &http.Client{Transport: transport},
		Probe: s.probe, Tell: tell,
	}
}

// probe opens a session with a server, without a log-in.
func (s *setup) probe(ctx context.Context, server config.Smarthost) error {
	c := &config.Config{
		Privacy: true, Timeout: config.DefaultTimeout(),
		Accounts: []*config.Account{{Name: "probe", Smarthost: server, Auth: "none", TLS: config.TLS{KeyExchange: "auto"}}},
	}
	// A fault is in words for a person; why nothing connected is wanted as it was.
	var failed atomic.Value
	dial := smarthost.Dialer()
	options := smarthost.Options{Now: s.now, Getenv: s.getenv, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			failed.Store(&err)
		}
		return conn, err
	}}
	_, fault := smarthost.New(c, options).Check(ctx, "probe")
	if fault == nil {
		return nil
	}
	if err, is := failed.Load().(*error); is {
		return *err
	}
	return fault.Err
}

// check logs in. What is learnt of the server is not kept: the account may never
// come to be.
func (s *setup) check(ctx context.Context, c *config.Config, account string, source secret.Source) *queue.RouteFault {
	options := smarthost.Options{Now: s.now, Getenv: s.getenv}
	if source != nil {
		options.Source = func(*config.Account) secret.Source { return source }
	}
	_, fault := smarthost.New(c, options).Check(ctx, account)
	return fault
}

// login is that of "mailcrane login", where the issuer asks for the password.
func (s *setup) login(ctx context.Context, account *config.Account) error {
	return s.loginAtIssuer(ctx, account, loginWay{})
}

// testTime bounds the wait for a test message that an agent sends.
const testTime = 30 * time.Second

// test hands a message to the shim, as any program does, and runs the queue for
// it.
func (s *setup) test(ctx context.Context, from, to string) (string, error) {
	c, err := s.config()
	if err != nil {
		return "", err
	}
	own, err := os.Executable()
	if err != nil {
		return "", sysexits.Errorf(sysexits.OSErr, "", "cannot find this program: %w", err)
	}
	mark := "mailcrane-setup-" + rand.Text()
	words := []string{own, "sendmail"}
	if shim, err := links.Shim(own); err == nil {
		words = []string{shim}
	}
	cmd := exec.CommandContext(ctx, words[0], append(words[1:], "-C", s.configFile, "-odq", "-i", "-V", mark, "-f", from, "--", to)...)
	cmd.Stdin = strings.NewReader(testMessage(from, to))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return "", sysexits.Errorf(sysexits.Unavailable, "", "the test message was not taken in: %w: %s", err, printable(said.String()))
	}
	return s.sent(ctx, c, mark, to)
}

// sent runs the queue for the message and says what became of it. One that is
// not there has been sent by an agent that is at work.
func (s *setup) sent(ctx context.Context, c *config.Config, mark, to string) (string, error) {
	if s.system {
		return sentence("a test message to %s was handed to the machine's agent; see what became of it with: mailcrane queue list --done", to), nil
	}
	id := s.marked(c, mark)
	if id == "" {
		return sentence("the agent has sent a test message to %s", to), nil
	}
	ctx, cancel := context.WithTimeout(ctx, testTime)
	defer cancel()
	var outcome *queue.Outcome
	var fault *queue.RouteFault
	a := quietly(s.app)
	code, err := a.flush(ctx, flushWish{run: queue.Run{IDs: []queue.ID{id}, Person: true}, watch: func(e queue.Event) {
		switch {
		case e.Kind == queue.Settled && e.ID == id:
			outcome = &e.Outcome
		case e.Fault != nil:
			fault = e.Fault
		}
	}})
	switch {
	case err != nil:
		return "", err
	case outcome != nil && outcome.State() == queue.Delivered:
		return sentence("a test message to %s was taken by the server: %s", to, outcome.Reply()), nil
	case outcome != nil:
		return "", sysexits.Errorf(sysexits.Unavailable, "see its story with: mailcrane explain "+string(id),
			"the server did not take the test message to %s: %s", to, outcome.Reply())
	case fault != nil:
		return sentence("a test message to %s waits in the queue: %s", to, fault.Sentence()), nil
	case code == sysexits.OK:
		return sentence("the agent has sent a test message to %s", to), nil
	}
	return sentence("a test message to %s is in the queue; see its story with: mailcrane explain %s", to, id), nil
}

// marked is the message of that ENVID in the queue, or "".
func (s *setup) marked(c *config.Config, mark string) queue.ID {
	spool := s.spool(c)
	names, err := spool.Sorted()
	if err != nil {
		return ""
	}
	for _, name := range names {
		if entry, ok := spool.Entry(name); ok && entry.Envelope.EnvID == mark {
			return name.ID
		}
	}
	return ""
}

func testMessage(from, to string) string {
	return fmt.Sprintf(`From: %s
To: %s
Subject: mailcrane is set up

This is the test message of "mailcrane setup". It went the way that all your
mail goes from here: sendmail, the queue, and your provider's server.
`, from, to)
}

// serve installs and starts the service. One that runs already works by the
// configuration there was before, and is started anew.
func (s *setup) serve(ctx context.Context) (string, error) {
	service, err := s.service(!s.system)
	if err != nil {
		return "", err
	}
	before, _ := service.Status(ctx) // what is wrong is told by the installation
	change, err := service.Install(ctx)
	if err != nil {
		return "", err
	}
	if change != installer.Replaced && before.Running {
		if err := service.Stop(ctx); err != nil {
			return "", err
		}
	}
	if err := service.Start(ctx); err != nil {
		return "", err
	}
	return sentence("the service is %s, and started", change), nil
}

// link gives the machine's names of sendmail to mailcrane, for root; others are
// told how.
func (s *setup) link(ctx context.Context) (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", sysexits.Errorf(sysexits.OSErr, "", "cannot find this program: %w", err)
	}
	shim, err := links.Shim(own)
	if err != nil {
		return "", err
	}
	if !s.system {
		return "", sysexits.Errorf(sysexits.OK, fmt.Sprintf("point git at it: git config --global sendemail.sendmailCmd %s; others: docs/setup.md; or all programs of this machine: sudo mailcrane service link", shim),
			"Your programs can send by %s.", shim)
	}
	if _, err := links.New(links.Options{Shim: shim}).Install(ctx, false); err != nil {
		return "", err
	}
	return "sendmail, mailq and newaliases are mailcrane's", nil
}
