package dsn

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"mailcrane/internal/header"
	"mailcrane/internal/visible"
)

// wordsPart is the part that a person reads.
func (r *Report) wordsPart(b *bytes.Buffer, boundary string, original *header.Section) {
	var w words
	r.preface(&w)
	r.opening(&w)
	r.about(&w, original)
	r.list(&w)
	r.transcript(&w)
	r.closing(&w)
	if ascii(w.text.Bytes()) {
		fmt.Fprintf(b, "--%s\nContent-Type: text/plain; charset=us-ascii\n\n", boundary)
		b.Write(w.text.Bytes())
		return
	}
	fmt.Fprintf(b, "--%s\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n", boundary)
	io.Copy(b, newQuoted(&w.text)) //nolint:errcheck // neither can fail
}

// words is text for a person.
type words struct{ text bytes.Buffer }

func (w *words) line(format string, args ...any) { fmt.Fprintf(&w.text, format+"\n", args...) }

// paragraph is text in lines of 76 octets, as far as its words allow, and a
// blank line behind.
func (w *words) paragraph(format string, args ...any) {
	w.wrap("", fmt.Sprintf(format, args...))
	w.text.WriteByte('\n')
}

func (w *words) wrap(indent, text string) {
	const most = 76
	length := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case length == 0:
			w.text.WriteString(indent)
			length = len(indent)
		case length+1+len(word) > most:
			w.text.WriteString("\n" + indent)
			length = len(indent)
		default:
			w.text.WriteByte(' ')
			length++
		}
		w.text.WriteString(word)
		length += len(word)
	}
	w.text.WriteByte('\n')
}

// shown is a value from outside in the words.
func shown(text string) string { return visible.Line(text, maxValue) }

// mostPreface bounds the lines of the preface.
const mostPreface = 100

// preface is the administrator's.
func (r *Report) preface(w *words) {
	text := strings.TrimSpace(r.Preface)
	if text == "" {
		return
	}
	n := 0
	for line := range strings.Lines(text) {
		if n++; n > mostPreface {
			break
		}
		w.line("%s", visible.Line(strings.TrimRight(strings.ReplaceAll(line, "\t", "    "), " \r\n"), maxValue))
	}
	w.line("")
}

// opening says what happened, and what to do.
func (r *Report) opening(w *words) {
	one := len(r.Recipients) == 1
	whom := fmt.Sprintf("%d recipients", len(r.Recipients))
	if one {
		whom = shown(r.Recipients[0].Address)
	}
	what := "Your message to " + whom
	switch {
	case r.From == "":
		what = "A message with no sender to tell, such as a report, for " + whom
	case r.Kind == PostmasterCopy:
		what = "A message from " + shown(r.From) + " to " + whom
	}
	switch r.Kind {
	case Delay:
		r.warning(w, what)
	case Receipt:
		r.receipt(w, what)
	default:
		if !one {
			w.paragraph("%s was not delivered; the reasons stand below.", what)
		} else {
			w.paragraph("%s was not delivered, because %s.", what, adviceFor(r.Recipients[0].Reply).why)
		}
		switch {
		case r.From == "":
			w.paragraph("Nobody else is told of that. If the message matters, look at it below.")
		case one && r.toSender():
			w.paragraph("What to do: %s.", adviceFor(r.Recipients[0].Reply).do)
		}
	}
}

// toSender says that the reader can send the message once more.
func (r *Report) toSender() bool { return r.Kind == Failure && r.From != "" }

func (r *Report) warning(w *words, what string) {
	const box = `    **********************************************
    **      THIS IS A WARNING MESSAGE ONLY      **
    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **
    **********************************************`
	w.line("%s\n", box)
	w.paragraph("%s has not been delivered yet, after %s.", what, spellOut(r.After))
	until := ""
	if !r.Until.IsZero() {
		until = " until " + stamp(r.Until)
	}
	w.paragraph("It is kept, and tried again by itself%s. Nothing needs to be sent again.", until)
}

func (r *Report) receipt(w *words, what string) {
	var seen [Expanded + 1]bool
	for _, to := range r.Recipients {
		seen[to.Success] = true
	}
	handed, arrived, spread := seen[Relayed], seen[Delivered], seen[Expanded]
	switch {
	case spread && !handed && !arrived:
		w.paragraph("%s was passed on to several others. Whether it reaches each of them will not be reported.", what)
	case spread:
		w.paragraph("%s is in the mailbox, was handed on to a server that sends no receipts, or was passed on to several others; the list below says which.", what)
	case !handed:
		w.paragraph("%s is in the mailbox.", what)
	case !arrived:
		w.paragraph("%s was handed on to the next server, which has taken it. That server sends no receipts, so whether the message reaches the mailbox will not be reported; if it does not, that server should say so.", what)
	default:
		w.paragraph("%s is in the mailbox, or was handed on to a server that sends no receipts; the list below says which.", what)
	}
}

// about says which message it is.
func (r *Report) about(w *words, original *header.Section) {
	if !r.Received.IsZero() {
		w.line("The message was received on %s.", stamp(r.Received))
	}
	f, ok := original.Get("Subject")
	subject := shown(f.Text())
	// An encoded word would only be noise here.
	if ok && subject != "" && !strings.Contains(subject, "=?") {
		w.line("Its subject is: %s", subject)
	}
}

// list names the recipients under sendmail's headings.
func (r *Report) list(w *words) {
	heading := "The following addresses had permanent fatal errors"
	switch r.Kind {
	case Delay:
		heading = "The following addresses had transient non-fatal errors"
	case Receipt:
		heading = "The following addresses had successful delivery notifications"
	}
	w.line("\n   ----- %s -----", heading)
	named, others := r.listed()
	for _, to := range named {
		r.item(w, to)
	}
	if others > 0 {
		w.line("and %d more, which are not listed", others)
	}
}

func (r *Report) item(w *words, to Recipient) {
	note := ""
	switch {
	case r.Kind != Receipt:
	case to.Success == Relayed:
		note = "  (relayed to non-DSN-aware mailer)"
	default:
		note = "  (" + to.Success.String() + ")"
	}
	w.line("<%s>%s", shown(to.Address), note)
	if r.Kind == Receipt {
		return
	}
	if said := to.Reply.String(); said != "" {
		w.line("    (reason: %s)", shown(said))
	}
	if original := originalAddress(to); original != "" {
		w.line("    (expanded from: <%s>)", shown(original))
	}
	if r.toSender() && len(r.Recipients) > 1 {
		a := adviceFor(to.Reply)
		w.wrap("    ", "because "+a.why+". What to do: "+a.do+".")
	}
}

// originalAddress is what the sender had written for the recipient, where that
// is another address.
func originalAddress(to Recipient) string {
	kind, value, _ := strings.Cut(to.ORcpt, ";")
	original := decodeXtext(value)
	if strings.EqualFold(kind, "utf-8") {
		original, _ = decodeUTF8Address(value)
	}
	if strings.EqualFold(original, to.Address) {
		return ""
	}
	return original
}

// transcript is what the servers said last, as in a session.
func (r *Report) transcript(w *words) {
	named, _ := r.listed()
	host, said := "", ""
	for _, to := range named {
		if to.Reply.Code == 0 || r.Kind == Receipt {
			continue
		}
		if said == "" {
			w.line("\n   ----- Transcript of session follows -----")
		}
		if to.Host != "" && (said == "" || to.Host != host) {
			w.line("... while talking to %s:", shown(to.Host))
			said = ""
		}
		mark, reply := "<<< ", to.Reply
		if host = to.Host; host == "" {
			mark, reply.Text = "", "<"+to.Address+">... "+reply.Text // our own word
		}
		if line := mark + shown(reply.String()); line != said {
			w.line("%s", line)
			said = line
		}
	}
}

// closing says what becomes of the message, and what is below.
func (r *Report) closing(w *words) {
	w.line("")
	what := "The message is"
	if r.HeaderOnly {
		what = "The header of the message is"
	}
	if r.Kind == Failure || r.Kind == PostmasterCopy {
		w.line("It will not be tried again. %s attached.", what)
		return
	}
	w.line("%s attached.", what)
}
