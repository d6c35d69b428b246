package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// A setUp is one program's settings for a server; files are by their path.
type setUp struct {
	program string
	files   func(s *smarthostOf) map[string]string
}

// A smarthostOf is a real server as old settings name it.
type smarthostOf struct {
	lab.Smarthost

	host, implicit, startTLS string
	me                       string
}

func setUps() []setUp {
	return []setUp{
		{"msmtp", func(s *smarthostOf) map[string]string {
			return map[string]string{"home/.msmtprc": fmt.Sprintf("defaults\ntls on\ntls_starttls off\naccount default\nhost %s\nport %s\nfrom %s\nauth on\nuser %s\npassword %s\n", s.host, s.implicit, s.me, s.User, s.Password)}
		}},
		{"nullmailer", func(s *smarthostOf) map[string]string {
			return map[string]string{"etc/nullmailer/remotes": fmt.Sprintf("%s smtp --port=%s --starttls --user=%s --pass=%s\n", s.host, s.startTLS, s.User, s.Password), "etc/nullmailer/me": "example.test\n"}
		}},
		{"dma", func(s *smarthostOf) map[string]string {
			return map[string]string{
				"etc/dma/dma.conf":  fmt.Sprintf("SMARTHOST %s\nPORT %s\nAUTHPATH /etc/dma/auth.conf\nSECURETRANSFER\nSTARTTLS\nMASQUERADE %s\n", s.host, s.startTLS, s.me),
				"etc/dma/auth.conf": fmt.Sprintf("%s|%s:%s\n", s.User, s.host, s.Password),
			}
		}},
		{"ssmtp", func(s *smarthostOf) map[string]string {
			return map[string]string{"etc/ssmtp/ssmtp.conf": fmt.Sprintf("mailhub=%s:%s\nUseTLS=YES\nAuthUser=%s\nAuthPass=%s\nrewriteDomain=example.test\n", s.host, s.implicit, s.User, s.Password)}
		}},
		{"esmtp", func(s *smarthostOf) map[string]string {
			return map[string]string{"home/.esmtprc": fmt.Sprintf("identity = %s\nhostname = %s:%s\nusername = \"%s\"\npassword = \"%s\"\nstarttls = required\n", s.me, s.host, s.startTLS, s.User, s.Password)}
		}},
		{"postfix", func(s *smarthostOf) map[string]string {
			return map[string]string{
				"etc/postfix/main.cf":     fmt.Sprintf("myorigin = example.test\nrelayhost = [%s]:%s\nsmtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\nsmtp_tls_security_level = verify\n", s.host, s.startTLS),
				"etc/postfix/sasl_passwd": fmt.Sprintf("[%s]:%s %s:%s\n", s.host, s.startTLS, s.User, s.Password),
			}
		}},
		{"exim", func(s *smarthostOf) map[string]string {
			return map[string]string{
				"etc/exim4/update-exim4.conf.conf": fmt.Sprintf("dc_eximconfig_configtype='smarthost'\ndc_smarthost='%s::%s'\ndc_hide_mailname='true'\ndc_readhost='example.test'\n", s.host, s.startTLS),
				"etc/exim4/passwd.client":          fmt.Sprintf("%s:%s:%s\n", s.host, s.User, s.Password),
			}
		}},
		{"sendmail", func(s *smarthostOf) map[string]string {
			return map[string]string{
				"etc/mail/sendmail.mc": fmt.Sprintf("define(`SMART_HOST', `[%s]')dnl\ndefine(`RELAY_MAILER_ARGS', `TCP $h %s')dnl\nFEATURE(`authinfo')dnl\nMASQUERADE_AS(`example.test')dnl\n", s.host, s.startTLS),
				"etc/mail/authinfo":    fmt.Sprintf("AuthInfo:%s \"U:%s\" \"P:%s\"\n", s.host, s.User, s.Password),
			}
		}},
		{"git", func(s *smarthostOf) map[string]string {
			return map[string]string{"home/.gitconfig": fmt.Sprintf("[sendemail]\nsmtpserver = %s\nsmtpserverport = %s\nsmtpencryption = tls\nsmtpuser = %s\nsmtppass = %s\nfrom = Me <%s>\n", s.host, s.startTLS, s.User, s.Password, s.me)}
		}},
	}
}

func TestWithImportedSettingsARealSmarthostTakesMail(t *testing.T) {
	starts := []func(testing.TB) lab.Smarthost{lab.Postfix, lab.Exim, lab.OpenSMTPD}
	for n, up := range setUps() {
		t.Run(up.program, func(t *testing.T) {
			server := starts[n%len(starts)](t)
			box := server.Mailbox(t)
			s := &smarthostOf{Smarthost: server, me: box.Address("me")}
			var err error
			if s.host, s.implicit, err = net.SplitHostPort(server.Implicit); err == nil {
				_, s.startTLS, err = net.SplitHostPort(server.StartTLS)
			}
			if err != nil {
				t.Fatal(err)
			}
			h := &home{t: t, dir: t.TempDir(), me: s.me, host: server, box: box}
			for name, text := range up.files(s) {
				h.write(name, text)
			}
			run := func(args ...string) string {
				env := []string{"HOME=/home", "SSL_CERT_FILE=" + server.CAFile, "DBUS_SESSION_BUS_ADDRESS=", "XDG_RUNTIME_DIR=", "LOGNAME=me", filepath.Join(bin, args[0])}
				return h.run(strings.NewReader("Subject: imported\n\nHello.\n"), "/usr/bin/env", append(env, args[1:]...)...)
			}
			config := filepath.Join(h.dir, "mailcrane.toml")
			h.write("mailcrane.toml", fmt.Sprintf("# kept\n[queue]\ndirectory = %q\n", filepath.Join(h.dir, "spool")))
			said := run("mailcrane", "import", "--from", up.program, "--root", h.dir, "--address", s.me, "--settings-only", "--yes")
			written, err := os.ReadFile(config)
			if err != nil || !strings.HasPrefix(string(written), "# kept\n") || !strings.Contains(string(written), "\n[queue]\ndirectory = ") {
				t.Fatalf("%v\n%s", err, written)
			}
			if strings.Contains(said, server.Password) || strings.Contains(string(written), server.Password) {
				t.Errorf("the password shows:\n%s\n%s", said, written)
			}
			to := box.Address("ann")
			run("sendmail", "-f", s.me, to)
			run("mailcrane", "flush")
			if mail := box.Wait(to); mail.From != s.me || string(mail.Body()) != "Hello.\n" {
				t.Errorf("%s", mail.Raw)
			}
		})
	}
}
