package lab

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// An Authority is a running pebble that belongs to one test, and gives
// certificates by ACME for every name, all of which are this machine's.
type Authority struct {
	// Directory is what an ACME client is pointed to, CAFile what its own server
	// is checked against.
	Directory, CAFile string
	// Roots is where the authority for the certificates is to be had, in PEM.
	Roots string

	client *http.Client
}

const pebbleSettings = `{"pebble": {
"listenAddress": %q, "managementListenAddress": %q, "certificate": %q, "privateKey": %q,
"httpPort": %d, "tlsPort": %d, "ocspResponderURL": "", "keyAlgorithm": "ecdsa",
"retryAfter": {"authz": 1, "order": 1},
"profiles": {"default": {"description": "the lab's", "validityPeriod": %d}}}}`

// StartAuthority starts one that asks for challenges at port on loopback, by
// HTTP and by TLS. Its certificates live that long.
func StartAuthority(t testing.TB, port int, life time.Duration) *Authority {
	t.Helper()
	pebble, certs := filepath.Join(Root(), "acme/pebble"), filepath.Join(Root(), "ca")
	if _, err := os.Stat(pebble); err != nil {
		Missing(t, "pebble", "internal/lab/lab.sh install acme")
	}
	address, management, resolver := free(t), free(t), everythingIsHere(t)
	dir := t.TempDir()
	settings := filepath.Join(dir, "pebble.json")
	text := fmt.Appendf(nil, pebbleSettings, address, management, filepath.Join(certs, "good.pem"), filepath.Join(certs, "good.key"), port, port, int(life.Seconds()))
	if err := os.WriteFile(settings, text, 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(pebble, "-config", settings, "-dnsserver", resolver)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=5")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		cmd.Wait()         //nolint:errcheck // its log is looked at
		log.Close()
		if said, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("pebble: %s", said[max(0, len(said)-8<<10):])
		}
	})
	for deadline := time.Now().Add(20 * time.Second); !answers(address) || !answers(management); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("pebble did not come up")
		}
	}
	a := &Authority{Directory: "https://" + address + "/dir", CAFile: filepath.Join(certs, "ca.pem")}
	a.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: 10 * time.Second} //nolint:gosec // a test's own process
	a.Roots = a.get(t, "https://"+management+"/roots/0")
	return a
}

func (a *Authority) get(t testing.TB, url string) string {
	t.Helper()
	r, err := a.client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// free is an address that nothing listens on.
func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// everythingIsHere is a name server for which each name is 127.0.0.1. It is asked
// by TCP, as pebble does.
func everythingIsHere(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		reply := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			reply.Answer = []dns.RR{&dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1),
			}}
		}
		w.WriteMsg(reply) //nolint:errcheck // who asked asks again
	})}
	go server.ActivateAndServe()            //nolint:errcheck // it ends by Shutdown
	t.Cleanup(func() { server.Shutdown() }) //nolint:errcheck // it may not have begun
	return l.Addr().String()
}
