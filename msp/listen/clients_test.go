package listen

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// program finds a real mail client or skips by its name.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

func TestPythonSmtplib(t *testing.T) {
	const script = `
import smtplib, sys
host, port = sys.argv[1].split(":")
s = smtplib.SMTP(host, int(port), timeout=20)
body = b"Subject: x\r\n\r\n.dot\r\n..two\r\n\xe5 8-bit\r\nno end"
refused = s.sendmail("me@example.org", ["you@example.org", "root"], body,
    mail_options=["BODY=8BITMIME", "RET=HDRS", "ENVID=q1"], rcpt_options=["NOTIFY=FAILURE"])
assert refused == {}, refused
s.sendmail("", ["gr\u00e5@example.org"], "Subject: y\r\n\r\n", mail_options=["SMTPUTF8"])
try:
    s.sendmail("me@example.org", ["a@b@c"], "x")
    sys.exit("a bad address was taken")
except smtplib.SMTPRecipientsRefused as e:
    assert e.recipients["a@b@c"][0] == 501, e
s.quit()
`
	var r recorder
	cmd := exec.CommandContext(t.Context(), program(t, "python3"), "-c", script, onLoopback(t, r.submit, Options{}))
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wantBodies(t, &r, "Subject: x\r\n\r\n.dot\r\n..two\r\n\xe5 8-bit\r\nno end\r\n", "Subject: y\r\n\r\n")
	first, second := r.all()[0].env, r.all()[1].env
	if first.Ret != "HDRS" || first.EnvID != "q1" || len(first.To) != 2 || first.To[1].Address != "root" || first.To[1].Notify != "FAILURE" {
		t.Errorf("%+v", first)
	}
	if second.From != "" || !second.UTF8 || second.To[0].Address != "grå@example.org" {
		t.Errorf("%+v", second)
	}
}

func TestSwaks(t *testing.T) {
	swaks := program(t, "swaks")
	var r recorder
	for _, where := range [][]string{{"--server", onLoopback(t, r.submit, Options{})}, {"--socket", onSocket(t, r.submit, Options{})}} {
		args := append(slices.Clone(where), "--from", "me@example.org", "--to", "you@example.org", "--body", ".\nhello", "--pipeline")
		if out, err := exec.CommandContext(t.Context(), swaks, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	got := r.all()
	if len(got) != 2 {
		t.Fatalf("%d messages", len(got))
	}
	for _, m := range got {
		if m.env.From != "me@example.org" || !strings.Contains(m.body, "\r\n\r\n.\r\nhello\r\n") {
			t.Errorf("%+v", m)
		}
	}
}

func TestCurl(t *testing.T) {
	curl := program(t, "curl")
	if out, err := exec.Command(curl, "--version").Output(); err != nil || !strings.Contains(string(out), " smtp") {
		t.Skip("this curl has no SMTP")
	}
	var r recorder
	cmd := exec.CommandContext(t.Context(), curl, "-sS", "smtp://"+onLoopback(t, r.submit, Options{})+"/me",
		"--mail-from", "me@example.org", "--mail-rcpt", "you@example.org", "--crlf", "-T", "-")
	cmd.Stdin = strings.NewReader("Subject: x\n\n.dot\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wantBodies(t, &r, "Subject: x\r\n\r\n.dot\r\n")
}

func TestABrowsersFormIsNotMail(t *testing.T) {
	curl := program(t, "curl")
	var r recorder
	address := onLoopback(t, r.submit, Options{})
	form := "\r\nEHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\nDATA\r\nx\r\n.\r\n"
	cmd := exec.CommandContext(t.Context(), curl, "-sS", "--http0.9", "--max-time", "10", "--data-binary", form, "http://"+address+"/")
	out, _ := cmd.Output() // the reply is no HTTP: curl may complain
	if diff := cmp.Diff([]string(nil), r.bodies()); diff != "" {
		t.Errorf("a web page sent mail (%q): %s", out, diff)
	}
}
