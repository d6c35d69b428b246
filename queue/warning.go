package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// eventWarned is the event of a warning that went out.
const eventWarned = "warned"

// warn tells the sender that the message is late, and until when it is tried,
// and returns the record of it: eventWarned if somebody was told.
func (r *Runner) warn(route Route, m *Message, after time.Duration, until time.Time) (Record, error) {
	note := Record{At: r.Now(), To: -1, Event: "unreported", Route: route, Text: "it is late, and nobody wants to be told"}
	from := strings.ToLower(m.Envelope.From)
	if at := strings.LastIndexByte(from, '@'); at >= 0 {
		from = from[:at]
	}
	late := slices.DeleteFunc(m.Pending(), func(place int) bool {
		notify := m.Envelope.To[place].Notify
		return notify != "" && !strings.Contains(notify, "DELAY")
	})
	if m.Name.Class.Precedence < 0 || from == "" || len(late) == 0 ||
		strings.HasPrefix(from, "owner-") || strings.HasSuffix(from, "-request") {
		return note, nil
	}
	report := Report{To: r.Router.ReturnTo(m.Envelope), Hostname: r.Hostname, At: r.Now(), Account: string(route), ID: m.Name.ID}
	var text strings.Builder
	fmt.Fprintf(&text, "To: <%s>\nSubject: Warning: could not send message for past %s\nMIME-Version: 1.0\n"+
		"Content-Type: multipart/report; report-type=delivery-status; boundary=late\n\n--late\n\n"+
		"You need not send it again.\n\n--late\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; %s\n", report.To, spell(after), r.Hostname)
	for _, place := range late {
		fmt.Fprintf(&text, "\nFinal-Recipient: rfc822; %s\nAction: delayed\nStatus: 4.0.0\nWill-Retry-Until: %s\n", m.Envelope.To[place].Address, stamp(until))
	}
	text.WriteString("\n--late--\n")
	id, err := r.Spool.Put(context.Background(), report.Envelope(), strings.NewReader(text.String()))
	note.Event, note.Text = eventWarned, "a warning went to "+report.To+" as "+string(id)
	return note, err
}
