package auth

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"

	"mailcrane/internal/visible"
)

const (
	// mostAnswer bounds a line of Dovecot's, and what it says first.
	mostAnswer     = 16 << 10
	mostMechanisms = 64
	// answerTime is how long Dovecot may take to answer: a wrong password it
	// keeps for some seconds of its own.
	answerTime = 30 * time.Second
	// greetTime is how long it may take to say what it has, and askEvery how often
	// it is asked for that, when a client wants to know; askAgain where it did not
	// answer.
	greetTime = 5 * time.Second
	askEvery  = 30 * time.Second
	askAgain  = time.Second
)

// dovecot is the client's side of Dovecot's auth protocol, version 1. Each
// log-in has a connection of its own, so that none waits for another.
type dovecot struct {
	socket string
	log    *slog.Logger
	now    func() time.Time

	mu     sync.Mutex
	known  []mechanism
	asked  time.Time
	asking bool
	failed bool
}

func newDovecot(ctx context.Context, socket string, log *slog.Logger, now func() time.Time) *dovecot {
	d := &dovecot{socket: socket, log: log, now: now}
	d.ask(ctx)
	return d
}

// ask learns the mechanisms; where Dovecot does not answer those that it had
// are kept, and a log-in is refused for the moment.
func (d *dovecot) ask(ctx context.Context) {
	link, err := d.connect(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked, d.asking = d.now(), false
	if err != nil {
		if !d.failed {
			d.log.Error("Dovecot cannot be asked who may log in", "socket", d.socket, "reason", err)
		}
		d.failed = true
		return
	}
	link.Close() // nothing is under way
	d.failed, d.known = false, link.mechanisms
}

// possible is what Dovecot has said last. It is asked anew meanwhile: a client's
// EHLO waits for nobody.
func (d *dovecot) possible(*Facts) []mechanism {
	d.mu.Lock()
	defer d.mu.Unlock()
	every := askEvery
	if d.failed {
		every = askAgain
	}
	if !d.asking && d.now().Sub(d.asked) >= every {
		d.asking = true
		go d.ask(context.Background())
	}
	return slices.Clone(d.known)
}

// A dovecotLink is a connection that has said what it has.
type dovecotLink struct {
	net.Conn
	in         *bufio.Reader
	mechanisms []mechanism
}

func (d *dovecot) connect(ctx context.Context) (*dovecotLink, error) {
	ctx, cancel := context.WithTimeout(ctx, greetTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", d.socket)
	if err != nil {
		return nil, err
	}
	link := &dovecotLink{Conn: conn, in: bufio.NewReaderSize(conn, mostAnswer)}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) }) //nolint:errcheck // it ends what waits
	defer stop()
	if err := link.greet(); err != nil {
		conn.Close()
		return nil, err
	}
	return link, nil
}

// greet exchanges versions; the server's part ends in DONE.
func (l *dovecotLink) greet() error {
	if _, err := fmt.Fprintf(l, "VERSION\t1\t1\nCPID\t%d\n", os.Getpid()); err != nil {
		return err
	}
	for range mostMechanisms {
		words, err := l.line()
		if err != nil {
			return err
		}
		switch words[0] {
		case "VERSION":
			if len(words) < 2 || words[1] != "1" {
				return errors.New("this is not version 1 of Dovecot's auth protocol")
			}
		case "MECH":
			if m, ok := parseMech(words[1:]); ok {
				l.mechanisms = append(l.mechanisms, m)
			}
		case "DONE":
			return nil
		}
	}
	return errors.New("the server Dovecot does not come to an end with what it has")
}

// line is the next one, by its tabs. It has one word at least.
func (l *dovecotLink) line() ([]string, error) {
	text, err := l.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("a line is longer than %d octets", mostAnswer)
	}
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\t"), nil
}

// parseMech reads a line MECH: the name, and what it is.
func parseMech(words []string) (m mechanism, ok bool) {
	if len(words) == 0 || words[0] == "" || strings.Trim(words[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return mechanism{}, false
	}
	m.name = words[0]
	for _, w := range words[1:] {
		switch w {
		case "private":
			return mechanism{}, false // for Dovecot's own parts
		case "plaintext":
			m.plaintext, m.passes = true, true
		case "dictionary":
			m.dictionary = true
		case "active":
			m.active = true
		case "anonymous":
			m.anonymous = true
		case "forward-secrecy":
			m.forward = true
		case "mutual-auth":
			m.mutual = true
		}
	}
	return m, true
}

func (d *dovecot) begin(ctx context.Context, name string, f *Facts, found func(user string)) (sasl.Server, error) {
	return &dovecotServer{ctx: ctx, dovecot: d, name: name, facts: f, found: found}, nil
}

// dovecotServer is a log-in that Dovecot carries out.
type dovecotServer struct {
	ctx     context.Context //nolint:containedctx // go-sasl's Next has none
	dovecot *dovecot
	name    string
	facts   *Facts
	found   func(user string)
	link    *dovecotLink
	user    string
}

// dovecotRequest is the number of the one request of a connection.
const dovecotRequest = "1"

func (s *dovecotServer) claimed() string { return s.user }

// Next passes the client's answer on, and Dovecot's back.
func (s *dovecotServer) Next(response []byte) (challenge []byte, done bool, err error) {
	request := "CONT\t" + dovecotRequest + "\t" + base64.StdEncoding.EncodeToString(response)
	if s.link == nil {
		if s.link, err = s.dovecot.connect(s.ctx); err != nil {
			return nil, false, fmt.Errorf("asking Dovecot: %w", err)
		}
		// A client may leave in the middle of it.
		context.AfterFunc(s.ctx, func() { s.link.Close() })
		request = s.request(response)
	}
	challenge, done, err = s.exchange(request)
	if done || err != nil {
		s.link.Close()
	}
	return challenge, done, err
}

func (s *dovecotServer) exchange(request string) ([]byte, bool, error) {
	ctx, cancel := context.WithTimeout(s.ctx, answerTime)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { s.link.SetDeadline(time.Unix(1, 0)) }) //nolint:errcheck // it ends what waits
	defer stop()
	if _, err := s.link.Write([]byte(request + "\n")); err != nil {
		return nil, false, fmt.Errorf("asking Dovecot: %w", err)
	}
	words, err := s.link.line()
	if err != nil {
		return nil, false, fmt.Errorf("asking Dovecot: %w", err)
	}
	return s.answer(words)
}

// answer is what a line of Dovecot's says of the log-in.
func (s *dovecotServer) answer(words []string) ([]byte, bool, error) {
	const least = 2
	if len(words) < least || words[1] != dovecotRequest {
		return nil, false, errors.New("the server Dovecot answers something else than was asked")
	}
	rest := words[least:]
	s.user = unescape(parameterOf(rest, "user"))
	switch words[0] {
	case "CONT":
		if len(rest) == 0 {
			rest = []string{""}
		}
		challenge, err := base64.StdEncoding.DecodeString(rest[0])
		if err != nil {
			return nil, false, errors.New("the challenge of Dovecot is no base64")
		}
		return challenge, false, nil
	case "OK":
		if s.user == "" {
			return nil, false, errors.New("the server Dovecot does not say who has logged in")
		}
		s.found(s.user)
		return nil, true, nil
	case "FAIL":
		if slices.Contains(rest, "temp") {
			return nil, false, errors.New("the server Dovecot cannot check it now: " + visible.Line(unescape(parameterOf(rest, "reason")), mostUser))
		}
		return nil, false, errWrong
	}
	return nil, false, errors.New("the server Dovecot answers something that is no part of its protocol")
}

// request is the line that begins a log-in. resp must be the last of it.
func (s *dovecotServer) request(response []byte) string {
	words := []string{"AUTH", dovecotRequest, s.name, "service=smtp"}
	if s.facts.secured() {
		words = append(words, "secured")
	}
	if s.facts.Verified {
		words = append(words, "valid-client-cert")
		if user := certificateUser(s.facts); user != "" {
			words = append(words, "cert_username="+user)
		}
	}
	if a := s.facts.Local; a.IsValid() {
		words = append(words, "lip="+a.Addr().Unmap().String(), "lport="+strconv.Itoa(int(a.Port())))
	}
	if a := s.facts.Remote; a.IsValid() {
		words = append(words, "rip="+a.Addr().Unmap().String(), "rport="+strconv.Itoa(int(a.Port())))
	}
	words = append(words, "nologin")
	if response != nil {
		words = append(words, "resp="+base64.StdEncoding.EncodeToString(response))
	}
	return strings.Join(words, "\t")
}

func parameterOf(words []string, name string) string {
	for _, w := range words {
		if value, ok := strings.CutPrefix(w, name+"="); ok {
			return value
		}
	}
	return ""
}

// unescape undoes Dovecot's: \001 before a digit stands for what would end a
// word.
func unescape(text string) string {
	return strings.NewReplacer("\x011", "\x01", "\x01t", "\t", "\x01n", "\n", "\x01r", "\r", "\x010", "\x00").Replace(text)
}
