package relay

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"mailcrane/queue"
)

func read(text string) (reply, error) {
	return readReply(bufio.NewReaderSize(strings.NewReader(text), readBuffer))
}

func TestReplies(t *testing.T) {
	tests := []struct {
		why, sent string
		want      queue.Reply
	}{
		{"one line", "250 ok\r\n", queue.Reply{Code: 250, Text: "ok"}},
		{"no text", "250\r\n", queue.Reply{Code: 250}},
		{"LF alone", "250 ok\n", queue.Reply{Code: 250, Text: "ok"}},
		{"several lines become one, the enhanced code is said once", "550-5.1.1 no\r\n550-5.1.1 such\r\n550 5.1.1 user\r\n", queue.Reply{Code: 550, Enhanced: "5.1.1", Text: "no such user"}},
		{"an enhanced code of another class is text", "550 2.1.1 no\r\n", queue.Reply{Code: 550, Text: "2.1.1 no"}},
		{"a number is not an enhanced code", "550 5.1 no\r\n", queue.Reply{Code: 550, Text: "5.1 no"}},
		{"an address is not an enhanced code", "550 5.1.2222 no\r\n", queue.Reply{Code: 550, Text: "5.1.2222 no"}},
		{"what a terminal would obey", "550 \x1b[2J\x00no\u009b\xff\r\n", queue.Reply{Code: 550, Text: "?[2J?no??"}},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			r, err := read(test.sent)
			if err != nil || r.said() != test.want {
				t.Errorf("%+v, %v; want %+v", r.said(), err, test.want)
			}
		})
	}
}

func TestNoReplies(t *testing.T) {
	tests := []struct{ why, sent, want string }{
		{"nothing", "", "EOF"},
		{"half a line", "250 o", "unexpected EOF"},
		{"half a reply", "250-ok\r\n", "EOF"},
		{"two codes in one reply", "250-ok\r\n550 no\r\n", "not SMTP"},
		{"no code", "hello\r\n", "not SMTP"},
		{"1yz is not used in SMTP", "150 wait\r\n", "not SMTP"},
		{"6yz", "600 what\r\n", "not SMTP"},
		{"no space", "250ok\r\n", "not SMTP"},
		{"an empty line", "\r\n", "not SMTP"},
		{"a long line", "250 " + strings.Repeat("x", maxReplyLine) + "\r\n", "more than 2048 octets"},
		{"a line that fills the buffer", strings.Repeat("x", readBuffer), "more than 2048 octets"},
		{"many lines", strings.Repeat("250-x\r\n", maxReplyLines) + "250 x\r\n", "more than 200 lines"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			if r, err := read(test.sent); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%+v, %v; want %q", r, err, test.want)
			}
		})
	}
	if _, err := read(strings.Repeat("250-x\r\n", maxReplyLines-1) + "250 " + strings.Repeat("x", maxReplyLine-6) + "\r\n"); err != nil {
		t.Errorf("a reply of exactly the limits: %v", err)
	}
}

func FuzzReply(f *testing.F) {
	for _, seed := range []string{"250 ok\r\n", "250-a\n250 b\n", "550-5.1.1 x\r\n550 5.1.1 y\r\n", "421", "250-", "HTTP/1.1 200\r\n", "\xff\r\n", "334 \r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		r, err := read(sent)
		if err != nil {
			var strange *notSMTP
			if r.answered() || errors.As(err, &strange) && !presentable(strange.line) {
				t.Errorf("%+v, %q", r, err)
			}
			return
		}
		said := r.said()
		if said.Code < 200 || said.Code > 599 || len(r.lines) == 0 || len(r.lines) > maxReplyLines || !presentable(said.Text) {
			t.Errorf("%+v", said)
		}
		if again, err := read(said.String() + "\r\n"); err != nil || again.said().Code != said.Code {
			t.Errorf("%q does not read back: %v", said.String(), err)
		}
		capabilities(r.lines[1:])
	})
}

func presentable(text string) bool {
	return utf8.ValidString(text) && len(text) <= maxReplyText+len("…") && !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f })
}

func TestReadReplyLeavesTheNextOne(t *testing.T) {
	r := bufio.NewReaderSize(strings.NewReader("250 a\r\n354 b\r\n"), readBuffer)
	for _, want := range []int{250, 354} {
		if got, err := readReply(r); err != nil || got.code != want {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if _, err := readReply(r); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
