package portal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheAnswerToAQuestion(t *testing.T) {
	server := Question{URL: "http://smtp.example.org/"}
	system := Question{Kind: AsksSystem, URL: "http://check.example.net/online"}
	probe := Question{Kind: AsksProbe, URL: "http://probe.example.com/"}
	expects := Question{Kind: AsksProbe, URL: "http://probe.example.com/", Expect: "all is well"}
	api := Question{Kind: AsksAPI, URL: "https://portal.hotel.example/api"}
	for _, c := range []struct {
		reason string
		q      Question
		answer string
		found  Finding
		page   string
	}{
		{"a portal leads to its own page", server, "302 Found\r\nLocation: http://198.51.100.1/login", FindsPortal, "http://198.51.100.1/login"},
		{"also to one by https, with a ticket", server, "307 x\r\nLocation: https://login.hotel.example/?mac=00", FindsPortal, "https://login.hotel.example/?mac=00"},
		{"also to an address by https", server, "303 x\r\nLocation: https://198.51.100.1/", FindsPortal, "https://198.51.100.1/"},
		{"nobody is shown a password for the page", server, "302 x\r\nLocation: http://u:p@198.51.100.1/#top", FindsPortal, "http://198.51.100.1/"},
		{"the server's site is by https", server, "301 x\r\nLocation: https://smtp.example.org/", FindsNothing, ""},
		{"the server's site is one name up", server, "301 x\r\nLocation: https://example.org/mail?a=b", FindsNothing, ""},
		{"the server's site is beside it", server, "301 x\r\nLocation: http://www.example.org/mail", FindsNothing, ""},
		{"a path is on the server itself", server, "302 x\r\nLocation: /login", FindsNothing, ""},
		{"a provider's server leads to the front page of its brand", server, "301 x\r\nLocation: https://www.brand.example/", FindsNothing, ""},
		{"the name is one of a house only by the last label", Question{URL: "http://smarthost.test/"}, "302 x\r\nLocation: http://login.test/a", FindsPortal, "http://login.test/a"},
		{"RFC 6585, with the page behind it", server, "511 x\r\nLocation: http://198.51.100.1/in", FindsPortal, "http://198.51.100.1/in"},
		{"RFC 6585, the page is any page", server, "511 Network Authentication Required", FindsPortal, "http://smtp.example.org/"},
		{"a redirect that leads nowhere", server, "302 x", FindsNothing, ""},
		{"a redirect to what is no page", server, "302 x\r\nLocation: javascript:alert(1)", FindsNothing, ""},
		{"a redirect to a name that may look like another", server, "302 x\r\nLocation: http://log\u0456n.example/", FindsNothing, ""},
		{"a server's own page", server, "200 OK\r\n\r\nwelcome", FindsNothing, ""},
		{"a server's own 204 is nothing that is known", server, "204 x", FindsNothing, ""},
		{"an error", server, "404 x", FindsNothing, ""},

		{"NetworkManager's header", system, "200 OK\r\nX-NetworkManager-Status: online", FindsOpen, ""},
		{"204", system, "204 No Content", FindsOpen, ""},
		{"a distribution's own words, which only NetworkManager knows", system, "200 OK\r\n\r\nOK", FindsNothing, ""},
		{"a redirect, also to a front page", system, "302 x\r\nLocation: https://login.hotel.example/", FindsPortal, "https://login.hotel.example/"},
		{"a redirect to itself by https", system, "301 x\r\nLocation: https://check.example.net/online", FindsNothing, ""},

		{"the probe is unspoilt", probe, "204 No Content", FindsOpen, ""},
		{"the probe is another's page: it is its own login page", probe, "200 OK\r\n\r\n<form>", FindsPortal, "http://probe.example.com/"},
		{"the probe says what is expected", expects, "200 OK\r\n\r\n \nall is well, they say", FindsOpen, ""},
		{"the probe says something else", expects, "200 OK\r\n\r\nlog in", FindsPortal, "http://probe.example.com/"},
		{"what is expected is not the usual", expects, "204 x", FindsNothing, ""},
		{"the probe's server is ill", expects, "503 x", FindsNothing, ""},

		{"RFC 8908, captive", api, "200 OK\r\n\r\n{\"captive\":true,\"user-portal-url\":\"https://portal.hotel.example/in\"}", FindsPortal, "https://portal.hotel.example/in"},
		{"RFC 8908, captive without a page", api, "200 OK\r\n\r\n{\"captive\":true}", FindsPortal, ""},
		{"RFC 8908, open", api, "200 OK\r\n\r\n{\"captive\":false}", FindsOpen, ""},
		{"RFC 8908, nothing said", api, "200 OK\r\n\r\n{}", FindsNothing, ""},
		{"no JSON", api, "200 OK\r\n\r\n<html>", FindsNothing, ""},
		{"no answer of the API", api, "302 x\r\nLocation: http://198.51.100.1/", FindsNothing, ""},
	} {
		text := c.answer
		if !strings.Contains(text, "\r\n\r\n") {
			text += "\r\n\r\n"
		}
		a, err := readAnswer(strings.NewReader("HTTP/1.1 " + text))
		if err != nil {
			t.Errorf("%s: %v", c.reason, err)
			continue
		}
		if found, page := c.q.Judge(a); found != c.found || page != c.page {
			t.Errorf("%s: %d %q, want %d %q", c.reason, found, page, c.found, c.page)
		}
	}
}

func TestAnAnswerThatNeverEndsIsReadToItsBound(t *testing.T) {
	endless := &endlessReader{start: "HTTP/1.1 200 OK\r\n\r\n"}
	a, err := readAnswer(endless)
	if err != nil || len(a.Body) > mostAnswer || endless.read > mostAnswer {
		t.Errorf("%d octets of body, %d read, %v", len(a.Body), endless.read, err)
	}
	endless = &endlessReader{start: "HTTP/1.1 200 OK\r\nX: "}
	if _, err := readAnswer(endless); !errors.Is(err, errNoAnswer) || endless.read > mostAnswer {
		t.Errorf("a header without an end: %d read, %v", endless.read, err)
	}
}

type endlessReader struct {
	start string
	read  int
}

func (r *endlessReader) Read(p []byte) (int, error) {
	n := copy(p, r.start)
	r.start = r.start[n:]
	for i := range p[n:] {
		p[n+i] = 'x'
	}
	r.read += len(p)
	return len(p), nil
}

// dialTo leads every connection to answer, and keeps what was asked.
func dialTo(asked *bytes.Buffer, answer string) Dialer {
	return func(_ context.Context, _, address string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		asked.WriteString(address + "\n")
		go func() {
			defer theirs.Close()
			r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(theirs, asked)))
			if err == nil {
				r.Body.Close()
				theirs.Write([]byte(answer))
			}
		}()
		return ours, nil
	}
}

func TestAQuestionTellsNothingOfUs(t *testing.T) {
	var asked bytes.Buffer
	q := Question{URL: "http://smtp.example.org/"}
	if _, err := q.Ask(t.Context(), dialTo(&asked, "HTTP/1.1 302 x\r\nLocation: http://198.51.100.1/\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	want := "smtp.example.org:80\nGET / HTTP/1.1\r\nHost: smtp.example.org\r\nAccept: */*\r\nConnection: close\r\n\r\n"
	if asked.String() != want {
		t.Errorf("asked %q, want %q", asked.String(), want)
	}
}

func TestAnAPIIsNotAskedInTheClear(t *testing.T) {
	var asked bytes.Buffer
	q := Question{Kind: AsksAPI, URL: "http://198.51.100.1/api"}
	if _, err := q.Ask(t.Context(), dialTo(&asked, "HTTP/1.1 204 x\r\n\r\n")); err == nil || asked.Len() > 0 {
		t.Errorf("asked %q, %v", asked.String(), err)
	}
}

func TestAPageWithoutAnEndLosesItsTicket(t *testing.T) {
	base, _ := url.Parse("http://smtp.example.org/")
	long := strings.Repeat("x", mostPage)
	if got := pageOf("http://198.51.100.1/in?"+long, base); got != "http://198.51.100.1/in" {
		t.Errorf("%q", got)
	}
	if got := pageOf("http://198.51.100.1/"+long, base); got != "" {
		t.Errorf("%q", got)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 302 Found\r\nLocation: http://198.51.100.1/login\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.0 511 Network Authentication Required\r\n\r\n<html>",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 302 x\r\nLocation: //198.51.100.1:99999/%zz\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n{\"captive\":true,\"user-portal-url\":\"https://portal.example/\"}",
		"220 smtp.example.org ESMTP\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := readAnswer(bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, q := range []Question{
			{URL: "http://smtp.example.org/"},
			{Kind: AsksSystem, URL: "http://check.example.net/"},
			{Kind: AsksProbe, URL: "http://probe.example.com/", Expect: "ok"},
			{Kind: AsksAPI, URL: "https://portal.example/"},
		} {
			found, page := q.Judge(a)
			if found != FindsPortal && page != "" {
				t.Errorf("a page without a portal: %q", page)
			}
			if len(page) > mostPage || !visible(page) {
				t.Errorf("a page that cannot be shown: %q", page)
			}
			if page != "" && !strings.HasPrefix(page, "http://") && !strings.HasPrefix(page, "https://") {
				t.Errorf("a page that no browser opens: %q", page)
			}
		}
	})
}

func TestAPortalThatSaysNothingIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		q := Question{URL: "http://smtp.example.org/"}
		_, err := q.Ask(t.Context(), func(context.Context, string, string) (net.Conn, error) {
			ours, _ := net.Pipe()
			return ours, nil
		})
		if took := time.Since(began); err == nil || took != questionTime {
			t.Errorf("%v after %v", err, took)
		}
	})
}
