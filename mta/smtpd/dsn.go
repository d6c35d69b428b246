package smtpd

import (
	"strings"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/syntax"
)

// Bounds of RFC 3461 sections 4.2 and 4.4.
const (
	mostEnvelopeID        = 100
	mostOriginalRecipient = 500
)

// noDSN is sendmail's word where receipts are not given (noreceipts).
func noDSN(key string) *smtp.SMTPError {
	return refusal(504, 5, 7, 0, "Sorry, "+key+" not supported, we do not allow DSN")
}

// dsnOfMail reads RET= and ENVID= (RFC 3461 sections 4.3 and 4.4).
func (d *dialogue) dsnOfMail(opts *smtp.MailOptions, key, value string, f Features) *smtp.SMTPError {
	if !f.DSN {
		return noDSN(key)
	}
	if key == "RET" {
		opts.Return = smtp.DSNReturn(strings.ToUpper(value))
		if opts.Return != smtp.DSNReturnFull && opts.Return != smtp.DSNReturnHeaders {
			return badValue(key, value)
		}
		return nil
	}
	id, ok := fromXtext(value)
	if !ok || id == "" || len(id) > mostEnvelopeID || !plain(id) {
		return refusal(501, 5, 5, 4, "Syntax error in ENVID parameter value")
	}
	opts.EnvelopeID, d.extras.EnvelopeID = id, value
	return nil
}

// rcptOptions reads NOTIFY= and ORCPT= (RFC 3461 sections 4.1 and 4.2).
func (d *dialogue) rcptOptions(fields []string, f Features) (*smtp.RcptOptions, *smtp.SMTPError) {
	d.extras.OriginalRecipient = ""
	params, bad := parameters(fields, rcptParams[:])
	if bad != nil {
		return nil, bad
	}
	opts := &smtp.RcptOptions{}
	for _, key := range rcptParams {
		value, there := params[key]
		switch {
		case !there:
			continue
		case !f.DSN:
			return nil, noDSN(key)
		case key == "NOTIFY":
			bad = notify(opts, value)
		default:
			bad = d.originalRecipient(opts, value)
		}
		if bad != nil {
			return nil, bad
		}
	}
	return opts, nil
}

func notify(opts *smtp.RcptOptions, value string) *smtp.SMTPError {
	for word := range strings.SplitSeq(strings.ToUpper(value), ",") {
		switch when := smtp.DSNNotify(word); when {
		case smtp.DSNNotifyNever, smtp.DSNNotifyDelayed, smtp.DSNNotifyFailure, smtp.DSNNotifySuccess:
			opts.Notify = append(opts.Notify, when)
		default:
			return badValue("NOTIFY", value)
		}
	}
	for _, when := range opts.Notify {
		if when == smtp.DSNNotifyNever && len(opts.Notify) > 1 || len(opts.Notify) > 3 {
			return badValue("NOTIFY", value)
		}
	}
	return nil
}

func (d *dialogue) originalRecipient(opts *smtp.RcptOptions, value string) *smtp.SMTPError {
	kind, text, ok := strings.Cut(value, ";")
	if !ok || kind == "" || strings.ContainsFunc(kind, func(r rune) bool { return r >= 0x7f || strings.ContainsRune("()<>@,:\\\"[] \t=+", r) }) {
		return badValue("ORCPT", value)
	}
	utf8 := strings.EqualFold(kind, "utf-8")
	who, ok := fromXtext(text)
	if utf8 && !ok {
		// utf-8-addr-unitext, or utf-8-addr-xtext with its \x{…} (RFC 6533 section 3)
		who, ok = text, d.tx.utf8 && syntax.Printable(text)
	}
	if !ok || who == "" || len(value) > mostOriginalRecipient || !utf8 && !plain(who) {
		return badValue("ORCPT", value)
	}
	opts.OriginalRecipientType = smtp.DSNAddressType(strings.ToUpper(kind))
	opts.OriginalRecipient, d.extras.OriginalRecipient = who, value
	return nil
}

func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f })
}

// fromXtext is what an xtext stands for (RFC 3461 section 4).
func fromXtext(s string) (string, bool) {
	var text []byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			if i+2 >= len(s) {
				return "", false
			}
			high, low := hexDigit(s[i+1]), hexDigit(s[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			text = append(text, byte(high<<4|low))
			i += 2
		case c < '!' || c > '~' || c == '=':
			return "", false
		default:
			text = append(text, c)
		}
	}
	return string(text), true
}

// hexDigit is the value of an upper-case digit, as xtext has them, or -1.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
