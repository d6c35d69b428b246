package local

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/queue"
)

// A script is an LMTP server: what it answers to each line or verb; "" is nothing,
// and "." is for the message.
type script map[string]string

// deliverer is one whose LMTP server is the script; heard is what it was told.
func (s script) deliverer(t *testing.T, heard *strings.Builder) *Deliverer {
	t.Helper()
	o := Options{Hostname: "mail.example.org"}
	o.Mailer = "lmtp:/run/lmtp"
	o.Dial = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go s.serve(theirs, heard)
		return ours, nil
	}
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (s script) serve(conn net.Conn, heard *strings.Builder) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(text string) {
		if text != "" {
			fmt.Fprint(conn, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n")
		}
	}
	say(s["greeting"])
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		heard.WriteString(line)
		if answer, ok := s[strings.TrimSpace(line)]; ok {
			say(answer)
			continue
		}
		verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch say(s[verb]); {
		case verb == "QUIT":
			return
		case verb == "DATA" && strings.HasPrefix(s["DATA"], "354"):
			for err == nil && line != ".\r\n" {
				line, err = in.ReadString('\n')
				heard.WriteString(line)
			}
			if s["."] == "end" {
				return
			}
			say(s["."])
		}
	}
}

// with is the script with other answers.
func with(pairs ...string) script {
	s := script{
		"greeting": "220 hello", "LHLO": "250-box\n250-SIZE\n250-8BITMIME\n250-ENHANCEDSTATUSCODES\n250 PIPELINING",
		"MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok", "DATA": "354 go", ".": "250 2.0.0 kept", "QUIT": "221 bye",
	}
	for i := 0; i < len(pairs); i += 2 {
		s[pairs[i]] = pairs[i+1]
	}
	return s
}

func TestEachRecipientOfOneTransactionHasItsOwnReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard strings.Builder
		d := with("RCPT TO:<bob@example.org>", "550 5.1.1 no bob",
			".", "250 2.0.0 alice has it\n452 4.2.2 carol has no room").deliverer(t, &heard)
		var jobs []Job
		for _, name := range []string{"alice", "bob", "carol"} {
			jobs = append(jobs, job(name))
		}
		jobs[0].Open = opens("a: b\n\n.dot\nend\n")
		got := d.DeliverAll(t.Context(), jobs)
		want := []string{"250 2.0.0 alice has it", "550 5.1.1 no bob", "452 4.2.2 carol has no room"}
		for i, r := range got {
			if r.String() != want[i] {
				t.Errorf("%s: %v, not %s", jobs[i].User, r, want[i])
			}
		}
		synctest.Wait()
		said := heard.String()
		for _, line := range []string{
			"LHLO mail.example.org\r\n", fmt.Sprintf("MAIL FROM:<sender@example.com> SIZE=%d BODY=8BITMIME\r\n", len(text)),
			"DATA\r\na: b\r\n\r\n..dot\r\nend\r\n.\r\n", "QUIT\r\n",
		} {
			if !strings.Contains(said, line) {
				t.Errorf("no %q in:\n%s", line, said)
			}
		}
	})
}

// Coverage: B24.
func TestASilentLMTPServerIsWaitedForAsLongAsTimeoutLhloSays(t *testing.T) {
	for _, c := range []struct {
		why    string
		script script
		set    time.Duration
		took   time.Duration
		want   string
	}{
		{"no greeting", with("greeting", ""), 0, 2 * time.Minute, "421 4.4.1"},
		{"no reply to LHLO", with("LHLO", ""), 0, 2 * time.Minute, "421 4.4.1"},
		{"no reply to LHLO for as long as is set", with("LHLO", ""), 7 * time.Second, 7 * time.Second, "421 4.4.1"},
		{"no reply to MAIL", with("MAIL", ""), 0, 5 * time.Minute, "421 4.4.2"},
		{"no reply to RCPT", with("RCPT", ""), 0, 5 * time.Minute, "451 4.4.2"},
		{"no reply to DATA", with("DATA", ""), 0, 2 * time.Minute, "451 4.4.2"},
		{"no reply to the message", with(".", ""), 0, 10 * time.Minute, "451 4.4.2 the whole message was sent"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := c.script.deliverer(t, new(strings.Builder))
			if c.set > 0 {
				d.Timeout.LHLO = c.set
			}
			d.Timeout.Quit = time.Nanosecond
			before := time.Now()
			r := d.Deliver(t.Context(), job("alice"))
			if took := time.Since(before).Truncate(time.Second); took != c.took || !strings.HasPrefix(r.String(), c.want) {
				t.Errorf("%s: after %v %v", c.why, took, r)
			}
		})
	}
}

func TestWhatAnLMTPServerRefusesIsTheRecipientsAndWhatItCannotIsTheRoutes(t *testing.T) {
	for _, c := range []struct {
		why    string
		script script
		want   string
	}{
		{"all is well", with(), "250 2.0.0 kept"},
		{"without extensions", with("LHLO", "250 box"), "250 2.0.0 kept"},
		{"it is busy", with("greeting", "421 busy"), "421 4.4.1"},
		{"it is an SMTP server", with("LHLO", "500 what?"), "421 4.4.1"},
		{"it speaks no LMTP", with("greeting", "SSH-2.0-x"), "421 4.4.1"},
		{"no such sender", with("MAIL", "550 5.1.8 no"), "550 5.1.8 no"},
		{"over quota at RCPT", with("RCPT", "452 4.2.2 full"), "452 4.2.2 full"},
		{"over quota for good, it says", with(".", "552 5.2.2 full"), "452 4.2.2 full"},
		{"no data", with("DATA", "451 4.3.0 no"), "451 4.3.0 no"},
		{"a refusal after the dot, in lines", with(".", "550-5.7.1 spam\n550 5.7.1 it is"), "550 5.7.1 spam it is"},
		{"it ends after the dot", with(".", "end"), "451 4.4.2 the whole message was sent"},
		{"another code than its class", with(".", "250 5.7.1 odd"), "250 5.7.1 odd"},
	} {
		synctest.Test(t, func(t *testing.T) {
			if r := c.script.deliverer(t, new(strings.Builder)).Deliver(t.Context(), job("alice")); !strings.HasPrefix(r.String(), c.want) {
				t.Errorf("%s: %v", c.why, r)
			}
		})
	}
}

func TestAMessageThatCannotBeReadEndsWithoutADot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard strings.Builder
		d := with().deliverer(t, &heard)
		j := job("alice")
		j.Open = func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("a: b\n"), failing{})), nil
		}
		if r := d.Deliver(t.Context(), j); r.Code != 451 || !strings.Contains(r.Text, "a bad block") {
			t.Error(r)
		}
		synctest.Wait()
		if strings.Contains(heard.String(), "\r\n.\r\n") {
			t.Errorf("the message was ended:\n%s", heard.String())
		}
	})
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, fmt.Errorf("a bad block") }

func TestManyRecipientsArePipelinedInBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := with(".", strings.TrimSuffix(strings.Repeat("250 2.0.0 ok\n", 500), "\n")).deliverer(t, new(strings.Builder))
		d.Dial = buffered(d.Dial)
		jobs := make([]Job, 500)
		for i := range jobs {
			jobs[i] = job(fmt.Sprint("user", i))
		}
		for i, r := range d.DeliverAll(t.Context(), jobs) {
			if (r != queue.Reply{Code: 250, Enhanced: "2.0.0", Text: "ok"}) {
				t.Fatalf("%d: %v", i, r)
			}
		}
	})
}

// buffered is a network that holds some of what was sent, as a kernel does.
func buffered(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, to string) (net.Conn, error) {
		conn, err := dial(ctx, network, to)
		if err != nil {
			return nil, err
		}
		ours, middle := net.Pipe()
		held := make(chan []byte, 1000)
		go func() {
			defer close(held)
			b := make([]byte, 4096)
			for {
				n, err := middle.Read(b)
				if err != nil {
					return
				}
				held <- append([]byte(nil), b[:n]...)
			}
		}()
		go func() {
			for b := range held {
				conn.Write(b)
			}
			conn.Close()
		}()
		go func() { io.Copy(middle, conn); middle.Close() }()
		return ours, nil
	}
}

func FuzzAnAnswerIsBounded(f *testing.F) {
	for _, s := range []string{"250 2.0.0 ok\r\n", "250-a\r\n250 b\r\n", "250-a\r\n550 b\r\n", "250\r\n", "nonsense\n", strings.Repeat("250-x\r\n", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := readAnswer(bufio.NewReaderSize(strings.NewReader(s), maxLine))
		if err != nil {
			return
		}
		r := a.said()
		if r.Code < 200 || r.Code > 599 || len(r.Text) > 3*maxText || strings.ContainsAny(r.Text, "\r\n") || len(a.lines) > maxLines {
			t.Errorf("%q is read as %v", s, r)
		}
	})
}
