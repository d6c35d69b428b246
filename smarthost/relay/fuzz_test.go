package relay

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
)

// A parrot answers each command, each chunk and each end of data with the next of
// its lines, whatever that is, and closes when there is none.
type parrot struct {
	lines []string
	said  string
}

func (p *parrot) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for p.answer(conn) {
		line, err := r.ReadString('\n')
		for err == nil && strings.HasPrefix(p.said, "354") && line != ".\r\n" {
			line, err = r.ReadString('\n')
		}
		if count, chunk := strings.CutPrefix(line, "BDAT "); chunk {
			count, _, _ = strings.Cut(strings.TrimSpace(count), " ")
			n, _ := strconv.ParseInt(count, 10, 64)
			_, err = io.CopyN(io.Discard, r, n)
		}
		if err != nil {
			return
		}
	}
}

func (p *parrot) answer(conn net.Conn) bool {
	if len(p.lines) == 0 {
		return false
	}
	p.said, p.lines = p.lines[0], p.lines[1:]
	_, err := io.WriteString(conn, strings.ReplaceAll(p.said, "|", "\r\n")+"\r\n")
	return err == nil
}

// FuzzSession: whatever a server answers, every delivery ends, each recipient has
// an outcome or a fault, no outcome twice, and none is delivered without a word
// of consent; and no goroutine is left. "|" ends a line of a reply.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		"250-x|250-PIPELINING|250 CHUNKING\n250 a\n250 b\n250 c\n250 d\n250 e\n250 f\n250 g\n250 h\n250 i\n250 j\n250 k\n221 bye",
		"250-x|250 PIPELINING\n250 a\n250 b\n550 5.1.1 c\n354 d\n250 e\n250 f\n250 g\n452 h\n250 i\n354 j\n250 k\n250 l",
		"250 x\n250 a\n250 b\n503 c\n354 d\n421 e",
		"250-x|250 CHUNKING\n503 a\n250 b\n250 c\n250 d\n500 e\n250 f",
		"250-x|250-PIPELINING|250 CHUNKING\n421 a\n250 b\n250 c\n250 d\n250 e",
		"250-x|250-PIPELINING|250-SIZE 10|250 CHUNKING\n530 a",
		"250-x|250-PIPELINING|250 CHUNKING\n250 a|250 too many\n354 b\nhello",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answers string) {
		const most = 64 << 10
		if len(answers) > most {
			t.Skip("it only takes longer")
		}
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := buffered()
			server := &parrot{lines: append([]string{"220 hi"}, strings.Split(answers, "\n")...)}
			served := make(chan struct{})
			go func() { defer close(served); server.serve(theirs) }()
			target := &Target{Server: "smtp.example.org", Mode: Insecure}
			target.fill()
			s := newSession(target, &wire{Conn: ours, block: target.Timeouts.DataBlock})
			if fault := s.begin(); fault != nil {
				ours.Close()
				<-served
				return
			}
			s.dialogue.listen()
			mails := []*outcomes{mail("x\n", "a@d", "b@d"), mail(strings.Repeat("x\n", oneFlight), "c@d", "d@d")}
			for i, fault := range deliverSide(t, s, mails...) {
				for j, o := range mails[i].got {
					if o.State() == 0 && fault == nil {
						t.Errorf("%s has neither outcome nor fault", mails[i].To[j].Address)
					}
					if o.State().String() == "delivered" && o.Reply().Code/100 != 2 {
						t.Errorf("%s is delivered by %v", mails[i].To[j].Address, o.Reply())
					}
				}
			}
			s.Close(t.Context())
			<-served
		})
	})
}
