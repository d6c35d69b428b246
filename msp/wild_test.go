package msp

import (
	"strings"
	"testing"
)

// The command lines that programs really use (their sources and manuals).
//
// Coverage: X1.
func TestInvocationsSeenInTheWildAreUnderstood(t *testing.T) {
	const message = "From: me@example.org\nTo: a@x.org, joe\nBcc: b@x.org\nSubject: hi\n\n.\nbody\n"
	const inHeader = "a@x.org me@example.org b@x.org"
	for _, c := range []struct{ program, line, from, to string }{
		{"git send-email", "sendmail -f env@example.org -i a@x.org b@x.org", "env@example.org", "a@x.org b@x.org"},
		{"git send-email without a sender", "sendmail -i a@x.org", "me@example.org", "a@x.org"},
		{"mutt", "sendmail -oem -oi -f me@example.org -N failure -R hdrs -B8BITMIME -- a@x.org", "me@example.org", "a@x.org"},
		{"bsd-mailx", "send-mail -i -m a@x.org", "me@example.org", "a@x.org"},
		{"s-nail", "sendmail -i -m -f me@example.org -F Me -- a@x.org b@x.org", "me@example.org", "a@x.org b@x.org"},
		{"GNU mailutils", "sendmail -oi -f me@example.org -t", "me@example.org", inHeader},
		{"cron of Debian", "sendmail -FCronDaemon -i -B8BITMIME -oem joe", "me@example.org", "me@example.org"},
		{"cron, older", "sendmail -FCronDaemon -odi -oem -oi -t", "me@example.org", inHeader},
		{"busybox crond", "sendmail -t -oem -i", "me@example.org", inHeader},
		{"systemd-cron", "sendmail -i -B8BITMIME root", "me@example.org", "me@example.org"},
		{"anacron", "sendmail -FAnacron -odi joe", "me@example.org", "me@example.org"},
		{"atd", "sendmail -i joe", "me@example.org", "me@example.org"},
		{"PHP mail", "sendmail -t -i", "me@example.org", inHeader},
		{"PHP mail with a fifth argument", "sendmail -t -i -fweb@example.org", "web@example.org", inHeader},
		{"PHPMailer", "sendmail -oi -fweb@example.org -t", "web@example.org", inHeader},
		{"Perl MIME::Lite", "sendmail -t -oi -oem -fweb@example.org", "web@example.org", inHeader},
		{"Perl Email::Sender", "sendmail -i -f me@example.org -- a@x.org", "me@example.org", "a@x.org"},
		{"Ruby mail", "sendmail -i -f me@example.org -- a@x.org b@x.org", "me@example.org", "a@x.org b@x.org"},
		{"nodemailer", "sendmail -i -f me@example.org a@x.org", "me@example.org", "a@x.org"},
		{"Emacs sendmail.el", "sendmail -oi -f me@example.org -oA/etc/aliases -oem -odb -t -N delay,failure", "me@example.org", inHeader},
		{"Emacs sendmail.el, interactive", "sendmail -oi -oep -odi -t", "me@example.org", inHeader},
		{"Emacs message.el", "sendmail -oi -f me@example.org -t", "me@example.org", inHeader},
		{"nmh", "sendmail -m -t -i", "me@example.org", inHeader},
		{"alpine with sendmail-path", "sendmail -odb -oem -t -oi", "me@example.org", inHeader},
		{"claws", "sendmail -t -i", "me@example.org", inHeader},
		{"unattended-upgrades", "sendmail -oi -t", "me@example.org", inHeader},
		{"Python", "sendmail -t -oi", "me@example.org", inHeader},
		{"dma's flags", "sendmail -oi -L tag -r me@example.org a@x.org", "me@example.org", "a@x.org"},
	} {
		t.Run(c.program, func(t *testing.T) {
			s := newStation(t, oneAccount)
			words := strings.Fields(c.line)
			code := s.sendmail(message, words[1:]...)
			if code != 0 || s.spool.puts != 1 {
				t.Fatalf("exit %d, %d messages: %s", code, s.spool.puts, &s.err)
			}
			var to []string
			for _, r := range s.spool.envelope.To {
				to = append(to, r.Address)
			}
			if got := strings.Join(to, " "); got != c.to || s.spool.envelope.From != c.from {
				t.Errorf("from %q to %q, want %q, %q", s.spool.envelope.From, got, c.from, c.to)
			}
			if !strings.HasSuffix(s.spool.message, "\n\n.\nbody\n") && strings.Contains(c.line+" ", "i ") && c.program != "anacron" {
				t.Errorf("the body was changed: %q", s.spool.message)
			}
		})
	}
}

// Those that do not pass -i are ended by a lone dot.
func TestCallersWithoutIgnoreDotsEndAtTheDot(t *testing.T) {
	for _, c := range []struct{ program, line, to string }{
		{"fail2ban", "sendmail -f f2b@example.org a@x.org", "a@x.org"},
		{"aerc", "sendmail a@x.org", "a@x.org"},
		{"rkhunter", "sendmail root", "me@example.org"},
		{"logwatch, mdadm, sudo, Perl Mail::Mailer", "sendmail -t", "joe@y.org"},
	} {
		s := newStation(t, oneAccount)
		if code := s.sendmail("To: joe@y.org\n\nbody\n.\nmore\n", strings.Fields(c.line)[1:]...); code != 0 {
			t.Fatalf("%s: exit %d: %s", c.program, code, &s.err)
		}
		if !strings.HasSuffix(s.spool.message, "\n\nbody\n") || s.spool.envelope.To[0].Address != c.to {
			t.Errorf("%s: %+v %q", c.program, s.spool.envelope, s.spool.message)
		}
	}
}

func TestWhatNeedsMoreIsHandedOverWithItsArguments(t *testing.T) {
	for _, c := range []struct{ program, line, want string }{
		{"alpine", "sendmail -bs -odb -oem", "-bs -odb -oem"},
		{"nmh over SMTP", "sendmail -bs", "-bs"},
		{"dma's queue run", "sendmail -q", "-q"},
		{"mailq", "mailq -Ac", "-bp -Ac"},
		{"mailq -q", "mailq -qRjoe", "-bp -qRjoe"},
		{"runq", "runq -v", "-q -v"},
		{"smtpd", "smtpd -q30m", "-bd -q30m"},
		{"hoststat", "hoststat", "-bh"},
		{"warnings and the version come from mailcrane", "mailq -d0 -t", "-bp -d0 -t"},
		{"purgestat", "purgestat", "-bH"},
	} {
		s := newStation(t, oneAccount)
		s.Handoff = func(args []string, comeBack bool) (int, error) {
			s.handed = append(s.handed, args)
			if comeBack {
				t.Errorf("%s: asks to come back", c.program)
			}
			return 7, nil
		}
		s.Args = strings.Fields(c.line)
		if code := Main(t.Context(), s.Program); code != 7 {
			t.Errorf("%s: exit %d, want what mailcrane said: %s", c.program, code, &s.err)
		}
		if s.out.Len()+s.err.Len() > 0 {
			t.Errorf("%s: said %q %q, which mailcrane will say again", c.program, &s.out, &s.err)
		}
		if len(s.handed) != 1 || strings.Join(s.handed[0], " ") != c.want {
			t.Errorf("%s: handed over %q", c.program, s.handed)
		}
	}
}

func TestMissingMailcraneIsTold(t *testing.T) {
	s := newStation(t, oneAccount)
	if code := s.sendmail("", "-bp"); code != 72 || !strings.Contains(s.err.String(), "cannot start mailcrane") {
		t.Errorf("exit %d, said %q", code, &s.err)
	}
}
