package smtpd

import (
	"errors"
	"strconv"
	"strings"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/syntax"
)

// The parameters that MAIL and RCPT may have.
var (
	mailParams = [...]string{"SIZE", "BODY", "SMTPUTF8", "AUTH", "RET", "ENVID", "HOLDFOR", "HOLDUNTIL", "MT-PRIORITY"}
	rcptParams = [...]string{"NOTIFY", "ORCPT"}
)

func refusal(code int, a, b, c int, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{a, b, c}, Message: text}
}

func badValue(key, value string) *smtp.SMTPError {
	return refusal(501, 5, 5, 4, `Bad argument "`+short(value)+`" to `+key)
}

// refuse says a reply of ours.
func (d *dialogue) refuse(e *smtp.SMTPError) {
	d.sayAll(e, "")
	d.said(e.Code)
}

// parameters are those of a command, or the reply to what is wrong with them.
func parameters(fields, known []string) (map[string]string, *smtp.SMTPError) {
	if len(fields) == 0 {
		return nil, nil
	}
	params, err := syntax.Params(fields, known)
	switch bad, ok := errors.AsType[*syntax.ParamError](err); {
	case !ok:
		return params, nil
	case bad.Twice:
		return nil, refusal(501, 5, 5, 0, "Duplicate "+bad.Key+" parameter")
	default:
		return nil, refusal(555, 5, 5, 4, short(bad.Key)+" parameter unrecognized")
	}
}

// mailOptions reads the parameters of MAIL; those that go-smtp has no place
// for go to the extras.
func (d *dialogue) mailOptions(fields []string, f Features) (*smtp.MailOptions, *smtp.SMTPError) {
	params, bad := parameters(fields, mailParams[:])
	if bad != nil {
		return nil, bad
	}
	opts := &smtp.MailOptions{}
	// In an order of ours: of two that are wrong, the same one is told each time.
	for _, key := range mailParams {
		value, there := params[key]
		if !there {
			continue
		}
		switch key {
		case "SIZE":
			bad = d.size(opts, value, f.Size)
		case "BODY":
			opts.Body, bad = bodyType(value)
		case "SMTPUTF8":
			opts.UTF8 = true
			bad = noValue(key, value)
		case "AUTH":
			bad = authParam(opts, value, f)
		case "RET", "ENVID":
			bad = d.dsnOfMail(opts, key, value, f)
		case "MT-PRIORITY":
			bad = d.priority(value, f)
		case "HOLDFOR", "HOLDUNTIL":
			if f.FutureRelease <= 0 {
				bad = refusal(555, 5, 5, 4, key+" parameter unrecognized")
			}
		}
		if bad != nil {
			return nil, bad
		}
	}
	until, err := syntax.ReleaseTime(params, d.limits.Now(), f.FutureRelease)
	if err != nil {
		return nil, refusal(501, 5, 5, 4, err.Error())
	}
	d.extras.Until = until
	return opts, nil
}

func noValue(key, value string) *smtp.SMTPError {
	if value != "" {
		return refusal(501, 5, 5, 4, key+" takes no value")
	}
	return nil
}

// size reads SIZE= (RFC 1870), which may be any number of 63 bits.
func (d *dialogue) size(opts *smtp.MailOptions, value string, limit int64) *smtp.SMTPError {
	n, err := strconv.ParseUint(value, 10, 63)
	tooLarge := errors.Is(err, strconv.ErrRange)
	switch {
	case value == "":
		return refusal(501, 5, 5, 2, "SIZE requires a value")
	case err != nil && !tooLarge:
		return badValue("SIZE", value)
	case tooLarge && limit <= 0:
		return refusal(552, 5, 2, 3, "Message size exceeds what this machine can count")
	case tooLarge || limit > 0 && int64(n) > limit: //nolint:gosec // 63 bits
		if d.witness != nil {
			d.witness.TooLarge(int64(n), limit) //nolint:gosec // 63 bits
		}
		return refusal(552, 5, 2, 3, "Message size exceeds fixed maximum message size ("+strconv.FormatInt(limit, 10)+")")
	}
	opts.Size, d.extras.Size = int64(n), int64(n) //nolint:gosec // 63 bits
	return nil
}

func bodyType(value string) (smtp.BodyType, *smtp.SMTPError) {
	switch body := smtp.BodyType(strings.ToUpper(value)); body {
	case smtp.Body7Bit, smtp.Body8BitMIME, smtp.BodyBinaryMIME:
		return body, nil
	case "":
		return "", refusal(501, 5, 5, 2, "BODY requires a value")
	}
	return "", refusal(501, 5, 5, 4, "Unknown BODY type "+short(value))
}

// authParam reads AUTH= (RFC 4954 section 5).
func authParam(opts *smtp.MailOptions, value string, f Features) *smtp.SMTPError {
	if !f.Auth {
		return refusal(555, 5, 5, 4, "AUTH parameter unrecognized")
	}
	who := ""
	if value != "<>" {
		var ok bool
		if who, ok = fromXtext(value); !ok || who == "" {
			return badValue("AUTH", value)
		}
	}
	opts.Auth = &who
	return nil
}

// priority reads MT-PRIORITY= (RFC 6710 section 4.1).
func (d *dialogue) priority(value string, f Features) *smtp.SMTPError {
	if !f.Priority {
		return refusal(555, 5, 5, 4, "MT-PRIORITY parameter unrecognized")
	}
	digits := strings.TrimPrefix(value, "-")
	if len(digits) != 1 || digits[0] < '0' || digits[0] > '9' {
		return badValue("MT-PRIORITY", value)
	}
	n := int(digits[0] - '0')
	if value[0] == '-' {
		n = -n
	}
	d.extras.Priority, d.extras.Prioritized = n, true
	return nil
}
