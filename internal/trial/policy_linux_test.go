package trial

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
)

// callers is a listener that remembers who has connected.
type callers struct {
	net.Listener
	mu   sync.Mutex
	from []string
}

func (l *callers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
		l.mu.Lock()
		l.from = append(l.from, host)
		l.mu.Unlock()
	}
	return c, err
}

func (l *callers) seen() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.from)
}

const (
	atWork       = "work@trial.example"
	onlyOverVPN  = "[policy.only-over-the-vpn]\naccount = [\"work\"]\nvpn = \"down\"\ndo = \"hold\"\n"
	cafeSMTPOpen = "[policy.elsewhere]\naccount = [\"trial\"]\naddress = [\"" + lab.LaptopIP + "\"]\nby = \"work\"\n"
)

// newOffice is a laptop away with a second account, work, whose server remembers
// its callers.
func newOffice(t *testing.T, rules string) (w *away, work *smarthost, calls *callers) {
	t.Helper()
	n := lab.Netns(t)
	own := unstarted(t)
	own.serve(n.Gateway.Listen(lab.SmarthostIP + ":465"))
	work = unstarted(t)
	work.user = atWork
	calls = &callers{Listener: n.Gateway.Listen(lab.SmarthostIP + ":2465")}
	work.serve(calls)
	h := newHome(t, "", own.password)
	h.write("work-password", work.password+"\n")
	account := strings.Replace(h.account("smtps://smarthost.test:2465", atWork, work.caFile), "file:~/password", "file:~/work-password", 1)
	h.configure(h.account("smtps://smarthost.test", own.user, own.caFile) + "[account.work]\nfrom = [\"" + atWork + "\"]\n" + account + rules)
	h.within = n.Laptop.Command
	return &away{n, t, own, h, h.agent()}, work, calls
}

func (h *home) mailFrom(from, id string) {
	h.t.Helper()
	if r := h.run(letter(id), "sendmail", "-oi", "-f", from, you); r.code != sysexits.OK {
		h.t.Fatalf("sendmail: exit code %d: %s", r.code, r.said())
	}
}

// The account work has a server that is reached by the cable as well as by the
// tunnel. Its mail takes the tunnel alone, and the other account's goes at once.
//
// Coverage: policy.
func TestOneAccountSendsOverTheVPNOnly(t *testing.T) {
	t.Parallel()
	w, work, calls := newOffice(t, onlyOverVPN)
	tunnel := w.Tunnel()
	w.home.mailFrom(atWork, "waits")
	w.home.mail("goes", you)
	w.server.wantArrival(t, "goes")
	if r := w.home.run("", "mailcrane", "status", "--why"); !strings.Contains(r.stdout, "the rule only-over-the-vpn keeps mail of account work back: no VPN is up") {
		t.Errorf("status --why says:\n%s", r.said())
	}
	tunnel.Up()
	work.wantArrival(t, "waits")

	// The tunnel goes in the middle of a message: what was begun may end by the
	// tunnel's return only, and what came behind it does not take the cable.
	reached, goOn := (&away{server: work}).pauses("BDAT")
	w.home.mailFrom(atWork, "large-broken")
	<-reached
	w.home.mailFrom(atWork, "behind")
	tunnel.Down()
	goOn()
	w.noticed("the policy says something else", 1)
	w.home.mail("goes-too", you)
	w.server.wantArrival(t, "goes-too")
	if r := w.home.run("", "mailcrane", "flush"); !strings.Contains(r.stdout, "only-over-the-vpn") {
		t.Errorf("flush says: %s", r.said())
	}
	if n := len(work.received()); n != 1 {
		t.Errorf("%d letters have come to work's server without the tunnel", n-1)
	}
	tunnel.Up()
	work.wantArrival(t, "large-broken")
	work.wantArrival(t, "behind")
	for _, from := range calls.seen() {
		if from != lab.TunnelLaptopIP {
			t.Errorf("work's server was called from %s; the agent said:\n%s", from, w.agent.said())
		}
	}
	for id, copies := range work.received() {
		if len(copies) != 1 {
			t.Errorf("%s came %d times", id, len(copies))
		}
	}
}

// On another network the mail of one account goes by another one: by its server
// and with its log-in. Back home it goes by its own.
//
// Coverage: by.
func TestAnotherAccountCarriesTheMailWhereARuleSaysSo(t *testing.T) {
	t.Parallel()
	w, work, _ := newOffice(t, cafeSMTPOpen)
	w.home.mail("carried", you)
	if got := work.wantArrival(t, "carried"); got.from != me {
		t.Errorf("it came from %s, want its own sender", got.from)
	}
	w.Roam()
	w.noticed("the policy says something else", 0)
	w.home.mail("own", you)
	w.server.wantArrival(t, "own")
	if n, m := len(work.received()), len(w.server.received()); n != 1 || m != 1 {
		t.Errorf("%d letters by the other account and %d by its own, want one each", n, m)
	}
	if r := w.home.run("", "mailcrane", "status", "--why"); !strings.Contains(r.stdout, "elsewhere does not match: this machine has the address "+lab.RoamedIP) {
		t.Errorf("status --why says:\n%s", r.said())
	}
}
