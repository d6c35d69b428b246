package smtpd

import (
	"net/netip"
	"strconv"
	"strings"
)

// xclientNames are the attributes of XCLIENT that are known.
const xclientNames = "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"

// XClient is whom a trusted client speaks for (Postfix's XCLIENT_README). A
// text is "" where it was not said.
type XClient struct {
	// Name is the client's name; NoName says that it has none, and NameLater that
	// it could not be looked up for now.
	Name              string
	NoName, NameLater bool
	// Proto is SMTP or ESMTP, Helo the name in its EHLO, Login the user it has
	// logged in as.
	Proto, Helo, Login string
	// Dest is the address that the client connected to; zero where not said.
	Dest netip.AddrPort
}

// sayFor answers XCLIENT: the session begins anew, as that of another client.
func (d *dialogue) sayFor(rest string) {
	switch {
	case !d.session.Features().XClient:
		d.say(550, "5.7.0", "XCLIENT is not allowed from here")
		return
	case d.tx.begun:
		d.say(503, "5.5.0", "XCLIENT not permitted during a mail transaction")
		return
	}
	x, remote, ok := d.attributes(strings.Fields(rest))
	if !ok {
		d.say(501, "5.5.4", "Bad XCLIENT: write NAME=value, with "+xclientNames)
		return
	}
	if err := d.session.Logout(); err != nil {
		d.limits.Log.Warn("a session did not end in good order", "client", d.shownClient(), "error", err)
	}
	d.session = nil
	d.xclient, d.remote = x, remote
	d.tx, d.extras, d.counts = transaction{}, Extras{}, counts{}
	d.helo, d.esmtp, d.verbose, d.authed = x.Helo, x.Proto == "ESMTP", false, false
	session, err := d.server.backend.Open(d.ctx, d.Conn)
	if err != nil {
		d.turnAway(err)
		return
	}
	d.session = session
	text, _ := session.Greeting()
	d.line(220, ' ', "", text)
}

// attributes reads NAME=value. What a former XCLIENT said stays.
func (d *dialogue) attributes(fields []string) (x *XClient, remote netip.AddrPort, ok bool) {
	x, remote = &XClient{}, d.remote
	if d.xclient != nil {
		*x = *d.xclient
	}
	for _, field := range fields {
		key, text, found := strings.Cut(field, "=")
		value, decoded := fromXtext(text)
		if !found || !decoded || !plain(value) || len(value) > 255 {
			return nil, remote, false
		}
		later := strings.EqualFold(value, "[TEMPUNAVAIL]")
		none := later || strings.EqualFold(value, "[UNAVAILABLE]")
		if none {
			value = ""
		}
		if remote, ok = x.take(remote, strings.ToUpper(key), value, none, later); !ok {
			return nil, remote, false
		}
	}
	return x, remote, len(fields) > 0
}

// take takes one attribute in. none says that it has no value, and later that it
// has none for now.
func (x *XClient) take(remote netip.AddrPort, key, value string, none, later bool) (_ netip.AddrPort, known bool) {
	known = true
	switch key {
	case "NAME":
		x.Name, x.NoName, x.NameLater = value, none && !later, later
	case "ADDR":
		remote, known = withAddr(remote, value)
	case "PORT":
		remote, known = withPort(remote, value)
	case "PROTO":
		x.Proto = strings.ToUpper(value)
		known = none || x.Proto == "SMTP" || x.Proto == "ESMTP"
	case "HELO":
		x.Helo = value
	case "LOGIN":
		x.Login = value
	case "DESTADDR":
		x.Dest, known = withAddr(x.Dest, value)
	case "DESTPORT":
		x.Dest, known = withPort(x.Dest, value)
	default:
		known = false
	}
	return remote, known
}

// withAddr is at with another address, which is none where text is "".
func withAddr(at netip.AddrPort, text string) (netip.AddrPort, bool) {
	if text == "" {
		return netip.AddrPort{}, true
	}
	if len(text) > 5 && strings.EqualFold(text[:5], "IPV6:") {
		text = text[5:]
	}
	a, err := netip.ParseAddr(text)
	return netip.AddrPortFrom(a.Unmap().WithZone(""), at.Port()), err == nil
}

func withPort(at netip.AddrPort, text string) (netip.AddrPort, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return netip.AddrPortFrom(at.Addr(), uint16(n)), err == nil || text == ""
}
