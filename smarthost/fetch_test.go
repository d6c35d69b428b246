//go:build unix

package smarthost

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"mailcrane/internal/config"
)

// holder is a server that has mail for us: it answers as it is told, and goes on as
// a client where it has said 250 to ATRN.
func holder(t *testing.T, cert *tls.Certificate, answers map[string]string, after string) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go hold(conn, answers, after)
		}
	}()
	return l.Addr().String()
}

func hold(conn net.Conn, answers map[string]string, after string) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	_, _ = io.WriteString(conn, "220 holder ESMTP\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		answer := answers[strings.TrimSpace(line)]
		switch {
		case answer != "":
		case verb == "EHLO":
			answer = "250-holder\r\n250-PIPELINING\r\n250 AUTH PLAIN"
		case verb == "AUTH":
			answer = "235 2.7.0 in"
		case verb == "QUIT":
			answer = "221 bye"
		default:
			answer = "502 5.5.1 what?"
		}
		_, _ = io.WriteString(conn, answer+"\r\n")
		if verb == "ATRN" && strings.HasPrefix(answer, "250") {
			greeting, _ := r.ReadString('\n')
			_, _ = io.WriteString(conn, after+" "+greeting)
			return
		}
	}
}

func fetcherOf(w *world, address string) (*Transport, *config.Account) {
	a := w.account("work", "me@client.example", address)
	a.Fetch, a.FetchDomains = config.FetchATRN, []string{"client.example", "two.example"}
	return w.transport(), a
}

// Coverage: X7.
func TestATRNGivesTheConnectionWhenItIsTurnedRound(t *testing.T) {
	for _, c := range []struct {
		reason, answer string
		turned         bool
		code           int
		fault          string
	}{
		{"it is turned", "250 2.0.0 OK now reversing the connection", true, 250, ""},
		{"nothing waits", "453 4.3.0 You have no mail", false, 453, ""},
		{"not these domains", "450 4.7.1 ATRN request refused", false, 450, ""},
		{"no ATRN", "502 5.5.1 what?", false, 502, ""},
		{"the server goes", "421 4.3.2 stopping", false, 0, "421"},
		{"a server that talks before it is greeted", "250 OK\r\nEHLO too early", false, 250, "before it was greeted"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			w := newWorld(t)
			tr, a := fetcherOf(w, holder(t, w.good(), map[string]string{"ATRN client.example,two.example": c.answer}, "heard"))
			// The second time a log-in could share a flight with what follows.
			for range 2 {
				conn, said, fault := tr.Turn(t.Context(), a)
				if (conn != nil) != c.turned || c.fault == "" && (fault != nil || said.Code != c.code) || c.fault != "" && (fault == nil || !strings.Contains(fault.Sentence(), c.fault)) {
					t.Fatalf("%v, %v, %v", conn, said, fault)
				}
				if conn == nil {
					continue
				}
				_, _ = io.WriteString(conn, "220 laptop\r\n")
				if line, err := bufio.NewReader(conn).ReadString('\n'); line != "heard 220 laptop\r\n" {
					t.Errorf("on the turned connection: %q, %v", line, err)
				}
				conn.Close()
			}
		})
	}
}

func TestETRNAsksForEachDomain(t *testing.T) {
	w := newWorld(t)
	tr, a := fetcherOf(w, holder(t, w.good(), map[string]string{
		"ETRN client.example": "250 2.0.0 Queuing for node client.example started", "ETRN two.example": "251 2.0.0 OK, no messages waiting",
	}, ""))
	said, fault := tr.Call(t.Context(), a)
	if fault != nil || len(said) != 2 || said[0].Code != 250 || said[1].Code != 251 {
		t.Errorf("%v, %v", said, fault)
	}
}

// The account's own server may be another one.
func TestMailIsFetchedFromTheServerThatHasIt(t *testing.T) {
	w := newWorld(t)
	tr, a := fetcherOf(w, "127.0.0.1:1")
	a.FetchSmarthost = config.Smarthost{Host: a.Smarthost.Host, Port: "366"}
	w.real[a.FetchSmarthost.Addr()] = holder(t, w.good(), map[string]string{"ATRN client.example,two.example": "453 none"}, "")
	if _, said, fault := tr.Turn(t.Context(), a); fault != nil || said.Code != 453 {
		t.Errorf("%v, %v", said, fault)
	}
}
