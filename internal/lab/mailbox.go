package lab

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience is how long Wait waits for a message: long enough for 50 MB on a
// machine that has other things to do.
const patience = 30 * time.Second

// A Mailbox reads what a smarthost has taken for one test, and deletes it at
// the test's end.
type Mailbox struct {
	t    testing.TB
	sink string
	tag  string
	log  func() string
	seen map[string]Mail // by file name, envelope and header only
}

// A Mail is a message as the smarthost keeps it for one recipient: its line
// ends are LF, since a Maildir keeps them so.
type Mail struct {
	// To is the recipient of the envelope, From the reverse-path.
	To, From string
	// Raw is the whole file.
	Raw []byte
	// Sent is Raw without the fields that the smarthost put on top: what came
	// over the wire, with CRLF turned into LF.
	Sent []byte
}

// Mailbox is the test's view of what arrives at s.
func (s Smarthost) Mailbox(t testing.TB) *Mailbox {
	t.Helper()
	needRoot(t, s.Name+"'s mailbox")
	m := &Mailbox{
		t: t, sink: filepath.Join(s.Sink, "new"), log: s.Log,
		tag: strings.ToLower(rand.Text()[:12]), seen: map[string]Mail{},
	}
	t.Cleanup(m.remove)
	return m
}

// Address is a recipient that no other test uses, with name in it to tell
// several of one test apart. Names "reject", "defer" and "drop" are answered
// as Smarthost says.
func (m *Mailbox) Address(name string) string {
	return fmt.Sprintf("%s+%s@example.test", name, m.tag)
}

// Wait is the first message for recipient to that has arrived or arrives in
// half a minute; else the test fails.
func (m *Mailbox) Wait(to string) Mail {
	m.t.Helper()
	return m.WaitN(to, 1)[0]
}

// WaitN waits for n messages for recipient to, in order of arrival.
func (m *Mailbox) WaitN(to string, n int) []Mail {
	m.t.Helper()
	var found []Mail
	m.wait(fmt.Sprintf("%d message(s) for %s", n, to), func() bool {
		found = m.Find(to)
		return len(found) >= n
	})
	return found
}

// WaitID waits for a message with that Message-ID, given with its angle
// brackets.
func (m *Mailbox) WaitID(id string) Mail {
	m.t.Helper()
	var found []Mail
	m.wait("a message with Message-ID "+id, func() bool {
		found = m.match(func(mail Mail) bool { return mail.Header("Message-ID") == id })
		return len(found) > 0
	})
	return found[0]
}

// Find is what has arrived for recipient to by now, in order of arrival.
// Addresses are compared without regard to case.
func (m *Mailbox) Find(to string) []Mail {
	m.t.Helper()
	return m.match(func(mail Mail) bool { return strings.EqualFold(mail.To, to) })
}

// All is what has arrived by now for all the addresses of Address.
func (m *Mailbox) All() []Mail {
	m.t.Helper()
	return m.match(m.mine)
}

// Header is the first field of that name in what was sent, unfolded and
// trimmed, or "".
func (mail Mail) Header(name string) string {
	for line := range bytes.SplitSeq(unfolded(mail.Sent), []byte("\n")) {
		field, value, ok := bytes.Cut(line, []byte(":"))
		if ok && strings.EqualFold(string(field), name) {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

// Body is what was sent after the header, with LF line ends.
func (mail Mail) Body() []byte {
	if body, ok := bytes.CutPrefix(mail.Sent, []byte("\n")); ok {
		return body
	}
	_, body, _ := bytes.Cut(mail.Sent, []byte("\n\n"))
	return body
}

func (m *Mailbox) wait(what string, done func() bool) {
	m.t.Helper()
	const step = 10 * time.Millisecond
	for end := time.Now().Add(patience); !done(); time.Sleep(step) {
		if time.Now().After(end) {
			m.t.Fatalf("%s did not arrive in %v; the smarthost's log ends:\n%s", what, patience, m.log())
		}
	}
}
