package mx

import (
	"context"
	"fmt"

	"mailcrane/internal/visible"
	"mailcrane/queue"
)

// An ending is why no host of a destination can be used: a fault that passes, or
// a reply for each message.
type ending struct {
	fault *queue.RouteFault
	reply queue.Reply
}

// passes says that another host may know more: a fault, or a host that nobody
// knows here.
func (e ending) passes() bool { return e.fault != nil || e.reply.Enhanced == unknownHost }

// unknownHost is "bad destination system address" (RFC 3463 section 3.2).
const unknownHost = "5.1.2"

// mostShown bounds a name from outside in a reply.
const mostShown = 120

func noSuchHost(host string) ending {
	return refused(unknownHost, "Host unknown (Name server: %s: host not found)", host)
}

// nullMX is RFC 7505 section 4.1.
func nullMX(domain string) ending {
	return refused("5.1.10", "the domain %s says that it takes no mail (null MX)", domain)
}

// loops is sendmail's, of a destination whose best exchanger we are though its
// mail does not end here.
func loops(domain string) ending {
	return refused("5.3.5", "%s config error: mail loops back to me (MX problem?)", domain)
}

func refused(enhanced, format, host string) ending {
	code := 550
	switch enhanced {
	case "5.1.10":
		code = 556
	case "5.3.5":
		code = 553
	}
	return ending{reply: queue.Reply{Code: code, Enhanced: enhanced, Text: fmt.Sprintf(format, visible.Line(host, mostShown))}}
}

// refusing is the session of a destination that takes no mail: each recipient is
// refused on its own, and the route is well.
type refusing struct{ reply queue.Reply }

// Deliver implements queue.Session.
func (s refusing) Deliver(_ context.Context, d *queue.Delivery) *queue.RouteFault {
	for i := range d.To {
		d.Report(i, queue.OutcomeOf("", s.reply))
	}
	return nil
}

// Close implements queue.Session.
func (refusing) Close(context.Context) {}
