package listen

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"mailcrane/internal/syntax"
)

// What a server that several users share has besides: it knows a submission
// again, bounds what one user may use of it, and tells each of its own mail.

// submissionKeyword is the parameter of MAIL by which a submission is known
// again (msp.SubmissionKeyword).
const submissionKeyword = "XSUBMISSION"

// questionVerb is the command with which a user asks of its mail:
// XMAILCRANE WORD…; the answer is the octets that follow until the end of the
// connection.
const questionVerb = "XMAILCRANE"

// A Question is what a user asks.
type Question struct {
	// UID is the user as the kernel knows it, in digits.
	UID string
	// Words are what is asked, each printable UTF-8; at most 2048 octets
	// together. They are the user's own, and so is all that they claim.
	Words []string
}

// questionTime bounds the answer to a question.
const questionTime = 30 * time.Second

func (g *guard) question(rest string) {
	if g.owner == "" || g.limits.Answer == nil || !syntax.Printable(rest) {
		g.answer("502 5.5.1 Nothing can be asked here")
		return
	}
	g.ask(strings.Fields(rest))
	_ = g.Close()
}

// maxAnswer bounds an answer, in octets: a list of some tens of thousands of
// messages.
const maxAnswer = 16 << 20

// answer has a question answered, one at a time, since an answer may read the
// whole queue. It is made before it is sent, so that a user who does not read on
// keeps nobody waiting.
func (s *Server) answer(ctx context.Context, g *guard, words []string) {
	ctx, cancel := context.WithTimeout(ctx, questionTime)
	defer cancel()
	text := &boundedBuffer{most: maxAnswer}
	select {
	case s.asking <- struct{}{}:
		s.limits.Answer(ctx, Question{UID: g.owner, Words: words}, text)
		<-s.asking
	case <-ctx.Done():
		return
	}
	_ = g.SetWriteDeadline(time.Now().Add(questionTime))
	_, _ = g.Conn.Write(text.Bytes()) // a user that has gone wants none
}

// A boundedBuffer fails beyond its bound.
type boundedBuffer struct {
	bytes.Buffer
	most int
}

var errTooLong = errors.New("the answer is too long")

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, errTooLong
	}
	return b.Buffer.Write(p)
}

// A crowd counts the connections of each user.
type crowd struct {
	mu   sync.Mutex
	here map[uint32]int
}

// enter says whether a user may have one more.
func (c *crowd) enter(uid uint32, most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if most > 0 && uid != 0 && c.here[uid] >= most {
		return false
	}
	if c.here == nil {
		c.here = make(map[uint32]int)
	}
	c.here[uid]++
	return true
}

func (c *crowd) leave(who peer) {
	if !who.known {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.here[who.uid]--; c.here[who.uid] == 0 {
		delete(c.here, who.uid)
	}
}
