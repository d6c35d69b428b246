package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// A client is a program that sends mail, called as its users call it.
type client struct {
	name string
	// send has the program send body to to.
	send func(t *testing.T, h *home, to, body string)
	// from is the reverse-path it gives; "" for the person's own address.
	from func(h *home) string
	// body takes away what the program itself put around the body, or is nil.
	body func(got string) string
	// atOnce: it asks for delivery by the shim itself (-odi), which leaves
	// nothing to flush.
	atOnce bool
}

// letter is what the clients send: with a lone dot, a line that looks like an
// mbox separator, and letters beyond ASCII.
const letter = "Grüße vom Zug.\n.\n..\nFrom here on there is no network.\n\nEnd.\n"

func clients() []client {
	detail := func(h *home) string { return strings.Replace(h.me, "me+", "me+git.", 1) }
	return []client{
		{name: "git send-email", send: gitSendEmail, from: detail, body: afterPatchHead},
		{name: "mutt", send: func(t *testing.T, h *home, to, body string) {
			h.run(strings.NewReader(body), lab.Client(t, "mutt"), "-F", h.write("muttrc",
				"set sendmail=\""+bin+"/sendmail -oem -oi\" use_envelope_from envelope_from_address="+h.me+" from="+h.me+" copy=no allow_8bit charset=utf-8 send_charset=utf-8\n"),
				"-s", "Grüße", "--", to)
		}},
		{name: "s-nail", send: func(t *testing.T, h *home, to, body string) {
			h.run(strings.NewReader(body), lab.Client(t, "s-nail"), "-:/", "-S", "mta=file://"+bin+"/sendmail", "-S", "v15-compat", "-S", "sendwait",
				"-S", "ttycharset=utf-8", "-S", "mime-encoding=8bit", "-S", "from="+h.me, "-r", h.me, "-s", "Grüße", to)
		}},
		{name: "bsd-mailx", send: func(t *testing.T, h *home, to, body string) {
			mailx := lab.Client(t, "bsd-mailx")
			h.write(".mailrc", "set sendmail="+bin+"/send-mail\nset dot=0\nunset dot\n")
			cmd := []string{"-n", "-s", "x", to}
			h.run(strings.NewReader(body), mailx, cmd...)
		}},
		{name: "cron's command line", send: func(_ *testing.T, h *home, to, body string) {
			text := "From: root (Cron Daemon)\nTo: " + to + "\nSubject: Cron <root@host> x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n" +
				"Content-Transfer-Encoding: 8bit\nX-Cron-Env: <SHELL=/bin/sh>\n\n" + body
			h.run(strings.NewReader(text), "sendmail", "-FCronDaemon", "-i", "-B8BITMIME", "-oem", to)
		}},
		{name: "PHP mail()", send: func(t *testing.T, h *home, to, body string) {
			h.run(nil, lab.Client(t, "php"), "-n", "-d", "sendmail_path="+bin+"/sendmail -t -i", "-r",
				`exit(mail($argv[1], "PHP", file_get_contents($argv[2]), "From: ".$argv[3]."\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit", "-f".$argv[3]) ? 0 : 1);`,
				"--", to, h.write("letter", body), h.me)
		}, body: lineMore},
		{name: "Emacs message.el", send: emacs("(setq send-mail-function 'sendmail-send-it message-send-mail-function 'message-send-mail-with-sendmail mm-body-charset-encoding-alist '((utf-8 . 8bit)))", "message-mode", "message-send")},
		{name: "Emacs sendmail.el", send: emacs("(setq send-mail-function 'sendmail-send-it mail-specify-envelope-from t mail-envelope-from 'header)", "mail-mode", "mail-send"), atOnce: true},
		{name: "swaks by pipe", send: func(t *testing.T, h *home, to, body string) {
			h.run(nil, lab.Client(t, "swaks"), "--pipe", bin+"/sendmail -bs", "--from", h.me, "--to", to, "--data", "@"+h.write("letter", "From: "+h.me+"\nTo: "+to+"\n\n"+body), "-nth")
		}, body: lineMore},
	}
}

// lineMore is for PHP, which ends the message with a line end of its own, as
// swaks does.
func lineMore(got string) string { return strings.TrimSuffix(got, "\n") }

// Coverage: A12.
func TestClientsThroughTheShim(t *testing.T) {
	for _, server := range smarthostCases() {
		if server.url(lab.Smarthost{}) != (lab.Smarthost{}).ImplicitURL() {
			continue
		}
		for _, c := range clients() {
			t.Run(c.name+", "+server.name, func(t *testing.T) {
				t.Parallel()
				h := newHome(t, server, "")
				to := h.box.Address("to")
				c.send(t, h, to, letter)
				if !c.atOnce {
					h.flush()
				} else if said := h.run(nil, "mailcrane", "flush"); said != "nothing to send\n" {
					t.Errorf("it was to go at once, but flush says: %s", said)
				}
				c.check(t, h, to)
			})
		}
	}
}

// check looks at what has arrived for to.
func (c client) check(t *testing.T, h *home, to string) {
	t.Helper()
	got := h.box.Wait(to)
	from := h.me
	if c.from != nil {
		from = c.from(h)
	}
	if got.From != from {
		t.Errorf("the reverse-path is <%s>, want <%s>", got.From, from)
	}
	body := string(got.Body())
	if c.body != nil {
		body = c.body(body)
	}
	if body != letter {
		t.Errorf("arrived %q\nsent    %q", body, letter)
	}
	if !strings.HasPrefix(string(got.Sent), "Received: by localhost.localdomain (mailcrane)") {
		t.Errorf("it came another way: %.300q", got.Sent)
	}
	if all := h.box.Find(to); len(all) != 1 {
		t.Errorf("%d copies arrived", len(all))
	}
}

// gitSendEmail sends a commit whose message is the body.
func gitSendEmail(t *testing.T, h *home, to, body string) {
	git := lab.Client(t, "git")
	lab.Client(t, "git-send-email")
	sender := strings.Replace(h.me, "me+", "me+git.", 1)
	h.write(".gitconfig", "[user]\nname = Me\nemail = "+sender+"\n[init]\ndefaultBranch = main\n")
	h.write("work/a", body)
	work := filepath.Join(h.dir, "work")
	h.run(nil, git, "-C", work, "init", "-q")
	h.run(nil, git, "-C", work, "add", "a")
	h.run(nil, git, "-C", work, "commit", "-q", "-m", "Grüße\n\n"+body)
	h.run(nil, git, "-C", work, "send-email", "--smtp-server="+bin+"/sendmail", "--confirm=never", "--quiet",
		"--envelope-sender="+sender, "--suppress-cc=all", "--to="+to, "-1", "--transfer-encoding=8bit")
}

// afterPatchHead is the commit's message in a patch.
func afterPatchHead(patch string) string {
	body, _, _ := strings.Cut(patch, "---\n")
	return body
}

// emacs has Emacs send a message in a mode of its own.
func emacs(setup, mode, send string) func(*testing.T, *home, string, string) {
	return func(t *testing.T, h *home, to, body string) {
		h.run(nil, lab.Client(t, "emacs"), "--batch", "-Q", "--eval", `(progn
			(require 'sendmail) (require 'message)
			(set-language-environment "UTF-8")
			(setq sendmail-program "`+bin+`/sendmail" user-mail-address "`+h.me+`" user-full-name "Me"
				mail-interactive t message-interactive t message-kill-buffer-on-exit t
				message-default-charset 'utf-8 sendmail-coding-system 'utf-8 message-confirm-send nil)
			`+setup+`
			(with-temp-buffer
				(insert "To: `+to+`\nFrom: `+h.me+`\nSubject: Emacs\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n" mail-header-separator "\n")
				(insert-file-contents "`+h.write("letter", body)+`")
				(goto-char (point-max))
				(`+mode+`)
				(let ((inhibit-message nil)) (`+send+`))))`)
	}
}

// Programs that speak SMTP, to a running agent: what they hand in goes at
// once, with nobody typing anything.
//
// Coverage: A14.
func TestClientsThroughTheAgent(t *testing.T) {
	swaks := func(t *testing.T, h *home, how []string, to, body string) {
		args := append([]string{"--from", h.me, "--to", to, "--data", "@" + h.write("letter-"+to, "From: "+h.me+"\nTo: "+to+"\n\n"+body), "-nth"}, how...)
		h.run(nil, lab.Client(t, "swaks"), args...)
	}
	python := func(t *testing.T, h *home, how []string, to, body string) {
		h.run(strings.NewReader("From: "+h.me+"\nTo: "+to+"\n\n"+body), lab.Client(t, "python3"), append([]string{"-c", smtplib, h.me, to}, how...)...)
	}
	for _, server := range smarthostCases() {
		if server.url(lab.Smarthost{}) != (lab.Smarthost{}).ImplicitURL() {
			continue
		}
		t.Run(server.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, server, "[listen]\nmsp = [\"127.0.0.1:0\", \"unix:~/s\"]\n")
			agent, err := startAgent(h.env())
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := agent.stop(); err != nil || t.Failed() {
					t.Errorf("the agent ended with %v and said:\n%s", err, agent.said())
				}
			}()
			host, port, err := net.SplitHostPort(agent.addresses[0])
			if err != nil {
				t.Fatal(err)
			}
			socket := filepath.Join(h.dir, "s")
			for name, send := range map[string]func(to string){
				"python-tcp":  func(to string) { python(t, h, []string{host, port}, to, letter) },
				"python-unix": func(to string) { python(t, h, []string{socket}, to, letter) },
				"swaks-tcp":   func(to string) { swaks(t, h, []string{"--server", host, "--port", port}, to, letter) },
				"swaks-unix":  func(to string) { swaks(t, h, []string{"--socket", socket}, to, letter) },
				"shim":        func(to string) { h.run(strings.NewReader("\n"+letter), "sendmail", "-i", "-f", h.me, to) },
			} {
				to := h.box.Address(name)
				send(to)
				c := client{name: name}
				if strings.HasPrefix(name, "swaks") {
					c.body = lineMore
				}
				c.check(t, h, to)
			}
		})
	}
}

// smtplib is a program for Python that sends what it reads.
const smtplib = `
import smtplib, socket, sys
class Local(smtplib.SMTP):
    def _get_socket(self, host, port, timeout):
        s = socket.socket(socket.AF_UNIX)
        s.connect(sys.argv[3])
        return s
s = smtplib.SMTP(sys.argv[3], int(sys.argv[4])) if len(sys.argv) > 4 else Local('local', 25)
s.sendmail(sys.argv[1], [sys.argv[2]], sys.stdin.buffer.read().replace(b'\n', b'\r\n'), ['BODY=8BITMIME'])
s.quit()
`
