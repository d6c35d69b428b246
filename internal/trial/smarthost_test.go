package trial

import (
	"bufio"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A smarthost is a server with TLS at once and a log-in that takes all mail,
// and can be told to do otherwise at any step.
type smarthost struct {
	t              testing.TB
	address        string
	caFile         string
	user, password string
	stop           chan struct{}
	open           sync.WaitGroup
	listener       net.Listener
	arrivals       chan receipt

	mu  sync.Mutex
	got []receipt
	behaviour
}

// A behaviour is what a trial may change with behave.
type behaviour struct {
	// noChunking: BDAT is not offered.
	noChunking bool
	// answer, if not nil, may give another reply than the usual one, without
	// CRLF: hang is never a word, cut closes the connection, "" is the usual
	// reply.
	answer func(at step) string
	// noPipelining: that is not offered.
	noPipelining bool
}

func (s *smarthost) behave(b behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behaviour = b
}

func (s *smarthost) behaves() behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.behaviour
}

// What a step can be answered beside a reply.
const (
	hang = "hang"
	cut  = "cut"
)

// A step is where a session is: what the client said, and the transaction so
// far.
type step struct {
	// verb is "connect" before the greeting, "end" after the last octet of a
	// message, else the command.
	verb, argument string
	receipt
}

// A receipt is a message that was received to its last octet.
type receipt struct {
	from string
	to   []string
	text string
	at   time.Time
	// accepted: the answer was yes.
	accepted bool
}

// newSmarthost listens on a loopback port.
func newSmarthost(t testing.TB) *smarthost {
	t.Helper()
	s := unstarted(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.serve(l)
	return s
}

func unstarted(t testing.TB) *smarthost {
	t.Helper()
	return &smarthost{
		t: t, user: me, password: "planted-" + rand.Text(),
		stop: make(chan struct{}), arrivals: make(chan receipt, 1000),
	}
}

// serve takes connections until the test ends.
func (s *smarthost) serve(l net.Listener) {
	s.t.Helper()
	certificate, caFile := newCertificate(s.t)
	s.address, s.caFile, s.listener = l.Addr().String(), caFile, l
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	s.open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.open.Go(func() { s.talk(tls.Server(conn, config)) })
		}
	})
	s.t.Cleanup(func() {
		close(s.stop)
		l.Close()
		s.open.Wait()
	})
}

func (s *smarthost) url() string { return "smtps://" + s.address }

// home is one whose account is at this server.
func (s *smarthost) home(t testing.TB) *home {
	t.Helper()
	h := newHome(t, "", s.password)
	h.configure(h.account(s.url(), s.user, s.caFile))
	return h
}

// received is what came to its last octet and was answered with yes, by
// Message-ID.
func (s *smarthost) received() map[string][]receipt {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string][]receipt)
	for _, r := range s.got {
		if r.accepted {
			all[r.id()] = append(all[r.id()], r)
		}
	}
	return all
}

// id is the left side of the Message-ID.
func (r receipt) id() string {
	_, rest, _ := strings.Cut(r.text, "\nMessage-ID: <")
	id, _, _ := strings.Cut(rest, "@")
	return id
}

// whole says that the letter arrived to its end and nothing behind it.
func (r receipt) whole() bool {
	_, text, ok := strings.Cut(r.text, "\n\n")
	return ok && text == body(r.id())
}

// A talk is one session.
type talk struct {
	*smarthost
	conn net.Conn
	r    *bufio.Reader
	now  receipt
	in   bool // logged in
	// mail: MAIL was taken. Without it nobody is.
	mail bool
}

var errOver = errors.New("the session is over")

func (s *smarthost) talk(conn net.Conn) {
	defer conn.Close()
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-s.stop:
			conn.Close()
		case <-over:
		}
	}()
	k := &talk{smarthost: s, conn: conn, r: bufio.NewReader(conn)}
	err := k.say("connect", "", "220 smarthost.test ESMTP")
	for err == nil {
		var line string
		if line, err = k.r.ReadString('\n'); err == nil {
			verb, argument, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
			err = k.command(strings.ToUpper(verb), argument)
		}
	}
}

// say answers, as usual or as the trial wants it, and returns errOver when the
// session ends by it.
func (k *talk) say(verb, argument, usual string) error {
	_, err := k.reply(verb, argument, usual)
	return err
}

func (k *talk) reply(verb, argument, usual string) (string, error) {
	text := ""
	if answer := k.behaves().answer; answer != nil {
		text = answer(step{verb, argument, k.now})
	}
	switch text {
	case "":
		text = usual
	case hang:
		io.Copy(io.Discard, k.r)
		return "", errOver
	case cut:
		return "", errOver
	}
	if verb == "end" {
		k.keep(strings.HasPrefix(text, "2"))
	}
	if _, err := fmt.Fprintf(k.conn, "%s\r\n", text); err != nil {
		return "", err
	}
	if strings.HasPrefix(text, "421") {
		return "", errOver
	}
	return text, nil
}

func (k *talk) command(verb, argument string) error {
	switch verb {
	case "EHLO":
		extensions := []string{"smarthost.test", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "SIZE 67108864", "AUTH PLAIN"}
		if !k.behaves().noPipelining {
			extensions = append(extensions, "PIPELINING")
		}
		if !k.behaves().noChunking {
			extensions = append(extensions, "CHUNKING")
		}
		last := len(extensions) - 1
		return k.say(verb, argument, "250-"+strings.Join(extensions[:last], "\r\n250-")+"\r\n250 "+extensions[last])
	case "AUTH":
		return k.auth(argument)
	case "MAIL":
		if !k.in {
			return k.say(verb, argument, "530 5.7.0 log in first")
		}
		text, err := k.reply(verb, argument, "250 2.1.0 ok")
		k.now, k.mail = receipt{from: path(argument)}, strings.HasPrefix(text, "2")
		return err
	case "RCPT":
		if !k.mail {
			return k.say(verb, argument, "503 5.5.1 MAIL first")
		}
		text, err := k.reply(verb, argument, "250 2.1.5 ok")
		if strings.HasPrefix(text, "2") {
			k.now.to = append(slices.Clone(k.now.to), path(argument))
		}
		return err
	case "DATA":
		return k.data()
	case "BDAT":
		return k.bdat(argument)
	case "QUIT":
		k.say(verb, argument, "221 2.0.0 bye")
		return errOver
	case "RSET":
		k.now, k.mail = receipt{}, false
		return k.say(verb, argument, "250 2.0.0 ok")
	}
	return k.say(verb, argument, "500 5.5.2 what?")
}

func path(argument string) string {
	_, rest, _ := strings.Cut(argument, "<")
	address, _, _ := strings.Cut(rest, ">")
	return address
}

func (k *talk) auth(argument string) error {
	_, initial, _ := strings.Cut(argument, " ")
	if text, _ := base64.StdEncoding.DecodeString(initial); string(text) != "\x00"+k.user+"\x00"+k.password {
		return k.say("AUTH", argument, "535 5.7.8 wrong user or password")
	}
	k.in = true
	return k.say("AUTH", argument, "235 2.7.0 welcome")
}

func (k *talk) data() error {
	if len(k.now.to) == 0 {
		return k.say("DATA", "", "554 5.5.1 no valid recipients")
	}
	if text, err := k.reply("DATA", "", "354 go on"); err != nil || !strings.HasPrefix(text, "354") {
		return err
	}
	var b strings.Builder
	for {
		line, err := k.r.ReadString('\n')
		if err != nil {
			return err
		}
		if line == ".\r\n" {
			return k.end(b.String())
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}

func (k *talk) bdat(argument string) error {
	digits, last, _ := strings.Cut(argument, " ")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return err
	}
	chunk := make([]byte, n)
	if _, err := io.ReadFull(k.r, chunk); err != nil {
		return err
	}
	if len(k.now.to) == 0 {
		return k.say("BDAT", argument, "554 5.5.1 no valid recipients")
	}
	k.now.text += string(chunk)
	if last != "LAST" {
		return k.say("BDAT", argument, "250 2.0.0 more")
	}
	return k.end(k.now.text)
}

func (k *talk) end(text string) error {
	k.now.text = strings.ReplaceAll(text, "\r\n", "\n")
	k.now.at = time.Now()
	err := k.say("end", "", "250 2.0.0 taken")
	k.now, k.mail = receipt{}, false
	return err
}

// keep is called before the answer goes out: a client that dies meanwhile has
// still handed the message over.
func (k *talk) keep(accepted bool) {
	k.now.accepted = accepted
	k.mu.Lock()
	k.got = append(k.got, k.now)
	k.mu.Unlock()
	if accepted {
		k.arrivals <- k.now
	}
}
