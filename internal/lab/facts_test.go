package lab

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A flight is what is sent at once, lines with LF, and the codes that answer
// it. Code 0 is the end of the connection.
type flight struct {
	send  string
	codes []int
}

// What the relay's way of speaking stands on, seen on the wire: where a new
// release of a server does otherwise, it shows here.
func TestHowTheServersTakeGroupsOfCommands(t *testing.T) {
	// In place of $AUTH, $TO, $REJECT and $DROP stand a log-in and addresses.
	const message = "BDAT 17 LAST\nSubject: x\n\nx\n"
	const transaction = "MAIL FROM:<me@example.test>\nRCPT TO:<$TO>\n" + message
	hello := flight{"EHLO test\n", []int{250}}
	implicit := func(s Smarthost) string { return s.Implicit }
	plain := func(s Smarthost) string { return s.Plain }
	picky := func(s Smarthost) string { return s.Picky }
	for _, c := range []struct {
		why     string
		servers []string
		port    func(Smarthost) string
		flights []flight
	}{
		{
			"a log-in by PLAIN shares a flight with the first message",
			[]string{"Postfix", "Exim"},
			implicit,
			[]flight{hello, {"$AUTH\n" + transaction, []int{235, 250, 250, 250}}},
		},
		{
			"and with the second",
			[]string{"Postfix", "Exim"},
			implicit,
			[]flight{hello, {"$AUTH\n" + transaction + "RSET\n" + transaction, []int{235, 250, 250, 250, 250, 250, 250, 250}}},
		},
		{
			"a log-in that is refused leaves the rest refused",
			[]string{"Postfix"},
			implicit,
			[]flight{hello, {"AUTH PLAIN AGJvYgB4\n" + transaction, []int{535, 250, 554, 554}}},
		},
		{
			"a log-in that is refused leaves the rest refused",
			[]string{"Exim"},
			implicit,
			[]flight{hello, {"AUTH PLAIN AGJvYgB4\n" + transaction, []int{535, 250, 530, 503}}},
		},
		{
			"nothing may go before the answer to EHLO, where smtpd_forbid_unauth_pipelining is set",
			[]string{"Postfix"},
			picky,
			[]flight{{"EHLO test\nMAIL FROM:<me@example.test>\n", []int{554, 0}}},
		},
		{
			"after a refused recipient there is no MAIL",
			[]string{"Exim"},
			implicit,
			[]flight{hello, {"$AUTH\n", []int{235}}, {"MAIL FROM:<me@example.test>\nRCPT TO:<$REJECT>\nMAIL FROM:<me@example.test>\n", []int{250, 550, 503}}},
		},
		{
			"but there is after RSET",
			[]string{"Exim", "Postfix"},
			implicit,
			[]flight{hello, {"$AUTH\n", []int{235}}, {"MAIL FROM:<me@example.test>\nRCPT TO:<$REJECT>\nRSET\nMAIL FROM:<me@example.test>\n", []int{250, 550, 250, 250}}},
		},
		{
			"chunks for nobody are thrown away, and the session goes on",
			[]string{"Exim"},
			implicit,
			[]flight{hello, {"$AUTH\n", []int{235}}, {"MAIL FROM:<me@example.test>\nRCPT TO:<$REJECT>\n" + message + "RSET\n" + transaction, []int{250, 550, 503, 250, 250, 250, 250}}},
		},
		{
			"chunks for nobody are thrown away, and the session goes on",
			[]string{"Postfix"},
			implicit,
			[]flight{hello, {"$AUTH\n", []int{235}}, {"MAIL FROM:<me@example.test>\nRCPT TO:<$REJECT>\n" + message + "RSET\n" + transaction, []int{250, 550, 554, 250, 250, 250, 250}}},
		},
		{
			"more than eleven RSETs without a message are too many",
			[]string{"Exim"},
			plain,
			[]flight{hello, {strings.Repeat("RSET\n", 13), append(slices.Repeat([]int{250}, 11), 554, 0)}},
		},
		{
			"and under TLS the 554 comes in the clear",
			[]string{"Exim"},
			implicit,
			[]flight{hello, {strings.Repeat("RSET\n", 13), append(slices.Repeat([]int{250}, 11), 0)}},
		},
		{
			"what stands behind a 421 is taken",
			[]string{"Exim"},
			implicit,
			[]flight{hello, {"$AUTH\n", []int{235}}, {"MAIL FROM:<me@example.test>\nRCPT TO:<$DROP>\nRSET\n" + transaction, []int{250, 421, 250, 250, 250, 250}}},
		},
		{
			"what stands behind a 421 is not taken",
			[]string{"Postfix"},
			implicit,
			[]flight{hello, {"$AUTH\n", []int{235}}, {"MAIL FROM:<me@example.test>\nRCPT TO:<$DROP>\nRSET\n" + transaction, []int{250, 421, 0}}},
		},
		{
			"a client that sends two commands at once is cut off",
			[]string{"OpenSMTPD"},
			implicit,
			[]flight{hello, {"$AUTH\n", []int{235}}, {"MAIL FROM:<me@example.test>\nRCPT TO:<$TO>\n", []int{500, 0}}},
		},
	} {
		for _, name := range c.servers {
			t.Run(name+", "+c.why, func(t *testing.T) {
				s := smarthosts()[name](t)
				box := s.Mailbox(t)
				conn, err := net.Dial("tcp", c.port(s))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if c.port(s) != s.Plain {
					conn = tls.Client(conn, trust(t, s))
				}
				login := base64.StdEncoding.EncodeToString([]byte("\x00" + s.User + "\x00" + s.Password))
				fill := strings.NewReplacer("\n", "\r\n", "$AUTH", "AUTH PLAIN "+login,
					"$TO", box.Address("you"), "$REJECT", box.Address("reject"), "$DROP", box.Address("drop"))
				r := bufio.NewReader(conn)
				for _, f := range append([]flight{{"", []int{220}}}, c.flights...) {
					if _, err := io.WriteString(conn, fill.Replace(f.send)); err != nil {
						t.Fatal(err)
					}
					if got, said := codesOf(conn, r, len(f.codes)); !slices.Equal(got, f.codes) {
						t.Errorf("%.60q is answered %v, want %v:\n%s", f.send, got, f.codes, said)
					}
				}
			})
		}
	}
}

// codesOf reads n replies, of which the last may be the end of the connection.
func codesOf(conn net.Conn, r *bufio.Reader, n int) (codes []int, said string) {
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err.Error()
	}
	for len(codes) < n {
		line, err := r.ReadString('\n')
		said += line
		if err != nil {
			said += fmt.Sprintf("(%v)", err)
			return append(codes, 0), said
		}
		if code, err := strconv.Atoi(line[:min(3, len(line))]); err == nil && len(line) > 3 && line[3] != '-' {
			codes = append(codes, code)
		}
	}
	return codes, said
}
