package watch

import (
	"errors"
	"fmt"
	"log/slog"

	"mailcrane/internal/logbook"
	"mailcrane/mta/access"
	"mailcrane/queue"
)

// Exchanger is told of a host that could not be used, where another was tried
// after it.
func (w *Watch) Exchanger(route queue.Route, fault *queue.RouteFault) { w.broken(route, fault) }

// broken tells of a session that was not opened, or broke. A server whose TLS
// cannot be agreed on, or is not what is asked of it, stands in sendmail's log as
// refused by a rule of ours.
func (w *Watch) broken(route queue.Route, fault *queue.RouteFault) {
	if fault == nil || fault.Step != queue.StepTLS {
		return
	}
	verify, reject := "SOFTWARE", "403 4.7.0 TLS handshake failed."
	if refusal, ok := errors.AsType[*access.Refusal](fault.Err); ok {
		verify, reject = "", words(refusal.Error())
		if judged, ok := errors.AsType[interface {
			error
			Verified() string
		}](fault.Err); ok {
			verify = words(judged.Verified())
		}
	}
	w.line(logbook.Refusals, fmt.Sprintf("ruleset=tls_server, arg1=%s, relay=%s, reject=%s", verify, words(fault.Server), reject),
		slog.String("event", "tls-server"), slog.String("route", words(string(route))), slog.String("relay", words(fault.Server)), slog.String("why", words(fault.Sentence())))
}
