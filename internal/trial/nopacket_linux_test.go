package trial

import (
	"fmt"
	"net"
	"net/smtp"
	"slices"
	"strings"
	"testing"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
)

// nowhere is an account whose server has to be looked up, and a machine whose
// own name is looked up by who wants to know it whole.
const nowhere = "privacy = false\n%s[account.work]\nfrom = [\"" + me + "\"]\nsmarthost = \"smtps://smtp.nowhere.test\"\n%s"

// laptopHome is a home in a laptop with a way out, and what leaves that.
func laptopHome(t *testing.T, top, account string) (*lab.Network, *home, *lab.Packets) {
	t.Helper()
	n := lab.Netns(t)
	h := newHome(t, "", "")
	h.write(".config/mailcrane/mailcrane.toml", fmt.Sprintf(nowhere, top, account))
	h.within = n.Laptop.Command
	return n, h, n.Laptop.Packets()
}

// A dial-up line is not to be called, nor a name server told, because somebody
// writes mail (sendmail's delivery mode d).
//
// Coverage: B56.
func TestADeferredSubmissionSendsNoPacket(t *testing.T) {
	t.Parallel()
	_, h, packets := laptopHome(t, "", "")
	dialogue := "EHLO here\r\nMAIL FROM:<" + me + ">\r\nRCPT TO:<" + you + ">\r\nDATA\r\n" +
		strings.ReplaceAll(letter("dialogue"), "\n", "\r\n") + ".\r\nQUIT\r\n"
	for _, c := range []struct {
		reason, input, program string
		args                   []string
		queued                 int
	}{
		{"the default", letter("default"), "sendmail", []string{"-oi", you}, 1},
		{"-odd", letter("deferred"), "sendmail", []string{"-oi", "-odd", you}, 1},
		{"-odq", letter("queue-only"), "sendmail", []string{"-oi", "-odq", you}, 1},
		{"recipients from the header", letter("header"), "sendmail", []string{"-t", "-oi"}, 1},
		{"addresses of another machine", letter("remote"), "sendmail", []string{"-oi", "-f", "me@host.nowhere.test", you}, 1},
		{"without a sender or a domain", "Subject: x\n\nx\n", "sendmail", []string{"root"}, 1},
		{"no such user", "Subject: x\n\nx\n", "sendmail", []string{"nobodyatall"}, 0},
		{"SMTP on standard input", dialogue, "sendmail", []string{"-bs"}, 1},
		{"by mailcrane", letter("mailcrane"), "mailcrane", []string{"sendmail", "-oi", "-odd", you}, 1},
		{"-bv", "", "sendmail", []string{"-bv", you}, 0},
		{"mailq", "", "sendmail", []string{"-bp"}, 0},
	} {
		before := len(h.queued())
		r := h.run(c.input, c.program, c.args...)
		if n := len(h.queued()) - before; n != c.queued {
			t.Errorf("%s: %d queued, exit code %d: %s", c.reason, n, r.code, r.said())
		}
		if seen := packets.Seen(); len(seen) > 0 {
			t.Errorf("%s: these packets were seen:\n%s", c.reason, strings.Join(seen, "\n"))
		}
	}
}

// The other modes look the server up, and not before the message is safe.
//
// Coverage: B56.
func TestOnlyADeliverySendsPackets(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"-odi", "-odb"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			n, h, packets := laptopHome(t, "", "")
			safe := make(chan int, 100)
			names := asked(t, n, func() { safe <- len(h.queued()) })
			if r := h.run(letter("now"), "sendmail", "-oi", mode, you); r.code != sysexits.OK {
				t.Fatalf("exit code %d: %s", r.code, r.said())
			}
			if queued := <-safe; queued != 1 {
				t.Errorf("a name was asked for with %d messages in the queue", queued)
			}
			if seen := packets.Seen(); !slices.ContainsFunc(seen, func(line string) bool { return strings.Contains(line, " > "+names) }) {
				t.Errorf("the question was not seen:\n%s", strings.Join(seen, "\n"))
			}
			await(t, "the delivery ends", func() bool { return len(h.files("route")) > 0 })
		})
	}
}

// asked is the address of a name server that says at once that there is no such
// name, and tells of each question.
func asked(t *testing.T, n *lab.Network, told func()) string {
	t.Helper()
	address := net.JoinHostPort(lab.GatewayIP, "53")
	var conn net.PacketConn
	err := n.Gateway.Do(func() (err error) {
		conn, err = net.ListenPacket("udp", address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		question := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(question)
			if err != nil {
				return
			}
			told()
			const reply, noSuchName = 0x80, 3 // RFC 1035 section 4.1.1
			question[2] |= reply
			question[3] |= noSuchName
			if _, err := conn.WriteTo(question[:size], from); err != nil {
				return
			}
		}
	}()
	return address
}

// The agent takes mail on its listener without a word to anybody, and keeps it
// as the account says.
//
// Coverage: B56.
func TestTheListenerSendsNoPacketButItsAnswers(t *testing.T) {
	t.Parallel()
	const at = "127.0.0.1:2525"
	n, h, packets := laptopHome(t, "[listen]\nmsp = [\""+at+"\"]\n", "on_demand = true\n")
	h.agent()
	packets.Seen()
	err := n.Laptop.Do(func() error {
		return smtp.SendMail(at, nil, me, []string{you}, []byte(strings.ReplaceAll(letter("listener"), "\n", "\r\n")))
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(h.queued()); n != 1 {
		t.Errorf("%d queued", n)
	}
	seen := packets.Seen()
	for _, line := range seen {
		if !strings.HasPrefix(line, "lo TCP ") || !strings.Contains(line, at) {
			t.Errorf("a packet that is none of the dialogue: %s", line)
		}
	}
	if len(seen) == 0 {
		t.Error("the dialogue itself was not seen")
	}
}
