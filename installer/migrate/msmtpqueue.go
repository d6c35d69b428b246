package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/header"
)

// msmtpQueue reads the pairs that msmtpq leaves: NAME.mail is a message as it
// was handed in, NAME.msmtp the command line for it.
func msmtpQueue(m *Machine, f *Found) {
	settings := f
	if len(f.Accounts) == 0 && len(f.Files) == 0 {
		settings = &Found{Program: f.Program} // the queue alone is wanted
		msmtpSettings(context.Background(), m, settings, "")
	}
	for _, dir := range []string{m.env("MSMTPQ_Q"), m.home(".msmtp.queue"), m.home(".msmtpqueue"), m.home(".local/share/mail.queue")} {
		if dir == "" {
			continue
		}
		for _, name := range m.names(f, dir) {
			id, ok := strings.CutSuffix(name, ".mail")
			if !ok || strings.HasPrefix(name, ".") {
				continue
			}
			file := path.Join(dir, name)
			l, err := m.msmtpLetter(settings, file, path.Join(dir, id+".msmtp"))
			if err != nil {
				f.skip(file, err)
				continue
			}
			f.add(l)
		}
	}
}

func (m *Machine) msmtpLetter(f *Found, file, control string) (*Letter, error) {
	text, err := m.control(control)
	if err != nil {
		return nil, fmt.Errorf("its command line, %s: %w", control, err)
	}
	received, err := m.regular(file, true)
	if err != nil {
		return nil, err
	}
	section, start, err := m.headerOf(file)
	if err != nil {
		return nil, err
	}
	fields := header.Parse(section)
	call := msmtpCall(strings.Fields(string(text)))
	l := &Letter{File: file, From: call.from, Ret: call.ret, Received: received, Unsent: true}
	if !call.hasFrom {
		l.From = senderOf(f, call.account, fields)
	}
	for _, to := range call.recipients {
		l.To = append(l.To, Recipient{Address: address.Unbracketed(to), Notify: call.notify})
	}
	if call.fromHeader {
		for _, to := range recipientsOf(fields) {
			l.To = append(l.To, Recipient{Address: to, Notify: call.notify})
		}
	}
	fields.Delete("Bcc")
	l.message = m.after(fields.AppendTo(nil), file, true, start)
	return l, nil
}

// An msmtpArgs is what a command line of msmtp says of the envelope.
type msmtpArgs struct {
	from, account, notify, ret string
	hasFrom, fromHeader        bool
	recipients                 []string
}

// msmtpCall reads a command line as getopt_long(3) has msmtp(1) read it.
func msmtpCall(words []string) msmtpArgs {
	var c msmtpArgs
	for i := 0; i < len(words); i++ {
		word := words[i]
		if word == "--" {
			c.recipients = append(c.recipients, words[i+1:]...)
			break
		}
		if word == "-" || !strings.HasPrefix(word, "-") {
			c.recipients = append(c.recipients, word)
			continue
		}
		name, value, has := strings.Cut(word, "=")
		if !strings.HasPrefix(word, "--") {
			name, value = word[:2], word[2:]
			has = value != ""
		}
		if !has && msmtpTakes(name) && i+1 < len(words) {
			i++
			value = words[i]
		}
		c.option(name, value)
	}
	return c
}

// msmtpTakes says which options have a value, in the same word or in the next.
func msmtpTakes(name string) bool {
	switch name {
	case "-C", "-a", "-f", "-r", "-N", "-R", "-X", "-F", "-V", "-B", "-h", "-L", "-m", "-o", "-O",
		"--file", "--account", "--from", "--dsn-notify", "--dsn-return", "--logfile", "--logfile-time-format", "--aliases", "--maildomain",
		"--host", "--port", "--source-ip", "--proxy-host", "--proxy-port", "--socket", "--timeout", "--protocol", "--domain", "--user", "--passwordeval",
		"--tls-trust-file", "--tls-crl-file", "--tls-fingerprint", "--tls-key-file", "--tls-cert-file", "--tls-priorities", "--tls-host-override":
		return true
	}
	return false
}

// option takes in one that concerns the envelope.
func (c *msmtpArgs) option(name, value string) {
	switch name {
	case "-f", "-r", "--from":
		c.from, c.hasFrom = value, true
	case "-a", "--account":
		c.account = value
	case "-t", "--read-recipients":
		c.fromHeader = true
	case "-N", "--dsn-notify":
		if c.notify = strings.ToUpper(value); c.notify == "OFF" {
			c.notify = ""
		}
	case "-R", "--dsn-return":
		c.ret = map[string]string{"headers": "HDRS", "hdrs": "HDRS", "full": "FULL"}[value]
	}
}

// senderOf is who sends where the command line does not say it: the address of
// the account that it names, else of the default one, else the author.
func senderOf(f *Found, name string, fields *header.Section) string {
	standard := f.Default
	if name != "" {
		standard = plainName(name, f.Program)
	}
	if a := f.named(standard); a != nil && a.Address() != "" {
		return a.Address()
	}
	if from, ok := fields.Get("From"); ok {
		if list, _ := address.ParseList(string(from.Body())); len(list) > 0 {
			return list[0].Address
		}
	}
	return ""
}

// recipientsOf is what -t means: with any Resent- recipients, those alone.
func recipientsOf(fields *header.Section) []string {
	var all []string
	for _, names := range [][]string{{"Resent-To", "Resent-Cc", "Resent-Bcc"}, {"To", "Cc", "Bcc"}} {
		for _, name := range names {
			for _, field := range fields.All(name) {
				list, _ := address.ParseList(string(field.Body()))
				for _, box := range list {
					all = append(all, box.Address)
				}
			}
		}
		if len(all) > 0 {
			return all
		}
	}
	return nil
}

// headerOf is the header section of the message in a file, and where what is
// behind it begins.
func (m *Machine) headerOf(file string) (section []byte, end int64, err error) {
	f, err := m.open(file, true)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostControl))
	if err != nil {
		return nil, 0, cause(err)
	}
	var scan header.Scan
	n, _, ok := scan.End(text, len(text) < mostControl)
	if !ok {
		return nil, 0, errors.New("its header does not end")
	}
	return text[:n], int64(n), nil
}
