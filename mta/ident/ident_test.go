package ident

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	local  = netip.MustParseAddrPort("192.0.2.25:25")
	remote = netip.MustParseAddrPort("192.0.2.10:6193")
)

func TestAnAnswerIsTakenOnlyWhereItNamesAUserOfTheConnection(t *testing.T) {
	for _, c := range []struct{ why, line, want string }{
		{"RFC 1413's own", "6193, 25 : USERID : UNIX : stjohns\r\n", "stjohns"},
		{"without blanks", "6193,25:USERID:UNIX:stjohns\r\n", "stjohns"},
		{"with a set of characters", "6193, 25 : USERID : UNIX,US-ASCII : stjohns\r\n", "stjohns"},
		{"any case, LF alone", "6193, 25 : userid : unix : joe\n", "joe"},
		{"cut off by the end of the connection", "6193, 25 : USERID : UNIX : joe", "joe"},
		{"a colon belongs to the name, and no atom has one", "6193, 25 : USERID : UNIX : a:b\r\n", "ab"},
		{"OTHER may be anything", "6193, 25 : USERID : OTHER : [x]\r\n", ""},
		{"OTHER with a set of characters", "6193, 25 : USERID : OTHER , US-ASCII : x\r\n", ""},
		{"no user", "6193, 25 : ERROR : NO-USER\r\n", ""},
		{"hidden", "6193, 25 : ERROR : HIDDEN-USER\r\n", ""},
		{"of another port of theirs", "6194, 25 : USERID : UNIX : joe\r\n", ""},
		{"of another port of ours", "6193, 26 : USERID : UNIX : joe\r\n", ""},
		{"a port that is none", "66000006193, 25 : USERID : UNIX : joe\r\n", ""},
		{"no system", "6193, 25 : USERID :  : joe\r\n", ""},
		{"nothing", "\r\n", ""},
		{"no field can be forged", "6193, 25 : USERID : UNIX : a\r\x00\x1b[2Jb) (from <c@d>\n", "a2Jbfromcd"},
		{"8-bit octets", "6193, 25 : USERID : UNIX : j\xc3\xb6e\x9b\n", "je"},
		{"a name without an end", "6193, 25 : USERID : UNIX : " + strings.Repeat("x", 900) + "\n", strings.Repeat("x", 64)},
	} {
		if got := parse(c.line, remote.Port(), local.Port()); got != c.want {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
}

// identd answers on the other end of a pipe.
func identd(t *testing.T, serve func(net.Conn)) Asker {
	return Asker{Timeout: 5 * time.Second, Dial: func(_ context.Context, from, to netip.AddrPort) (net.Conn, error) {
		if from.Addr() != local.Addr() || to != netip.MustParseAddrPort("192.0.2.10:113") {
			t.Errorf("asked from %s at %s", from, to)
		}
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			serve(theirs)
		}()
		return ours, nil
	}}
}

// TestASilentIdentdDelaysNothingPastItsTimeout also shows that asking does not
// wait.
//
// Coverage: B23.
func TestASilentIdentdDelaysNothingPastItsTimeout(t *testing.T) {
	for _, c := range []struct {
		why   string
		serve func(net.Conn)
	}{
		{"it says nothing", func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }},
		{"it does not even read", func(net.Conn) { time.Sleep(10 * time.Second) }},
		{"it says one octet a second, and no line", func(conn net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			for range 100 {
				time.Sleep(time.Second)
				if _, err := conn.Write([]byte("6")); err != nil {
					return
				}
			}
		}},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				answer := identd(t, c.serve).Ask(t.Context(), local, remote)
				if waited := time.Since(begin); waited != 0 {
					t.Errorf("asking takes %s", waited)
				}
				if user := answer.User(); user != "" {
					t.Errorf("the user is %q", user)
				}
				if waited := time.Since(begin); waited != 5*time.Second {
					t.Errorf("it takes %s", waited)
				}
				time.Sleep(10 * time.Second) // until the other end has gone too
			})
		})
	}
}

func TestAnAnswerIsThereWhenTheIdentdHasSaidIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := ""
		answer := identd(t, func(conn net.Conn) {
			asked, _ = bufio.NewReader(conn).ReadString('\n')
			time.Sleep(time.Second)
			_, _ = io.WriteString(conn, "6193 , 25 : USERID : UNIX : joe\r\n")
		}).Ask(t.Context(), local, remote)
		begin := time.Now()
		if user := answer.User(); user != "joe" || time.Since(begin) != time.Second {
			t.Errorf("%q after %s", user, time.Since(begin))
		}
		if asked != "6193 , 25\r\n" {
			t.Errorf("asked %q", asked)
		}
		if got := Named(answer.User(), "client.example"); got != "IDENT:joe@client.example" {
			t.Error(got)
		}
	})
}

func TestAnIdentdThatDoesNotStopIsReadNoFurtherThanALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := identd(t, func(conn net.Conn) {
			_, _ = bufio.NewReader(conn).ReadString('\n')
			for { // until the pipe is closed
				if _, err := conn.Write([]byte(strings.Repeat("6", 4096))); err != nil {
					return
				}
			}
		}).Ask(t.Context(), local, remote)
		begin := time.Now()
		if user := answer.User(); user != "" || time.Since(begin) != 0 {
			t.Errorf("%q after %s", user, time.Since(begin))
		}
	})
}

// TestNobodyIsAskedWithoutATimeout is that ident is off.
//
// Coverage: A16.
func TestNobodyIsAskedWithoutATimeout(t *testing.T) {
	asker := Asker{Dial: func(context.Context, netip.AddrPort, netip.AddrPort) (net.Conn, error) {
		t.Error("somebody is asked")
		return nil, errors.New("no")
	}}
	if user := asker.Ask(t.Context(), local, remote).User(); user != "" {
		t.Error(user)
	}
	var none *Answer
	if got := Named(none.User(), "client.example"); got != "client.example" {
		t.Error(got)
	}
}

func TestAClientWhoseMachineRefusesHasNoUser(t *testing.T) {
	asker := Asker{Timeout: time.Minute, Dial: func(context.Context, netip.AddrPort, netip.AddrPort) (net.Conn, error) {
		return nil, errors.New("refused")
	}}
	if user := asker.Ask(t.Context(), local, remote).User(); user != "" {
		t.Error(user)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		"6193, 25 : USERID : UNIX : joe\r\n", "6193,25:ERROR:NO-USER\n", ":::", "6193, 25 : USERID : OTHER : \x00",
		"6193, 25 : USERID : UNIX,UTF-8 : \xff:\xfe", strings.Repeat(":", 100),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		user := parse(line, 6193, 25)
		if len(user) > mostUser || strings.ContainsAny(user, "()<>@,;:\\\"[] \r\n") {
			t.Errorf("%q", user)
		}
		for _, c := range []byte(user) {
			if c <= ' ' || c > '~' {
				t.Errorf("%q", user)
			}
		}
	})
}
