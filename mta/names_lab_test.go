package mta

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
	"mailcrane/internal/socket"
	"mailcrane/queue"
)

// listening is a server of a configuration over the real name service, and the
// address of its one listener, which takes the PROXY protocol where proxied.
func listening(t *testing.T, spool, more string, proxied bool) string {
	t.Helper()
	text := fmt.Sprintf("mta.hostname = \"mail.example.test\"\nmta.name_servers = [\"%s\"]\ntimeout.resolver_retrans = 1\ntimeout.resolver_retry = 1\n%s\n[[mta.listen]]\naddress = \"127.0.0.1:0\"\n",
		lab.DNS(t).Server, more)
	if proxied {
		text += "proxy = [\"127.0.0.1\"]\n"
	}
	c, err := config.Parse("m.toml", []byte(text), func(string) string { return t.TempDir() })
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(c, Options{
		Users: everybody{},
		Spool: queue.NewSpool(spool, queue.OS{}, time.Now), Load: func() float64 { return 0 }, Free: queue.OS{}.Free,
		Now: time.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Bind(t.Context(), socket.Inherit()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s.Addresses()[0].String()
}

// talk says lines to a server, each after the reply before it, and returns the
// last reply's first line.
func talk(t *testing.T, conn net.Conn, lines ...string) string {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(conn)
	reply := func() (first string) {
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("after %q: %v", first, err)
			}
			if first == "" {
				first = strings.TrimSpace(line)
			}
			if len(line) > 3 && line[3] == ' ' {
				return first
			}
		}
	}
	last := reply()
	for _, line := range lines {
		if _, err := conn.Write([]byte(line + "\r\n")); err != nil {
			t.Fatal(err)
		}
		last = reply()
	}
	return last
}

// TestAServerRefusesWhoIsOnABlockList is the whole server over a real name
// service, with clients that a proxy names.
//
// Coverage: A18, A19, A20, A21, A23.
func TestAServerRefusesWhoIsOnABlockList(t *testing.T) {
	maps := filepath.Join(t.TempDir(), "access")
	if err := os.WriteFile(maps, []byte("Connect:192.0.2.22\tOK\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := fmt.Sprintf("mta.dont_blame_sendmail = [\"TrustStickyBit\"]\nmta.map.access = %q\n", maps)
	for _, c := range []struct{ why, list, client, want string }{
		{"listed", "list = \"dnsbl.test\"", "192.0.2.20", "550 5.7.1 Rejected: 192.0.2.20 listed at dnsbl.test"},
		{"the configured text", "list = \"dnsbl.test\"\nmessage = \"550 Mail from $&{client_addr} rejected\"", "192.0.2.20", "550 5.7.1 Mail from 192.0.2.20 rejected"},
		{"not listed", "list = \"dnsbl.test\"", "192.0.2.10", "250 2.1.0"},
		{"exempt by the access map", "list = \"dnsbl.test\"", "192.0.2.22", "250 2.1.0"},
		{"an answer that does not count", "list = \"dnsbl.test\"\nmatch = [\"127.0.0.3\"]", "192.0.2.20", "250 2.1.0"},
		{"SERVFAIL, t", "list = \"ailing.test\"\ntemporary = true", "192.0.2.20", "451 4.4.3 Temporary lookup failure of 192.0.2.20 at ailing.test"},
		{"SERVFAIL", "list = \"ailing.test\"", "192.0.2.20", "250 2.1.0"},
	} {
		t.Run(c.why, func(t *testing.T) {
			conn, err := net.Dial("tcp", listening(t, t.TempDir(), base+"[[mta.dnsbl]]\n"+c.list, true))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "PROXY TCP4 %s 192.0.2.25 4321 25\r\n", c.client)
			if reply := talk(t, conn, "MAIL FROM:<a@client.names.test>"); !strings.HasPrefix(reply, c.want) {
				t.Errorf("%q, want %q", reply, c.want)
			}
		})
	}
}

// TestAnIdentAnswerStandsInTheReceivedField has an identd at the port where each
// machine has its own, which only root may open.
//
// Coverage: A17.
func TestAnIdentAnswerStandsInTheReceivedField(t *testing.T) {
	const client = "127.0.0.113"
	l, err := net.Listen("tcp", client+":113")
	if err != nil {
		lab.Missing(t, "port 113 of "+client, "sudo go test ./mta")
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(conn).ReadString('\n')
			fmt.Fprintf(conn, "%s : USERID : UNIX : joe\r\n", strings.TrimSpace(line))
			conn.Close()
		}
	}()
	spool := t.TempDir()
	address := listening(t, spool, "timeout.ident = \"5s\"\nmta.local = [\"example.test\"]", false)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
	conn, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reply := talk(t, conn, "EHLO client.example.test", "MAIL FROM:<>", "RCPT TO:<joe@example.test>", "DATA", "Subject: x\r\n\r\nbody\r\n.")
	if !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	kept := ""
	err = filepath.WalkDir(spool, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			text, _ := os.ReadFile(path)
			kept += string(text)
		}
		return err
	})
	if want := "(IDENT:joe@localhost [" + client + "])"; err != nil || !strings.Contains(kept, want) {
		t.Errorf("%v; no %s in:\n%s", err, want, kept)
	}
}
