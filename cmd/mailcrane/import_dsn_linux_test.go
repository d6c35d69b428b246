package main

import (
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/installer/migrate"
	"mailcrane/internal/lab"
)

// A both is the two ends of a program's standard input and output.
type both struct {
	io.Reader
	io.WriteCloser
}

// dialogue has a program in a peer's root take a message by SMTP on its
// standard input and output.
func dialogue(t *testing.T, root string, lines []string, words ...string) {
	t.Helper()
	cmd := exec.Command("chroot", append([]string{root}, words...)...)
	cmd.Env = []string{"HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err, cmd.Start())
	p := textproto.NewConn(both{out, in})
	_, _, err = p.ReadResponse(220)
	must(t, err)
	for _, line := range lines {
		must(t, p.PrintfLine("%s", line))
		if code, answer, _ := p.ReadResponse(0); code < 200 || code >= 400 {
			t.Fatalf("%s: %d %s", line, code, answer)
		}
	}
	must(t, p.Close(), cmd.Wait())
}

func TestTheDSNWishesInTheQueueOfARealProgramAreKept(t *testing.T) {
	more := "dsn_advertise_hosts = *\nacl_smtp_rcpt = accept\nbegin routers"
	for program, words := range map[string][]string{
		"exim":     {"/usr/sbin/exim4", "-C", "/etc/exim4/wishes.conf", "-odq", "-bs"},
		"sendmail": {"/usr/sbin/sendmail", "-odq", "-bs"},
	} {
		t.Run(program, func(t *testing.T) {
			root := filepath.Join(lab.Root(), "peer-"+program, "root")
			if _, err := os.Stat(filepath.Join(root, "etc")); err != nil || os.Getuid() != 0 {
				lab.Missing(t, program+" in a root of its own, and to be root", "sudo internal/lab/lab.sh install-peers")
			}
			if program == "exim" {
				conf, err := os.ReadFile(filepath.Join(root, "etc/exim4/exim4.conf"))
				wishes := filepath.Join(root, "etc/exim4/wishes.conf")
				must(t, err, os.WriteFile(wishes, []byte(strings.Replace(string(conf), "begin routers", more, 1)), 0o644))
				t.Cleanup(func() { os.Remove(wishes) })
			}
			from := fmt.Sprintf("wishes-%d@bench.test", os.Getpid())
			dialogue(t, root, []string{
				"EHLO bench.test",
				"MAIL FROM:<" + from + "> RET=HDRS ENVID=env+2Bx",
				"RCPT TO:<ann+tag@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;old+2Btag@example.test",
				"RCPT TO:<bob@example.test> NOTIFY=NEVER",
				"RCPT TO:<carl@example.test>",
				"DATA",
				"Subject: wishes\r\n\r\nhello\r\n.",
				"QUIT",
			}, words...)
			found, err := migrate.Read(t.Context(), &migrate.Machine{Root: root}, migrate.Options{Programs: []string{program}, QueueOnly: true})
			must(t, err)
			for _, f := range found {
				for _, l := range f.Queue {
					if l.From != from {
						continue // another test's
					}
					t.Cleanup(func() { removeMatching(t, filepath.Join(root, l.File)) })
					got := fmt.Sprintf("%s %s %q %q", l.Ret, l.EnvID, l.To, l.Held)
					want := `HDRS env+2Bx [{"ann+tag@example.test" "SUCCESS,DELAY" "rfc822;old+2Btag@example.test"} {"bob@example.test" "NEVER" ""} {"carl@example.test" "" ""}] ""`
					if got != want {
						t.Errorf("got  %s\nwant %s", got, want)
					}
					return
				}
			}
			t.Errorf("the message is not found: %+v", found)
		})
	}
}

// removeMatching removes the files of one message: qfID and dfID, ID-H and ID-D.
func removeMatching(t *testing.T, control string) {
	t.Helper()
	id := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(control), "qf"), "-H")
	files, err := filepath.Glob(filepath.Join(filepath.Dir(control), "*"+id+"*"))
	must(t, err)
	for _, file := range files {
		must(t, os.Remove(file))
	}
}
