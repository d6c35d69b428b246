package dsn

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/visible"
)

// statusPart is the part for programs: message/delivery-status (RFC 3464
// section 2), or message/global-delivery-status (RFC 6533 section 4.1).
func (r *Report) statusPart(b *bytes.Buffer, boundary string) {
	f := statusFields{global: r.International()}
	f.add("Reporting-MTA", "dns; "+r.Hostname)
	if r.EnvID != "" {
		f.add("Original-Envelope-Id", decodeXtext(r.EnvID))
	}
	if !r.Received.IsZero() {
		f.add("Arrival-Date", stamp(r.Received))
	}
	named, others := r.listed()
	if others > 0 {
		f.add("X-Unlisted-Recipients", strconv.Itoa(others))
	}
	for _, to := range named {
		f.text.WriteByte('\n')
		r.recipientFields(&f, to)
	}
	kind := "message/delivery-status"
	if f.global && !ascii(f.text.Bytes()) {
		kind = "message/global-delivery-status\nContent-Transfer-Encoding: 8bit"
	}
	fmt.Fprintf(b, "\n--%s\nContent-Type: %s\n\n", boundary, kind)
	b.Write(f.text.Bytes())
}

func (r *Report) recipientFields(f *statusFields, to Recipient) {
	if to.ORcpt != "" {
		f.add("Original-Recipient", f.original(to.ORcpt))
	}
	f.add("Final-Recipient", f.address(to.Address))
	f.add("Action", r.action(to))
	f.add("Status", r.status(to.Reply))
	if to.Host != "" {
		f.add("Remote-MTA", "dns; "+domainOf(to.Host))
	}
	if to.Reply.Code != 0 {
		f.add("Diagnostic-Code", "smtp; "+to.Reply.String())
	}
	if !to.Last.IsZero() {
		f.add("Last-Attempt-Date", stamp(to.Last))
	}
	if r.Kind == Delay && !r.Until.IsZero() {
		f.add("Will-Retry-Until", stamp(r.Until))
	}
}

// action is the word of RFC 3464 section 2.3.3.
func (r *Report) action(to Recipient) string {
	switch {
	case r.Kind == Delay:
		return "delayed"
	case r.Kind == Receipt:
		return to.Success.String()
	}
	return "failed"
}

// status is the code of RFC 3463 for the reply: its own, or the general one of
// the class that the kind of report asks for. A failure may have one of class
// 4, such as 4.4.7.
func (r *Report) status(reply Reply) string {
	general := "5.0.0"
	switch r.Kind {
	case Delay:
		general = "4.0.0"
	case Receipt:
		general = "2.0.0"
	}
	own := reply.Enhanced
	if own == "" || !enhanced(own) || own[0] != general[0] && (general[0] != '5' || own[0] != '4') {
		return general
	}
	return own
}

// enhanced says that text is a code as RFC 3463 section 2 has them.
func enhanced(text string) bool {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || len(parts[0]) != 1 {
		return false
	}
	for _, part := range parts {
		if n, err := strconv.ParseUint(part, 10, 16); err != nil || n > 999 || part != strconv.FormatUint(n, 10) {
			return false
		}
	}
	return true
}

// statusFields is the text of a status part. Without global it is ASCII.
type statusFields struct {
	global bool
	text   bytes.Buffer
}

// add writes one field, in one line whatever the value holds.
func (f *statusFields) add(name, value string) {
	value = visible.Line(value, maxValue)
	if !f.global {
		value = onlyASCII(value)
	}
	fmt.Fprintf(&f.text, "%s: %s\n", name, value)
}

// address is the type and the form of an address.
func (f *statusFields) address(a string) string {
	switch {
	case !address.NeedsUTF8(a):
		return "rfc822; " + a
	case f.global:
		return "utf-8; " + a
	}
	return "utf-8; " + encodeUTF8Address(a)
}

// original is an ORCPT as a field has it: xtext is decoded (RFC 3461 section
// 6.3 (d)), an address of the type utf-8 has the form that the part takes (RFC
// 6533 section 3). What is in no such form stays as it is.
func (f *statusFields) original(orcpt string) string {
	kind, value, _ := strings.Cut(orcpt, ";")
	if !strings.EqualFold(kind, "utf-8") {
		return kind + "; " + decodeXtext(value)
	}
	plain, ok := decodeUTF8Address(value)
	switch {
	case !ok && f.global:
		return kind + "; " + value
	case !ok:
		plain = value
	case f.global:
		return kind + "; " + plain
	}
	return kind + "; " + encodeUTF8Address(plain)
}

// domainOf is the name of a host, or its address as a literal (RFC 3464 section
// 2.1.2).
func domainOf(host string) string {
	host, _, _ = strings.Cut(host, " [") // "mx.example.org [192.0.2.1]"
	switch {
	case strings.HasPrefix(host, "["):
		return host
	case strings.IndexByte(host, ':') >= 0:
		return "[IPv6:" + host + "]"
	case strings.Trim(host, "0123456789.") == "":
		return "[" + host + "]"
	}
	return host
}
