package logbook

import (
	"errors"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"
)

// journald is systemd's. Its fields are MAILCRANE_ and the name of the fact.
type journald struct{ tag string }

func newJournal(tag string) (sender, error) { return journald{tag}, nil }

var errNoJournal = errors.New("there is no journal")

func (j journald) send(e entry) error {
	if !journal.Enabled() {
		return errNoJournal
	}
	fields := map[string]string{
		"SYSLOG_IDENTIFIER": j.tag, "SYSLOG_FACILITY": strconv.Itoa(facilityMail >> 3), "SYSLOG_PID": pid(),
		"SYSLOG_TIMESTAMP": e.at.Format("Jan _2 15:04:05 "),
	}
	for key, value := range e.fields {
		fields["MAILCRANE_"+fieldName(key)] = value
	}
	return journal.Send(e.line, journal.Priority(severity(e.level)), fields) //nolint:gosec // 0 to 7
}

func (journald) close() {}

// fieldName is a key as a journal has it: capitals, digits and underscores.
func fieldName(key string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(key))
}
