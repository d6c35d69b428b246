//go:build linux

package turn

import (
	"context"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // RFC 2195
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
	"mailcrane/mta/smtpd"
)

// A counter is a server that has nothing but ATRN, for ann, who logs in by CRAM-MD5.
type counter struct{ desk *Desk }

func (c counter) Open(context.Context, *smtpd.Conn) (smtpd.Session, error) {
	return &guest{counter: c}, nil
}

type guest struct {
	smtpd.Session
	counter
}

func (*guest) Greeting() (string, time.Duration) { return "provider.example ESMTP", 0 }
func (*guest) Features() smtpd.Features          { return smtpd.Features{Auth: true, ATRN: true} }
func (*guest) Helo(string, bool) error           { return nil }
func (*guest) Reset()                            {}
func (*guest) Logout() error                     { return nil }
func (*guest) AuthMechanisms() []string          { return []string{"CRAM-MD5"} }
func (*guest) Auth(string) (sasl.Server, error)  { return &cram{}, nil }
func (g *guest) Turn(domains string) (func(context.Context, net.Conn), error) {
	return g.desk.Ask("ann", []string{"client.example"}, domains)
}

// A cram is the server's side of CRAM-MD5 (RFC 2195), which RFC 2645 asks for and
// fetchmail insists on.
type cram struct{ asked bool }

const cramChallenge = "<1896.697170952@provider.example>"

func (c *cram) Next(response []byte) ([]byte, bool, error) {
	if !c.asked {
		c.asked = true
		return []byte(cramChallenge), false, nil
	}
	sum := hmac.New(md5.New, []byte("secret"))
	sum.Write([]byte(cramChallenge))
	if string(response) != "ann "+hex.EncodeToString(sum.Sum(nil)) {
		return nil, false, errors.New("a wrong password")
	}
	return nil, true, nil
}

// fetchmail is the client of ODMR that Debian has: it fetches by ATRN, and hands on
// to a server of its own machine.
//
// Coverage: X7.
func TestFetchmailFetchesByATRN(t *testing.T) {
	fetchmail := lab.Client(t, "fetchmail")
	w := newWorld(t)
	provider, laptop := listener(t), listener(t)
	served := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer close(served)
		_ = smtpd.New(counter{w.desk}, smtpd.Options{Hostname: "provider.example"}).Serve(ctx, provider, &config.Listener{})
	}()
	defer func() { stop(); <-served }()
	local := smtp.NewServer(w)
	local.Domain, local.ErrorLog = "laptop.example", quiet{}
	go func() { _ = local.Serve(laptop) }()
	defer local.Close()

	home := t.TempDir()
	rc := filepath.Join(home, "fetchmailrc")
	settings := fmt.Sprintf("poll 127.0.0.1 protocol odmr service %d username ann password secret sslproto \"\" fetchdomains client.example smtphost 127.0.0.1/%d\n", port(provider), port(laptop))
	if err := os.WriteFile(rc, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	fetch := func(want string) {
		t.Helper()
		cmd := exec.CommandContext(ctx, fetchmail, "--nodetach", "--nosyslog", "-v", "-f", rc, "--idfile", filepath.Join(home, "ids"), "--pidfile", filepath.Join(home, "pid"))
		cmd.Env = []string{"HOME=" + home, "PATH=/usr/bin:/bin", "LC_ALL=C"}
		if said, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(said), want) {
			t.Errorf("%v, without %q:\n%s", err, want, said)
		}
	}
	fetch("You have no mail")
	w.put("dsmtp:client.example", "ann@client.example", "eve@other.example")
	w.put("esmtp:client.example", "joe@client.example")
	fetch("OK now reversing the connection")
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.got)
	if want := []string{"ann@client.example", "joe@client.example"}; !slices.Equal(w.got, want) {
		t.Errorf("the laptop has mail for %q, want %q", w.got, want)
	}
	if want := []string{"eve@other.example"}; !slices.Equal(w.open(), want) {
		t.Errorf("these wait: %q, want %q", w.open(), want)
	}
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
