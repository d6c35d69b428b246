package smtpd

import (
	"errors"
	"net/netip"
	"os"
	"strings"

	"mailcrane/internal/config"
)

// A Witness is a Session that is told what passes on the wire, for a log or a
// person who watches.
type Witness interface {
	// Heard is told each command, without its end and without what is secret in
	// it.
	Heard(command string)
	// Listens says whether replies are to be told too; Said is told each line of
	// one.
	Listens() bool
	Said(reply string)
	// Lost is told that the connection broke, or that nothing came for too long,
	// in a message or else where a command was awaited.
	Lost(inMessage, timedOut bool)
	// Insecure is told that a TLS handshake failed.
	Insecure(why error)
	// TooLarge is told of a message that was refused for its size: so many octets
	// were declared or have come, where most are taken.
	TooLarge(size, most int64)
	// Malformed is told of an address in MAIL or RCPT that is none.
	Malformed(command, text string, why error)
	// Flood is told once a transaction that the client is slowed down for its
	// refused recipients.
	Flood()
}

// A Porter is a Backend that is told of clients for whom there is no room.
type Porter interface {
	TurnedAway(remote netip.Addr, port *config.Listener, why string)
}

// secret stands where a client said what nobody else is to know.
const secret = "(secret)"

// concealed is a command without the initial response of AUTH (RFC 4954).
func concealed(verb, line string) string {
	if verb != "AUTH" {
		return line
	}
	if words := strings.Fields(line); len(words) > 2 {
		return words[0] + " " + words[1] + " " + secret
	}
	return line
}

func (d *dialogue) heard(verb, line string) {
	if d.witness != nil {
		d.witness.Heard(concealed(verb, line))
	}
}

// tellReply tells of the last line of what is to be sent, which began at from.
func (d *dialogue) tellReply(from int) {
	if d.witness != nil && d.witness.Listens() {
		d.witness.Said(strings.TrimSuffix(string(d.out[from:]), "\r\n"))
	}
}

// tellLost tells of a dialogue that the client did not end with QUIT.
func (d *dialogue) tellLost(err error) {
	if d.witness != nil && !d.over {
		d.witness.Lost(d.body, errors.Is(err, os.ErrDeadlineExceeded))
	}
}
