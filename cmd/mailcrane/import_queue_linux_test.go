package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// A peer is another sendmail in a root of its own, with mail in its queue.
type peer struct {
	program, root string
	// submit is its command line; queues are the directories that it writes to.
	submit, queues []string
}

func peers() []peer {
	mail := []string{"/usr/sbin/sendmail", "-oi", "-f", "me@bench.test"}
	return []peer{
		{program: "nullmailer", root: "nullmailer", submit: mail, queues: []string{"/var/spool/nullmailer/queue"}},
		{program: "dma", root: "dma", submit: []string{"/usr/sbin/sendmail", "-i", "-f", "me@bench.test"}, queues: []string{"/var/spool/dma"}},
		{program: "exim", root: "exim", submit: append(mail[:len(mail):len(mail)], "-odq"), queues: []string{"/var/spool/exim4/input"}},
		{program: "sendmail", root: "sendmail", submit: append(mail[:len(mail):len(mail)], "-odq"), queues: []string{"/var/spool/mqueue-client"}},
		{program: "postfix", root: "postfix", submit: mail, queues: []string{"/var/spool/postfix/maildrop"}},
		{program: "msmtp", root: "msmtpq", submit: []string{"/usr/local/bin/msmtpq", "-oi", "-f", "me@bench.test"}, queues: []string{"/root/.msmtp.queue"}},
	}
}

// in runs a program in the peer's root.
func (p peer) in(t *testing.T, root, stdin string, words ...string) {
	t.Helper()
	cmd := exec.Command("chroot", append([]string{root}, words...)...)
	cmd.Env = []string{"HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "LOGNAME=root"}
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

// files are those of the peer's queues.
func (p peer) files(root string) map[string][]byte {
	found := make(map[string][]byte)
	for _, dir := range p.queues {
		filepath.Walk(filepath.Join(root, dir), func(path string, info os.FileInfo, err error) error {
			if err == nil && info.Mode().IsRegular() {
				found[path], _ = os.ReadFile(path)
			}
			return nil
		})
	}
	return found
}

// importing runs import as the person whose home is /root on that machine.
func (h *home) importing(args ...string) string {
	h.t.Helper()
	return h.run(nil, "/usr/bin/env", append([]string{"HOME=/root", filepath.Join(bin, "mailcrane")}, args...)...)
}

func TestMailInTheQueueOfARealProgramIsImportedAndDelivered(t *testing.T) {
	for _, p := range peers() {
		t.Run(p.program, func(t *testing.T) {
			root := filepath.Join(lab.Root(), "peer-"+p.root, "root")
			if _, err := os.Stat(filepath.Join(root, "etc")); err != nil || os.Getuid() != 0 {
				lab.Missing(t, p.program+" in a root of its own, and to be root", "sudo internal/lab/lab.sh install-peers")
			}
			h := newHome(t, smarthostCases()[0], "")
			before := p.files(root)
			body := "Hello.\n.\n..dots\nFrom here\n" + strings.Repeat("x", 900) + "\n" + lines(30_000)
			ann, bob := h.box.Address("ann"), h.box.Address("bob")
			message := fmt.Sprintf("From: Me <me@bench.test>\nTo: %s\nBcc: %s\nSubject: imported from %s\n\n%s", ann, bob, p.program, body)
			p.in(t, root, message, append(p.submit[:len(p.submit):len(p.submit)], ann, bob)...)
			made := p.files(root)
			t.Cleanup(func() {
				for path := range made {
					if _, old := before[path]; !old {
						os.Remove(path)
					}
				}
			})
			if len(made) == len(before) {
				t.Fatalf("%s queued nothing", p.program)
			}
			importing := []string{"import", "--from", p.program, "--root", root, "--queue-only", "--yes"}
			h.importing(append(importing, "--release")...)
			h.flush()
			for _, to := range []string{ann, bob} {
				mail := h.box.Wait(to)
				if got := mail.Body(); !bytes.Equal(got, []byte(body)) {
					t.Errorf("%s has %d octets of body, not the %d that were handed in: %.80q", to, len(got), len(body), got)
				}
				if mail.From != "me@bench.test" || mail.Header("Subject") != "imported from "+p.program || mail.Header("Bcc") != "" && p.program != "nullmailer" && p.program != "dma" {
					t.Errorf("%s got it from %q:\n%.600s", to, mail.From, mail.Sent)
				}
			}
			for path, octets := range p.files(root) {
				if old, there := made[path]; !there || !bytes.Equal(old, octets) {
					t.Errorf("the old queue is changed: %s", path)
				}
			}
			if said := h.importing(importing...); strings.Contains(said, "  held, ") || !strings.Contains(said, "taken before") {
				t.Errorf("a second import: %s", said)
			}
			if n := len(h.box.Find(ann)); n != 1 {
				t.Errorf("%d copies", n)
			}
		})
	}
}
