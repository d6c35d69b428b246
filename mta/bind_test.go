package mta

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/socket"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// serverOf is a server of a configuration whose first line is "[mta]", in a
// spool of its own.
func serverOf(t *testing.T, text string) *Server {
	t.Helper()
	s, err := New(configOf(t, text), Options{
		Users: everybody{},
		Spool: queue.NewSpool(filepath.Join(t.TempDir(), "spool"), queue.OS{}, time.Now),
		Now:   time.Now, Load: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func configOf(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("m.toml", []byte("[mta]\nhostname = \"mx.example.org\"\n"+text), func(string) string { return t.TempDir() })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAServerListensWhereItIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for _, test := range []struct {
		reason, address string
		want            []string // what the addresses begin with
	}{
		{"IPv4", `"127.0.0.1:0"`, []string{"127.0.0.1:"}},
		{"IPv6", `"[::1]:0"`, []string{"[::1]:"}},
		{"a Unix socket", `"unix:` + path + `"`, []string{path}},
		{"all of IPv4 alone", `"0.0.0.0:0"`, []string{"0.0.0.0:"}},
		{"all of both", `":0"`, []string{"[::]:"}},
	} {
		t.Run(test.reason, func(t *testing.T) {
			s := serverOf(t, "[[mta.listen]]\naddress = "+test.address+"\n")
			if err := s.Bind(t.Context(), &socket.Inheritance{}); err != nil {
				t.Fatal(err)
			}
			defer s.closePorts()
			got := s.Addresses()
			if len(got) != 1 || !strings.HasPrefix(got[0].String(), test.want[0]) {
				t.Errorf("listens on %v, want %v", got, test.want)
			}
		})
	}
}

func TestTheSameWildcardPortOfBothFamiliesIsTwoListeners(t *testing.T) {
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	s := serverOf(t, "[[mta.listen]]\naddress = \"0.0.0.0:"+port+"\"\n[[mta.listen]]\naddress = \"[::]:"+port+"\"\n")
	if err := s.Bind(t.Context(), &socket.Inheritance{}); err != nil {
		t.Fatal(err)
	}
	if err := s.closePorts(); err != nil {
		t.Error(err)
	}
}

func TestAPortThatIsTakenIsAnErrorUnlessItIsOptional(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	table := "[[mta.listen]]\naddress = \"" + taken.Addr().String() + "\"\n"
	err = serverOf(t, "[[mta.listen]]\naddress = \"127.0.0.1:0\"\n"+table).Bind(t.Context(), &socket.Inheritance{})
	if sysexits.Code(err) != sysexits.Unavailable || sysexits.Hint(err) == "" {
		t.Errorf("the error is %v, hint %q", err, sysexits.Hint(err))
	}
	s := serverOf(t, table+"optional = true\n")
	if err := s.Bind(t.Context(), &socket.Inheritance{}); err != nil || len(s.Addresses()) != 0 {
		t.Errorf("an optional one: %v, listens on %v", err, s.Addresses())
	}
}

func TestWithoutListenersThereIsNoServer(t *testing.T) {
	_, err := New(configOf(t, ""), Options{Log: slog.New(slog.DiscardHandler)})
	if sysexits.Code(err) != sysexits.Config || !strings.Contains(sysexits.Hint(err), "[[mta.listen]]") {
		t.Errorf("the error is %v, hint %q", err, sysexits.Hint(err))
	}
}

func TestAProxyIsBelievedWhereItIsTrustedAndNowhereElse(t *testing.T) {
	const v1 = "PROXY TCP4 192.0.2.7 198.51.100.1 4321 25\r\n"
	for _, test := range []struct {
		reason  string
		proxies []string
		says    string
		want    string // the client's address, "" for the peer's own
		wrong   bool
	}{
		{"a trusted one", []string{"127.0.0.1"}, v1, "192.0.2.7:4321", false},
		{"one of a trusted network", []string{"10.0.0.0/8", "127.0.0.0/8"}, v1, "192.0.2.7:4321", false},
		{"IPv6 behind IPv4", []string{"127.0.0.1"}, "PROXY TCP6 2001:db8::7 2001:db8::1 4321 25\r\n", "[2001:db8::7]:4321", false},
		{"binary", []string{"127.0.0.1"}, "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\x10\xe1\x00\x19", "192.0.2.7:4321", false},
		{"a proxy's own check", []string{"127.0.0.1"}, "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", "", false},
		{"a trusted one that says nothing of it", []string{"127.0.0.1"}, "EHLO x\r\n", "", true},
		{"another", []string{"192.0.2.1"}, v1, "", false},
		{"nobody is trusted", nil, v1, "", false},
		{"a Unix socket is not this", []string{config.UnixProxy}, v1, "", false},
		{"cut off", []string{"127.0.0.1"}, "PROXY TCP4 192.0", "", true},
		{"an address that is none", []string{"127.0.0.1"}, "PROXY TCP4 999.0.2.7 198.51.100.1 4321 25\r\n", "", true},
	} {
		t.Run(test.reason, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			peer, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(peer, test.says); err != nil {
				t.Fatal(err)
			}
			peer.(*net.TCPConn).CloseWrite()
			defer peer.Close()
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			got, err := proxied(c, &config.Listener{Proxy: test.proxies})
			if (err != nil) != test.wrong {
				t.Fatalf("the error is %v", err)
			}
			want := test.want
			if want == "" {
				want = peer.LocalAddr().String()
			}
			if got.RemoteAddr().String() != want {
				t.Errorf("the client is %v, want %v", got.RemoteAddr(), want)
			}
			if !test.wrong && test.want == "" && !strings.Contains(test.says, "\x20\x00") {
				rest, err := io.ReadAll(got)
				if err != nil && !errors.Is(err, io.EOF) || string(rest) != test.says {
					t.Errorf("what it said is %q, %v", rest, err)
				}
			}
		})
	}
}
