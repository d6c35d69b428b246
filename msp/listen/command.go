package listen

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/internal/syntax"
	"mailcrane/msp/drop"
)

// A command is the line in hand, as the session wants it: go-smtp takes the
// quotes off a local part and the xtext off a parameter.
type command struct {
	verb   string
	path   string            // of MAIL and RCPT, in wire form, without brackets
	params map[string]string // of MAIL and RCPT, by upper-case keyword
	// notBefore is when the message of this MAIL may leave; zero for at once.
	notBefore time.Time
	last      bool // BDAT … LAST, and any DATA
}

// take judges one line. It is true if go-smtp shall see the line, which is
// then pending; else the answer has been given.
func (g *guard) take(line []byte) bool {
	text, lf := syntax.CutLineEnd(string(line))
	if lf && !g.lenient {
		_ = g.cut("500 5.5.2 A line ended in a bare LF; end lines in CR LF (nc -C does); closing the connection")
		return false
	}
	verb, rest, _ := strings.Cut(text, " ")
	verb, rest = strings.ToUpper(verb), strings.TrimSpace(rest)
	afterData := g.failed
	g.failed = false
	g.cmd = command{verb: verb, last: verb == "DATA"}
	g.lfBody = lf
	switch verb {
	case "EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY":
		if !syntax.Printable(text) {
			g.answer("500 5.5.2 A command holds a control character or is not UTF-8")
			return false
		}
		return g.known(rest)
	case questionVerb:
		g.question(rest)
	case "EXPN", "HELP", "TURN", "ETRN", "SEND", "SOML", "SAML", "LHLO", "AUTH", "STARTTLS":
		g.answer("502 5.5.1 " + verb + " is not offered here; see the reply to EHLO for what is")
	default:
		g.unknown(afterData)
	}
	return false
}

// unknown answers what is no SMTP command. A client whose first word is none
// is no mail client: a web page can make a browser send a form to a loopback
// port, SMTP commands in its body. And after a refused DATA it is the message.
func (g *guard) unknown(afterData bool) {
	switch {
	case afterData:
		_ = g.cut("421 4.7.0 DATA was refused and a message was sent all the same; closing the connection")
	case !g.greeted && !g.lenient:
		_ = g.cut("554 5.5.1 This is a mail server and that was no SMTP command; closing the connection")
	default:
		g.answer("500 5.5.1 Command not recognised")
	}
}

// known judges a command of SMTP by the state of the session; go-smtp answers
// a wrong order with 502 and takes a second MAIL (RFC 5321 section 4.1.4: 503).
func (g *guard) known(rest string) bool {
	verb := g.cmd.verb
	switch {
	case verb == "BDAT":
		return g.bdat(strings.Fields(rest))
	case verb == "MAIL" && !g.greeted:
		return g.order("Say EHLO first")
	case verb == "MAIL" && g.sender:
		return g.order("There is a sender already; say RSET to start again")
	case verb == "RCPT" && !g.sender:
		return g.order("Give the sender first, with MAIL FROM:<address>")
	case (verb == "EHLO" || verb == "HELO" || verb == "RSET") && g.begun != nil:
		_ = g.cut(brokenOff)
		return false
	case (verb == "RCPT" || verb == "DATA") && g.chunked:
		return g.order("A message is being sent in chunks; finish it with BDAT or say RSET")
	case verb == "DATA" && g.rcpts == 0:
		return g.order("Give a recipient first, with RCPT TO:<address>")
	case verb == "MAIL":
		return g.path("FROM:", rest, "250 2.1.0 Sender accepted", "SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "HOLDFOR", "HOLDUNTIL", submissionKeyword)
	case verb == "RCPT":
		return g.path("TO:", rest, "250 2.1.5 Recipient accepted", "NOTIFY", "ORCPT")
	}
	return g.forward(strings.TrimSpace(verb + " " + rest))
}

func (g *guard) order(why string) bool {
	g.answer("503 5.5.1 " + why)
	if g.cmd.verb == "DATA" {
		g.startBody(false)
	}
	return false
}

func (g *guard) forward(line string) bool {
	g.pending = []byte(line + "\r\n")
	return true
}

// reset has go-smtp forget the transaction and the client told why.
func (g *guard) reset(reply string) bool {
	g.cmd.verb, g.instead = "RSET", reply
	return g.forward("RSET")
}

// path judges MAIL and RCPT. What go-smtp sees always has a domain, which it
// insists on; the session takes the path from g.cmd, where it has none if the
// client gave none (RFC 5321 section 4.1.1.3 wants that for Postmaster, and
// cron and its kind write to "root").
func (g *guard) path(keyword, rest, ok string, known ...string) bool {
	err := g.parsePath(keyword, rest, known)
	if err != nil {
		g.answer(err.Error())
		return false
	}
	seen := g.cmd.path
	if seen != "" && !syntax.Qualified(seen) {
		seen += "@localhost"
	}
	line := g.cmd.verb + " " + keyword + "<" + seen + ">"
	for key, value := range g.cmd.params {
		switch {
		case key == "HOLDFOR" || key == "HOLDUNTIL" || key == submissionKeyword: // go-smtp does not know them
		case key == "SIZE": // judged here: go-smtp's is of 32 bits
		case value == "":
			line += " " + key
		default:
			line += " " + key + "=" + value
		}
	}
	g.instead = ok
	return g.forward(line)
}

// parsePath fills g.cmd. Its errors are replies.
func (g *guard) parsePath(keyword, rest string, known []string) error {
	if len(rest) < len(keyword) || !strings.EqualFold(rest[:len(keyword)], keyword) {
		return fmt.Errorf("501 5.5.4 Write %s %s<address>", g.cmd.verb, keyword)
	}
	path, rest, err := syntax.CutPath(strings.TrimLeft(rest[len(keyword):], " "))
	if err != nil {
		return fmt.Errorf("501 5.1.%d Bad address: %w", map[string]int{"MAIL": 7, "RCPT": 3}[g.cmd.verb], err)
	}
	if path == "" && g.cmd.verb == "RCPT" {
		return errors.New("501 5.1.3 Bad address: <> is no recipient")
	}
	params, err := params(rest, known)
	if err != nil {
		return err
	}
	if g.cmd.verb == "MAIL" {
		_, g.utf8 = params["SMTPUTF8"]
	}
	if !g.utf8 && address.NeedsUTF8(path) {
		return errors.New("553 5.6.7 The address is not ASCII: add SMTPUTF8 to MAIL FROM")
	}
	if size, ok := params["SIZE"]; ok {
		if err := g.checkSize(size); err != nil {
			return err
		}
	}
	if id, ok := params[submissionKeyword]; ok && (g.owner == "" || !drop.ID(id).Valid()) {
		return errors.New("501 5.5.4 " + submissionKeyword + "= wants 32 hexadecimal digits, on a socket that offers it")
	}
	if g.cmd.notBefore, err = g.releaseTime(params); err != nil {
		return err
	}
	g.cmd.path, g.cmd.params = path, params
	return nil
}

func (g *guard) checkSize(digits string) error {
	n, err := strconv.ParseUint(digits, 10, 63)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return errors.New("501 5.5.4 SIZE= wants a number of octets")
	case err != nil, int64(n) > g.limits.MaxSize:
		return errors.New(replyLine(g.tooBig()))
	}
	return nil
}

// params are ESMTP parameters. go-smtp judges the values, but keeps the last
// of two and answers an unknown one 500.
func params(rest string, known []string) (map[string]string, error) {
	params, err := syntax.Params(strings.Fields(rest), known)
	if bad, ok := errors.AsType[*syntax.ParamError](err); ok {
		return nil, fmt.Errorf("%s 5.5.4 The parameter %s", map[bool]string{true: "501", false: "555"}[bad.Twice], strings.TrimPrefix(bad.Error(), "the parameter "))
	}
	return params, nil
}

// bdat judges BDAT (RFC 3030 section 2). Its chunk follows whatever the answer
// is, so it is read away with every refusal; where its size is not known, the
// connection ends.
func (g *guard) bdat(args []string) bool {
	var n uint64
	err := errors.New("no size")
	if len(args) > 0 {
		n, err = strconv.ParseUint(args[0], 10, 63)
	}
	if err != nil {
		_ = g.cut("501 5.5.4 Write BDAT size or BDAT size LAST; closing the connection")
		return false
	}
	if n > maxChunk || int64(n) > g.limits.MaxSize {
		_ = g.cut(replyLine(g.tooBig()) + "; closing the connection")
		return false
	}
	g.cmd.last = len(args) == 2 && strings.EqualFold(args[1], "LAST")
	refusal := ""
	switch {
	case g.rcpts == 0:
		refusal = "503 5.5.1 Give a sender and a recipient first, with MAIL and RCPT"
	case len(args) > 2 || len(args) == 2 && !g.cmd.last:
		refusal = "501 5.5.4 Write BDAT size or BDAT size LAST; nothing was queued"
	case g.text.Size+int64(n) > g.limits.MaxSize:
		refusal = replyLine(g.tooBig())
	case n == 0 && g.cmd.last && g.text.Previous() == '\r':
		refusal = replyLine(g.spoiled("a bare CR"))
	case n == 0 && !g.cmd.last:
		g.chunked = true
		g.answer("250 2.0.0 Continue")
		return false
	default:
		return g.startChunk(args, int64(n))
	}
	if !g.discard(int64(n)) {
		return false
	}
	if g.begun != nil {
		_ = g.cut(refusal + "; closing the connection")
		return false
	}
	return g.reset(refusal)
}
