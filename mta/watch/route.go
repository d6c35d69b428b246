package watch

import (
	"log/slog"

	"mailcrane/internal/logbook"
	"mailcrane/queue"
)

// broken tells of a session that was not opened, or broke. A server whose TLS
// cannot be agreed on stands in sendmail's log as refused by a rule of ours.
func (w *Watch) broken(route queue.Route, fault *queue.RouteFault) {
	if fault == nil || fault.Step != queue.StepTLS {
		return
	}
	w.line(logbook.Refusals, "ruleset=tls_server, arg1=SOFTWARE, relay="+words(fault.Server)+", reject=403 4.7.0 TLS handshake failed.",
		slog.String("event", "tls-server"), slog.String("route", words(string(route))), slog.String("relay", words(fault.Server)), slog.String("why", words(fault.Sentence())))
}
