package dsn

import "strings"

// advice is what a failure means for the one who wrote the message: it goes
// into "was not delivered, because WHY" and "What to do: DO".
type advice struct {
	// code is the subject and detail of RFC 3463, "1.1"; one ending in "." is
	// for all details of a subject.
	code    string
	why, do string
}

// advices is in order: the first that fits counts.
var advices = [...]advice{
	{"1.1", "there is no such mailbox", "check the address for a slip, and send the message again"},
	{"1.2", "there is no such mail domain", "check what stands behind the @ for a slip, and send the message again"},
	{"1.3", "the address is not written as an address must be", "correct the address, and send the message again"},
	{"1.4", "the address can mean several people there", "ask for the full address, and send the message again"},
	{"1.6", "the mailbox has moved", "ask for the new address, and send the message again"},
	{"1.7", "the server does not accept the sender's address as it is written", "send it from another address of yours"},
	{"1.8", "the server does not accept the sender's domain", "send it from another address of yours"},
	{"1.10", "that domain takes no mail at all", "ask for another address"},
	{"1.", "the server does not accept the address", "check the address, and send the message again"},
	{"2.1", "the mailbox is closed", "reach the person in another way"},
	{"2.2", "the mailbox is full", "send it again in some days, or let the person know in another way"},
	{"2.3", "it is too large for the mailbox", "send a smaller one, or a link in place of the attachment"},
	{"2.4", "a mailing list there could not be expanded", "tell the owner of the list"},
	{"2.", "the mailbox does not take it", "reach the person in another way"},
	{"3.4", "it is too large for the server", "send a smaller one, or a link in place of the attachment"},
	{"3.", "the server cannot take it", "read the reason below; the administrator of that server can help"},
	{"4.6", "the mail runs in circles between servers", "tell the administrator of that domain, and show this report"},
	{"4.7", "it could not be delivered in the time that it has", "check the address; if it is right, send the message again later, or reach the person in another way"},
	{"4.", "the server of that domain cannot be reached", "check the address; if it is right, send the message again later"},
	{"5.3", "it has too many recipients for the server", "send it in parts"},
	{"5.", "the servers did not understand each other", "read the reason below, and show this report to your administrator"},
	{"6.7", "the server does not take addresses with letters beyond ASCII", "ask for another address of the person"},
	{"6.", "the server cannot take the message in its form", "send it as plain text, or the file in another format"},
	{"7.", "the server refuses it by its rules", "read the reason below; if the message is not what it is taken for, your mail provider or the administrator of that domain can help"},
}

// adviceFor reads the reply that failed a recipient. Without an enhanced code
// the three digits must do (RFC 5321 section 4.2.3).
func adviceFor(r Reply) advice {
	code := ""
	if enhanced(r.Enhanced) {
		code = r.Enhanced[len("5."):]
	} else {
		switch r.Code {
		case 551:
			code = "1.6"
		case 553:
			code = "1.3"
		}
	}
	if code == "" && r.Code == 552 {
		return advice{"", "it is too large, or the mailbox is full", "send a smaller one, or send it again in some days"}
	}
	for _, a := range advices {
		if a.code == code || strings.HasSuffix(a.code, ".") && strings.HasPrefix(code, a.code) {
			return a
		}
	}
	if r.Code == 0 && r.Text != "" {
		return advice{"", "it could not be sent", "read the reason below"}
	}
	return advice{"", "the server refused it", "read the reason below, check the address and the message, and send it again"}
}
