package turn

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// A world is a server with a queue on a real disk, and a peer that dials in.
type world struct {
	t     *testing.T
	spool *queue.Spool
	desk  *Desk

	mu sync.Mutex
	// got are the recipients that the peer has taken mail for.
	got []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, spool: queue.NewSpool(t.TempDir(), queue.OS{}, time.Now)}
	if err := w.spool.Prepare(); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	w.desk = New(Options{Spool: w.spool, Hostname: "provider.example", Now: time.Now, Log: log})
	w.desk.Begin(queue.Runner{
		Spool: w.spool, Router: w, ByRecipient: true, Tuning: config.DefaultQueue(), Now: time.Now, Log: log, Hostname: "provider.example",
	})
	return w
}

func (w *world) Route(e *queue.Envelope) (queue.Route, error) { return queue.Route(e.Account), nil }
func (w *world) ReturnTo(e *queue.Envelope) string            { return e.From }

func (w *world) put(door string, to ...string) queue.ID {
	w.t.Helper()
	e := &queue.Envelope{From: "me@example.org", Account: door}
	for _, address := range to {
		e.To = append(e.To, queue.Recipient{Address: address})
	}
	id, err := w.spool.Put(w.t.Context(), e, strings.NewReader("Subject: hello\n\nhello\n"))
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// open are the recipients that still wait, in order.
func (w *world) open() (all []string) {
	_ = w.spool.Names(func(n queue.Name) bool {
		e, ok := w.spool.Entry(n)
		for i, to := range e.Envelope.To {
			if ok && !e.Results[i].Done() {
				all = append(all, to.Address)
			}
		}
		return true
	})
	slices.Sort(all)
	return all
}

// NewSession, Mail and the others are the peer as a server.
func (w *world) NewSession(*smtp.Conn) (smtp.Session, error) { return w, nil }
func (w *world) Mail(string, *smtp.MailOptions) error        { return nil }
func (w *world) Reset()                                      {}
func (w *world) Logout() error                               { return nil }

func (w *world) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "nobody is here"}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, to)
	return nil
}

func (w *world) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// serve is the peer on its end of a turned connection.
func (w *world) serve(conn net.Conn) {
	s := smtp.NewServer(w)
	s.Domain, s.ErrorLog = "laptop.example", quiet{}
	_ = s.Serve(&single{conn: conn})
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// single listens for the one connection that there is.
type single struct{ conn net.Conn }

func (s *single) Accept() (net.Conn, error) {
	conn := s.conn
	if conn == nil {
		return nil, net.ErrClosed
	}
	s.conn = nil
	return conn, nil
}
func (s *single) Close() error   { return nil }
func (s *single) Addr() net.Addr { return &net.TCPAddr{} }

// fetch asks for the domains and is the peer for as long as it takes.
func (w *world) fetch(allowed []string, domains string) error {
	w.t.Helper()
	run, err := w.desk.Ask("ann", allowed, domains)
	if err != nil {
		return err
	}
	ours, theirs := connection(w.t)
	defer ours.Close()
	go w.serve(theirs)
	run(w.t.Context(), ours)
	return nil
}

// connection is one over the loopback.
func connection(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err == nil {
		b, err = l.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a, b
}

// Coverage: X7.
func TestATurnedConnectionCarriesTheMailOfItsDomainsAndNoOther(t *testing.T) {
	w := newWorld(t)
	w.put("dsmtp:client.example", "ann@client.example", "bob@Client.Example", "eve@other.example")
	w.put("esmtp:two.example", "ann@two.example")
	w.put("dsmtp:client.example", "ann@sub.client.example", "ann@notclient.example", "ann%client.example@ours.example", `"ann@client.example"@ours.example`)
	w.put("sort:", "unsorted@client.example")
	w.put("local:", "here@client.example")
	w.put("provider", "account@client.example")
	held := w.put("dsmtp:client.example", "held@client.example")
	if err := w.spool.Hold(t.Context(), held, ""); err != nil {
		t.Fatal(err)
	}
	if err := w.fetch([]string{"client.example", "two.example"}, "client.example"); err != nil {
		t.Fatal(err)
	}
	slices.Sort(w.got)
	if want := []string{"ann@client.example", "bob@Client.Example"}; !slices.Equal(w.got, want) {
		t.Errorf("the peer got mail for %q, want %q", w.got, want)
	}
	want := []string{
		`"ann@client.example"@ours.example`, "account@client.example", "ann%client.example@ours.example", "ann@notclient.example", "ann@sub.client.example",
		"ann@two.example", "eve@other.example", "held@client.example", "here@client.example", "unsorted@client.example",
	}
	if got := w.open(); !slices.Equal(got, want) {
		t.Errorf("these wait: %q, want %q", got, want)
	}
}

func TestWhoNamesNoDomainGetsAllOfTheirs(t *testing.T) {
	w := newWorld(t)
	w.put("dsmtp:client.example", "ann@client.example")
	w.put("dsmtp:two.example", "ann@two.example")
	w.put("dsmtp:three.example", "ann@three.example")
	if err := w.fetch([]string{"client.example", "two.example"}, ""); err != nil {
		t.Fatal(err)
	}
	if want := []string{"ann@three.example"}; !slices.Equal(w.open(), want) {
		t.Errorf("these wait: %q, want %q", w.open(), want)
	}
}

// What the peer refuses is refused as by any server: its sender hears of it.
func TestWhatThePeerRefusesIsReturned(t *testing.T) {
	w := newWorld(t)
	w.put("dsmtp:client.example", "nobody@client.example")
	if err := w.fetch([]string{"client.example"}, ""); err != nil {
		t.Fatal(err)
	}
	if want := []string{"me@example.org"}; !slices.Equal(w.open(), want) {
		t.Errorf("these wait: %q, want %q", w.open(), want)
	}
}

// The replies of RFC 2645 section 5.2.
func TestWhoMayFetchWhat(t *testing.T) {
	for _, c := range []struct {
		reason, domains string
		allowed         []string
		want            int
	}{
		{"nothing waits", "empty.example", []string{"empty.example"}, 453},
		{"somebody else's", "client.example", []string{"empty.example"}, 450},
		{"one of two is somebody else's", "client.example,other.example", []string{"client.example"}, 450},
		{"what is below a domain is not it", "sub.client.example", []string{"client.example"}, 450},
		{"nobody's", "", nil, 450},
		{"no domain", "client..example", []string{"client.example"}, 501},
		{"a mailbox", "ann@client.example", []string{"client.example"}, 501},
		{"their own, in any case", "Client.Example", []string{"client.example"}, 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			w := newWorld(t)
			w.put("dsmtp:client.example", "ann@client.example")
			run, err := w.desk.Ask("ann", c.allowed, c.domains)
			refused, _ := errors.AsType[*smtp.SMTPError](err)
			if (refused == nil) != (c.want == 0) || refused != nil && refused.Code != c.want {
				t.Fatalf("%v, want %d", err, c.want)
			}
			if run != nil {
				run(t.Context(), nil)
			}
		})
	}
}

func TestADomainIsFetchedByOneAtATime(t *testing.T) {
	w := newWorld(t)
	w.put("dsmtp:client.example", "ann@client.example")
	w.put("dsmtp:two.example", "ann@two.example")
	both := []string{"client.example", "two.example"}
	first, err := w.desk.Ask("ann", both, "client.example")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Ask("bob", both, ""); codeOf(err) != 451 {
		t.Errorf("it is fetched twice: %v", err)
	}
	other, err := w.desk.Ask("bob", both, "two.example")
	if err != nil {
		t.Errorf("another domain is not fetched beside it: %v", err)
	} else {
		other(t.Context(), nil)
	}
	first(t.Context(), nil) // its client has gone
	if err := w.fetch(both, ""); err != nil {
		t.Errorf("it stays taken: %v", err)
	}
}

func codeOf(err error) int {
	if refused, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return refused.Code
	}
	return 0
}

func TestATurnIsReleasedWhenThePeerSaysNothing(t *testing.T) {
	for _, c := range []struct {
		reason string
		peer   func(conn net.Conn, r *bufio.Reader)
		most   time.Duration
	}{
		{"it says nothing at all", func(net.Conn, *bufio.Reader) {}, 6 * time.Minute},
		{"it leaves", func(c net.Conn, _ *bufio.Reader) { _ = c.Close() }, time.Second},
		{"it falls silent after its greeting", func(c net.Conn, r *bufio.Reader) {
			_, _ = io.WriteString(c, "220 laptop\r\n")
			_, _ = io.Copy(io.Discard, r)
		}, 6 * time.Minute},
		{"it leaves in the middle of a message", func(c net.Conn, r *bufio.Reader) {
			_, _ = io.WriteString(c, "220 laptop\r\n")
			for _, answer := range []string{"250 laptop", "250 OK"} {
				_, _ = r.ReadString('\n')
				_, _ = io.WriteString(c, answer+"\r\n")
			}
			_ = c.Close()
		}, 10 * time.Second},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.put("dsmtp:client.example", "ann@client.example")
				run, err := w.desk.Ask("ann", []string{"client.example"}, "")
				if err != nil {
					t.Fatal(err)
				}
				ours, theirs := net.Pipe()
				defer theirs.Close()
				go c.peer(theirs, bufio.NewReader(theirs))
				began := time.Now()
				run(t.Context(), ours)
				_ = ours.Close()
				if took := time.Since(began); took > c.most {
					t.Errorf("it took %v", took)
				}
				if len(w.open()) != 1 {
					t.Error("the message is gone")
				}
				again, err := w.desk.Ask("ann", []string{"client.example"}, "")
				if err != nil {
					t.Fatalf("the domain stays taken: %v", err)
				}
				again(context.Background(), nil)
			})
		})
	}
}

func TestBeforeTheQueueRunsNothingIsTurned(t *testing.T) {
	d := New(Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if _, err := d.Ask("ann", []string{"client.example"}, ""); codeOf(err) != 451 {
		t.Errorf("got %v", err)
	}
}

func FuzzDomains(f *testing.F) {
	for _, seed := range []string{"", "client.example", "a.example,b.example", "A.example, a.EXAMPLE", ",", "a,,b", "[192.0.2.1]", "x@y", "bücher.example", strings.Repeat("a,", 200), strings.Repeat("a", 300), "a\x00b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := Domains(text)
		if err != nil && all != nil || len(all) > mostDomains {
			t.Fatalf("%d domains, %v", len(all), err)
		}
		for i, domain := range all {
			if domain != strings.ToLower(domain) || domain == "" || strings.ContainsAny(domain, ",@[] \r\n") || slices.Contains(all[:i], domain) {
				t.Fatalf("%q comes to %q", text, all)
			}
		}
		if again, err := Domains(strings.Join(all, ",")); err != nil || !slices.Equal(again, all) {
			t.Fatalf("%q comes to %q, and that to %q, %v", text, all, again, err)
		}
	})
}
