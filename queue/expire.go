package queue

import (
	"fmt"
	"time"
)

// eventRun marks an attempt of a queue run that nobody waits for: what of the
// time before it counts is not for the schedule to say (schedule.triedFor).
const eventRun = "run"

func runRecord(now time.Time, route Route) Record {
	return Record{At: now, To: -1, Event: eventRun, Route: route, Text: "sendmail -q, as from cron"}
}

// outcome is the result as that of an attempt; the zero one where none was
// made.
func (r Result) outcome() Outcome {
	return Outcome{state: r.State, reply: r.Last.Reply(), host: r.Last.Host}
}

// expired turns the last result for a recipient whose time is over into a
// failure (RFC 3463: 4.4.7).
func (a age) expired(last Outcome) Outcome {
	var text string
	switch untried, time := last.state == 0, spell(a.old); {
	case a.life < 0 && untried:
		text = "given up untried: queuereturn=now gives up all that is in the queue"
	case a.life < 0:
		text = fmt.Sprintf("given up: queuereturn=now gives up all that is in the queue; the last answer was: %s", last.reply)
	case untried:
		text = fmt.Sprintf("in the queue for %s, and no server could be reached in that time", time)
	case last.state == Uncertain:
		text = fmt.Sprintf("sent again and again for %s, and no answer came, so it may have arrived, and more than once: %s", time, last.reply)
	default:
		text = fmt.Sprintf("tried for %s without success; the last answer was: %s", time, last.reply)
	}
	return Outcome{state: Failed, reply: Reply{Enhanced: "4.4.7", Text: text}, host: last.host}
}
