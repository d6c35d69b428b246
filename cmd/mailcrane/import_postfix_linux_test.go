package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailcrane/internal/lab"
)

// serving has serve answer connections to a port of its own.
func serving(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

// takesDone is a server that takes messages for done@ alone, and puts them into
// taken; all others are to be tried again later.
func takesDone(taken chan<- []byte) func(net.Conn) {
	return func(c net.Conn) {
		p := textproto.NewConn(c)
		p.PrintfLine("220 takes.done.test")
		for {
			line, err := p.ReadLine()
			if err != nil {
				return
			}
			answer := "250 2.0.0 ok"
			switch {
			case strings.HasPrefix(line, "EHLO"):
				answer = "250-takes.done.test\r\n250 8BITMIME"
			case strings.HasPrefix(line, "RCPT") && !strings.Contains(line, "<done@"):
				answer = "451 4.3.0 later"
			case line == "DATA":
				p.PrintfLine("354 go on")
				text, err := p.ReadDotBytes()
				if err != nil {
					return
				}
				taken <- text
			}
			p.PrintfLine("%s", answer)
		}
	}
}

// changes is a milter (Postfix, MILTER_README) that makes the subject longer
// and adds a field and a recipient, so that Postfix leaves pointers in its
// queue file; with body, it puts another one in its place.
func changes(recipient, body string) func(net.Conn) {
	return func(c net.Conn) {
		say := func(kind byte, text string) {
			c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(1+len(text))), append([]byte{kind}, text...)...))
		}
		for in := bufio.NewReader(c); ; {
			var size [4]byte
			if _, err := io.ReadFull(in, size[:]); err != nil {
				return
			}
			command := make([]byte, binary.BigEndian.Uint32(size[:]))
			if _, err := io.ReadFull(in, command); err != nil {
				return
			}
			switch command[0] {
			case 'O':
				say('O', "\x00\x00\x00\x06\x00\x00\x00\x1f\x00\x00\x00\x00")
			case 'D', 'A', 'Q', 'K': // get no answer
			case 'E':
				say('m', "\x00\x00\x00\x01Subject\x00changed "+strings.Repeat("and made longer ", 20)+"\x00")
				say('h', "X-Milter\x00was here\x00")
				say('+', "<"+recipient+">\x00")
				if body != "" {
					say('b', strings.ReplaceAll(body, "\n", "\r\n"))
				}
				say('a', "")
			default:
				say('c', "")
			}
		}
	}
}

// A deferring is a Postfix of its own in the peer's root, whose mail goes to
// relay and by milter.
type deferring struct {
	t                 *testing.T
	root, conf, spool string
}

func newDeferring(t *testing.T, relay, milter string) *deferring {
	t.Helper()
	root := filepath.Join(lab.Root(), "peer-postfix", "root")
	if _, err := os.Stat(filepath.Join(root, "etc")); err != nil || os.Getuid() != 0 {
		lab.Missing(t, "Postfix in a root of its own, and to be root", "sudo internal/lab/lab.sh install-peers")
	}
	name := fmt.Sprintf("postfix-%d", os.Getpid())
	d := &deferring{t: t, root: root, conf: "/etc/" + name, spool: "/var/spool/" + name}
	state := "/var/lib/" + name
	t.Cleanup(func() {
		for _, dir := range []string{d.conf, d.spool, state} {
			os.RemoveAll(root + dir)
		}
	})
	must(t, os.Mkdir(root+d.conf, 0o755), os.Mkdir(root+d.spool, 0o755), os.Mkdir(root+state, 0o755))
	d.run("", "chown", "postfix", state)
	host, port, err := net.SplitHostPort(relay)
	must(t, err)
	files := map[string]string{
		"main.cf": fmt.Sprintf("compatibility_level = 3.6\nmyhostname = bench.test\nqueue_directory = %s\ndata_directory = %s\nmydestination =\n"+
			"relayhost = [%s]:%s\nsmtp_tls_security_level = none\nsmtp_line_length_limit = 0\nnon_smtpd_milters = inet:%s\n", d.spool, state, host, port, milter),
		"master.cf": "pickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\nrewrite unix - - n - - trivial-rewrite\n" +
			"bounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\nsmtp unix - - n - - smtp\nerror unix - - n - - error\nretry unix - - n - - error\n",
	}
	for name, text := range files {
		must(t, os.WriteFile(filepath.Join(root+d.conf, name), []byte(text), 0o644))
	}
	for _, name := range []string{"postfix-files", "dynamicmaps.cf"} {
		text, err := os.ReadFile(filepath.Join(root, "etc/postfix", name))
		must(t, err, os.WriteFile(filepath.Join(root+d.conf, name), text, 0o644))
	}
	// Its processes end with the first of their namespace, which is killed itself:
	// what changes its user, as this does, is not told of its parent's end.
	master := exec.Command("sh", "-c",
		`mount --make-rprivate / && mount -t proc proc "$1/proc" && chroot "$1" postfix -c "$2" check && exec chroot "$1" /usr/lib/postfix/sbin/master -c "$2" -d`, "sh", root, d.conf)
	master.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	must(t, master.Start())
	t.Cleanup(func() {
		master.Process.Kill()
		master.Wait()
	})
	waitUntil(t, "Postfix", func() bool {
		_, err := os.Stat(root + d.spool + "/public/pickup")
		return err == nil
	})
	return d
}

func (d *deferring) run(stdin, name string, args ...string) {
	d.t.Helper()
	cmd := exec.Command("chroot", append([]string{d.root, name}, args...)...)
	cmd.Env, cmd.Stdin = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

// waiting are the messages that some have got, and others not yet.
func (d *deferring) waiting() []string {
	files, _ := filepath.Glob(d.root + d.spool + "/deferred/?/*")
	return files
}

// What Postfix itself has sent to the one who got it is what the others get.
// Lines that no server must take are sent in another form; they are compared in
// the spool.
func TestMailThatRealPostfixHasSentToSomeGoesToTheOthers(t *testing.T) {
	for name, replaced := range map[string]string{"fields and a recipient changed by a milter": "", "the body too": "another body\n.\nwith \xff and its own lines\n" + lines(2000)} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t, smarthostCases()[0], "")
			ann, bob, carl := h.box.Address("ann"), h.box.Address("bob"), h.box.Address("carl")
			taken := make(chan []byte, 1)
			d := newDeferring(t, serving(t, takesDone(taken)), serving(t, changes(carl, replaced)))
			message := fmt.Sprintf("From: Me <me@bench.test>\nTo: %s, done@example.test\nSubject: deferred\nMIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n8-bit: gr\xfc\xdfe\n.\n..\n%s\n%s", ann, strings.Repeat("long ", 1800), lines(3000))
			d.run(message, "/usr/sbin/sendmail", "-C", d.conf, "-oi", "-f", "me@bench.test", "-N", "delay,failure", "-R", "hdrs", "-V", "env+2Bx", ann, "done@example.test", bob)
			sent := <-taken
			waitUntil(t, "the deferred message", func() bool { return len(d.waiting()) == 1 })

			old := t.TempDir()
			must(t, os.MkdirAll(filepath.Join(old, "var/spool"), 0o700))
			if out, err := exec.Command("cp", "-a", d.root+d.spool, filepath.Join(old, "var/spool/postfix")).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if text, err := os.ReadFile(d.waiting()[0]); err != nil || bytes.Count(text, []byte("p\x0f")) < 4 {
				t.Fatalf("no pointers in the queue file (%v)", err)
			}
			said := h.importing("import", "--from", "postfix", "--root", old, "--queue-only", "--yes", "--release")
			if !strings.Contains(said, "  queued, from /var/spool/postfix/deferred/") {
				t.Fatal(said)
			}
			if list := h.run(nil, "mailcrane", "queue", "list", "--json"); strings.Contains(list, "done@") || !strings.Contains(list, carl) {
				t.Error(list)
			}
			spooled, _ := filepath.Glob(filepath.Join(h.dir, "spool/queue/*"))
			if len(spooled) != 1 {
				t.Fatalf("%q", spooled)
			}
			if text, err := os.ReadFile(spooled[0]); err != nil || !bytes.HasSuffix(text, sent) {
				t.Errorf("what Postfix itself sent is not what was imported (%v):\n%.900q\n%.900q", err, text, sent)
			}
			h.flush()
			for _, to := range []string{ann, bob, carl} {
				mail := h.box.Wait(to)
				if long := replaced == ""; !long && !bytes.Equal(mail.Sent, sent) {
					t.Errorf("%s got %d octets, and Postfix itself sent %d: %s", to, len(mail.Sent), len(sent), firstDifference(mail.Sent, sent))
				}
			}
		})
	}
}
