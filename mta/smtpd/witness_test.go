package smtpd

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"mailcrane/internal/config"
)

// A seen session is one whose dialogue is watched.
type seen struct {
	*guest
	by *onlooker
}

type onlooker struct {
	house
	mu    sync.Mutex
	lines []string
	lost  chan struct{}
}

func (o *onlooker) note(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, line)
}

func (o *onlooker) Open(context.Context, *Conn) (Session, error) {
	return seen{&guest{house: &o.house}, o}, nil
}

func (s seen) Heard(line string) { s.by.note("< " + line) }
func (s seen) Listens() bool     { return true }
func (s seen) Said(line string)  { s.by.note("> " + line) }
func (s seen) Insecure(error)    { s.by.note("insecure") }
func (s seen) Flood()            { s.by.note("flood") }
func (s seen) TooLarge(size, most int64) {
	s.by.note(fmt.Sprintf("too large %d of %d", size, most))
}

func (s seen) Malformed(command, text string, _ error) {
	s.by.note("malformed " + command + " " + text)
}

func (s seen) Lost(inMessage, timedOut bool) {
	s.by.note(fmt.Sprintf("lost %v %v", inMessage, timedOut))
	close(s.by.lost)
}

func TestAWitnessIsToldEachLineAndNoSecret(t *testing.T) {
	o := &onlooker{house: house{features: Features{Auth: true}}, lost: make(chan struct{})}
	p := dial(t, serveAt(t, New(o, Options{}), &config.Listener{}))
	p.want("220 ")
	p.asks("EHLO x", "250-")
	p.asks("auth \tPLAIN AGZyZWQAd3Jvbmc=", "535")
	p.asks("AUTH LOGIN", "334")
	p.asks("ZnJlZA==", "334")
	p.asks("c2VjcmV0", "235")
	p.asks("NOOP AUTH PLAIN x", "250")
	p.Close()
	<-o.lost
	o.mu.Lock()
	defer o.mu.Unlock()
	all := strings.Join(o.lines, "\n")
	for _, part := range []string{"> 220 ", "< EHLO x\n> 250-", "< auth PLAIN (secret)\n> 535 ", "< AUTH LOGIN\n> 334 VXNlcm5hbWU6\n< (secret)\n> 334 ", "< (secret)\n> 235 ", "< NOOP AUTH PLAIN x\n> 250", "lost false false"} {
		if !strings.Contains(all, part) {
			t.Errorf("nobody heard %q:\n%s", part, all)
		}
	}
	for _, hidden := range []string{"AGZyZWQAd3Jvbmc=", "c2VjcmV0", "ZnJlZA=="} {
		if strings.Contains(all, hidden) {
			t.Errorf("a secret was told:\n%s", all)
		}
	}
}
