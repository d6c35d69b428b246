package main

import (
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// What no encoding can carry comes back, with the reason in words and the
// header of what was sent; the recipient gets nothing.
func TestWhatCannotBeSentComesBack(t *testing.T) {
	signed := "MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=b; protocol=\"application/pgp-signature\"; micalg=pgp-sha256\n"
	for _, c := range smarthostCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, c, "")
			for i, m := range []struct{ name, text, says string }{
				{"long-id", "References: <" + strings.Repeat("x", 1500) + "@example.test>\n" + head + "\nx\n", "References"},
				{"signed", head + signed + "\n--b\nContent-Type: text/plain\n\n" + strings.Repeat("x", 2000) + "\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n", "signed"},
				{"long-boundary", head + "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b" + strings.Repeat(" ", 1200) + "\n\nx\n--b--\n", "boundary"},
				{"reject", head + "\nx\n", "no such user"},
			} {
				h.run(strings.NewReader(m.text), "sendmail", "-i", "-f", h.me, "-V", m.name, h.box.Address(m.name))
				said := h.run(nil, "mailcrane", "flush")
				if !strings.Contains(said, "1 failed and returned") {
					t.Errorf("%s: flush says %s", m.name, said)
				}
				var bounce lab.Mail
				for _, mail := range h.box.WaitN(h.me, i+1) {
					if mail.From == "" && strings.Contains(string(mail.Sent), "Original-Envelope-Id: "+m.name+"\n") {
						bounce = mail
					}
				}
				text := string(bounce.Sent)
				for _, want := range []string{
					m.says, "Auto-Submitted: auto-generated (failure)\n", "<" + h.box.Address(m.name) + ">\n    (reason: ",
					"Content-Type: message/delivery-status\n", "Message-ID: <nasty@example.test>\n",
				} {
					if !strings.Contains(text, want) {
						t.Errorf("%s: the bounce lacks %q:\n%.1500s", m.name, want, text)
					}
				}
				if got := h.box.Find(h.box.Address(m.name)); len(got) != 0 {
					t.Errorf("%s: it arrived all the same: %.200q", m.name, got[0].Sent)
				}
			}
			if left := h.run(nil, "mailcrane", "queue"); left != "the queue is empty\n" {
				t.Errorf("the queue holds %s", left)
			}
		})
	}
}

// A message over the server's SIZE, 64 MB, comes back without its body, which
// the server would not take in the bounce either.
func TestAMessageTooLargeComesBackAsAHeader(t *testing.T) {
	t.Parallel()
	h := newHome(t, smarthostCases()[0], "")
	to := h.box.Address("large")
	h.run(strings.NewReader(head+"\n"+lines(68_000_000)), "sendmail", "-i", "-f", h.me, to)
	if said := h.run(nil, "mailcrane", "flush"); !strings.Contains(said, "takes no more than 67108864") {
		t.Errorf("flush says %s", said)
	}
	bounce := h.box.Wait(h.me)
	if text := string(bounce.Sent); len(text) > 10_000 || !strings.Contains(text, "send a smaller one") || !strings.Contains(text, "Message-ID: <nasty@example.test>\n") {
		t.Errorf("the bounce is %d octets: %.1500s", len(text), text)
	}
	if left := h.run(nil, "mailcrane", "queue"); left != "the queue is empty\n" {
		t.Errorf("the queue holds %s", left)
	}
}
