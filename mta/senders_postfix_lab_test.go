//go:build linux

package mta

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mailcrane/internal/lab"
	"mailcrane/queue"
)

// A real Postfix relays through us over TLS, with certificate and name verified, and
// what it asks for in reports (RFC 3461) is kept with the message.
//
// Coverage: A33.
func TestARealPostfixSendsThroughTheServerAndAsksForReports(t *testing.T) {
	for _, test := range []struct{ reason, listener, wrapper string }{
		{"STARTTLS", "", "no"},
		{"TLS at once", "tls = \"implicit\"\n", "yes"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			text := users(t)
			r := run(t, text, "auth = \"required\"\n"+test.listener)
			p := startPostfix(t, r.address, authorityOf(t, text), test.wrapper)
			bodies := make(map[string]string)
			for i, odd := range oddBodies {
				subject := fmt.Sprintf("message %d, %s", i, odd.reason)
				bodies[subject] = odd.body
				message := "Subject: " + subject + "\r\nFrom: me@example.net\r\n\r\n" + odd.body
				p.call(strings.ReplaceAll(message, "\r\n", "\n"), "sendmail", "-C", p.inside, "-oi", "-f", "me@example.net",
					"-N", "success,failure", "-R", "hdrs", "-V", "trial+"+fmt.Sprint(i), "you+list@example.org")
			}
			p.until("all is kept", func() bool { entries, _ := r.kept(); return len(entries) >= len(oddBodies) })
			p.stop() // so that nothing comes twice unseen
			entries, texts := r.kept()
			for i := range entries {
				_, header, _ := strings.Cut(texts[i], "\r\nSubject: ")
				subject, _, _ := strings.Cut(header, "\r\n")
				want, sent := bodies[subject]
				if !sent {
					t.Errorf("%q is kept twice, or nobody has sent it", subject)
					continue
				}
				delete(bodies, subject)
				if got := bodyOf(t, texts[i]); got != want {
					t.Errorf("the body of %q is %q, want %q", subject, got, want)
				}
				if !strings.Contains(texts[i], " with ESMTPSA id ") {
					t.Errorf("it does not tell of TLS and the log-in:\n%s", texts[i])
				}
				wantReports(t, entries[i].Envelope, subject)
			}
			if len(bodies) > 0 {
				t.Errorf("lost are %q", bodies)
			}
		})
	}
}

// wantReports wants the envelope of the message of that subject to be as its sender
// has asked, in the xtext (RFC 3461 section 4) that Postfix has made of it.
func wantReports(t *testing.T, e *queue.Envelope, subject string) {
	t.Helper()
	var number int
	if _, err := fmt.Sscanf(subject, "message %d,", &number); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("trial+2B%d", number); e.From != "me@example.net" || e.Ret != "HDRS" || e.EnvID != want {
		t.Errorf("%q is from <%s> with RET=%s ENVID=%s, want <me@example.net>, HDRS, %s", subject, e.From, e.Ret, e.EnvID, want)
	}
	if len(e.To) != 1 {
		t.Fatalf("%q is for %+v", subject, e.To)
	}
	to := e.To[0]
	if to.Address != "you+list@example.org" || to.Notify != "SUCCESS,FAILURE" || to.ORcpt != "rfc822;you+2Blist@example.org" {
		t.Errorf("%q is for <%s> with NOTIFY=%s ORCPT=%s", subject, to.Address, to.Notify, to.ORcpt)
	}
}

// A sendingPostfix is one whose configuration, queue and processes are the test's own.
type sendingPostfix struct {
	t                 *testing.T
	root, dir, inside string // inside is dir as it stands in the root
	stop              func()
}

// startPostfix has the lab's Postfix run, with a server of ours as its relayhost.
func startPostfix(t *testing.T, address, authority, wrapper string) *sendingPostfix {
	t.Helper()
	if os.Getuid() != 0 {
		lab.Missing(t, "root, for Postfix in its own root", "sudo go test ./mta")
	}
	root := filepath.Join(lab.Root(), "peer-postfix/root")
	if _, err := os.Stat(filepath.Join(lab.Root(), "peer-postfix/peer.json")); err != nil {
		lab.Missing(t, "Postfix", "internal/lab/lab.sh install-peers")
	}
	dir, err := os.MkdirTemp(filepath.Join(root, "var/spool"), "mailcrane-trial-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &sendingPostfix{t: t, root: root, dir: dir, inside: strings.TrimPrefix(dir, root)}
	_, port, _ := net.SplitHostPort(address)
	p.write("main.cf", 0o644, fmt.Sprintf(postfixSettings, p.inside, port, wrapper))
	p.write("master.cf", 0o644, postfixServices)
	p.write("ca.pem", 0o644, authority)
	p.write("secret", 0o600, "[localhost]:"+port+" fred:secret\n")
	for _, place := range []string{"", "queue", "data"} {
		path := filepath.Join(dir, place)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o755); err != nil { //nolint:gosec // Postfix reads it as its own user
			t.Fatal(err)
		}
	}
	p.call("", "chown", "postfix", p.inside+"/data")
	p.serve()
	return p
}

// serve starts it below a shell that is the first process of a namespace: the shell
// ends when this test does, however that ends, and all the rest with the shell.
func (p *sendingPostfix) serve() {
	p.t.Helper()
	c := exec.CommandContext(p.t.Context(), "sh", "-c", `chroot "$0" postfix -c "$1" start-fg & read -r _`, p.root, p.inside)
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	child := lab.Start(p.t, c)
	p.stop = sync.OnceFunc(func() {
		said, _ := child.End() // it is the end of its input that it ends by
		if p.t.Failed() {
			p.t.Logf("Postfix says: %s%s", said, p.log())
		}
	})
	p.t.Cleanup(p.stop)
	p.until("Postfix runs", func() bool { return strings.Contains(p.log(), "daemon started") })
}

func (p *sendingPostfix) write(name string, mode os.FileMode, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), mode); err != nil {
		p.t.Fatal(err)
	}
}

// call runs a command in the root.
func (p *sendingPostfix) call(stdin string, args ...string) {
	p.t.Helper()
	mustRun(p.t, stdin, nil, "chroot", append([]string{p.root}, args...)...)
}

func (p *sendingPostfix) log() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "log")) // none is there before it says something
	return string(text)
}

// until waits: nothing tells when another program is so far.
func (p *sendingPostfix) until(what string, there func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !there(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("half a minute, and it is not so that %s", what)
		}
	}
}

// postfixSettings want its directory, the port, and whether TLS comes first.
const postfixSettings = `compatibility_level = 3.6
myhostname = sender.test
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/log
alias_maps =
alias_database =
relayhost = [localhost]:%[2]s
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtp_tls_security_level = secure
smtp_tls_wrappermode = %[3]s
smtp_tls_CAfile = %[1]s/ca.pem
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:%[1]s/secret
smtp_sasl_tls_security_options = noanonymous
smtp_sasl_mechanism_filter = plain
`

// postfixServices are what a Postfix needs that only sends; none listens on a network.
const postfixServices = `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`
