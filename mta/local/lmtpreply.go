package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/visible"
	"mailcrane/queue"
)

// An lmtpSession is a conversation with an LMTP server. go-smtp's client is not
// used: it answers a refused LHLO with HELO, keeps results by address, of which
// the same may come twice, sends nothing ahead, and bounds no reply.
type lmtpSession struct {
	conn    net.Conn
	lines   *bufio.Reader
	text    *textproto.Writer
	timeout config.Timeout
	offers  map[string]string
	release func() bool
}

// The bounds of a reply.
const (
	maxLine  = 2048
	maxLines = 100
)

func newLMTPSession(ctx context.Context, conn net.Conn, timeout config.Timeout) *lmtpSession {
	return &lmtpSession{
		conn: conn, lines: bufio.NewReaderSize(conn, maxLine),
		text:    textproto.NewWriter(bufio.NewWriterSize(paced{conn, timeout.DataBlock}, 32<<10)),
		timeout: timeout, offers: map[string]string{},
		release: context.AfterFunc(ctx, func() { conn.Close() }),
	}
}

func (s *lmtpSession) close() {
	s.release()
	s.conn.Close()
}

func (s *lmtpSession) offer(keyword string) bool {
	_, ok := s.offers[keyword]
	return ok
}

// say writes commands, all at once.
func (s *lmtpSession) say(lines ...string) error {
	for _, line := range lines {
		if strings.ContainsAny(line, "\r\n") {
			return errors.New("a command has a line end in it")
		}
	}
	return s.text.PrintfLine("%s", strings.Join(lines, "\r\n"))
}

// An answer is a reply, line by line.
type answer struct {
	code  int
	lines []string
}

func (s *lmtpSession) read(patience time.Duration) (a answer, err error) {
	if err = s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return a, err
	}
	a, err = readAnswer(s.lines)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		err = fmt.Errorf("nothing came for %v", patience)
	}
	return a, err
}

// readAnswer reads a reply of one line or several (RFC 5321 section 4.2).
func readAnswer(in *bufio.Reader) (a answer, err error) {
	for len(a.lines) < maxLines {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return answer{}, fmt.Errorf("the server sent a line of more than %d octets", maxLine)
		case errors.Is(err, io.EOF):
			return answer{}, errors.New("the server has closed the connection")
		case err != nil:
			return answer{}, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		m := replyLine.FindStringSubmatch(text)
		if m == nil {
			return answer{}, fmt.Errorf("the answer is not LMTP: %q", visible.Line(text, 100))
		}
		code := int(m[1][0]-'0')*100 + int(m[1][1]-'0')*10 + int(m[1][2]-'0')
		if len(a.lines) > 0 && code != a.code {
			return answer{}, fmt.Errorf("the answer has two codes: %q", visible.Line(text, 100))
		}
		a.code = code
		a.lines = append(a.lines, m[3])
		if m[2] != "-" {
			return a, nil
		}
	}
	return answer{}, fmt.Errorf("the server sent a reply of more than %d lines", maxLines)
}

var (
	replyLine    = regexp.MustCompile(`^([2-5][0-9][0-9])(?:([ -])(.*))?$`)
	enhancedCode = regexp.MustCompile(`^([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: +|$)`)
)

// said is the answer as the queue keeps it.
func (a answer) said() queue.Reply {
	r := queue.Reply{Code: a.code}
	var texts []string
	for _, line := range a.lines {
		if m := enhancedCode.FindStringSubmatch(line); m != nil && int(m[1][0]-'0') == a.code/100 {
			r.Enhanced = m[1]
			line = line[len(m[0]):]
		}
		texts = append(texts, line)
	}
	r.Text = visible.Line(strings.Join(texts, " "), 3*maxText)
	return r
}

// ofMailbox is the answer for one recipient. A mailbox that is full may be emptied,
// and so its mail waits, whatever the server thinks (RFC 3463 section 3.3 calls it
// a persistent transient failure; Dovecot refuses unless quota_full_tempfail is set).
func (a answer) ofMailbox() queue.Reply {
	r := a.said()
	if r.Code/100 == 5 && r.Enhanced == "5.2.2" {
		r.Code, r.Enhanced = 452, "4.2.2"
	}
	return r
}
