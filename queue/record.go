package queue

import (
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
)

// maxResultLine bounds a line of a result file, in octets.
const maxResultLine = 16 << 10

// A Record is one line of a message's result file: what became of one
// recipient in one attempt, or what a person did. The file is only appended
// to; a line that a power cut left half-written is passed over.
type Record struct {
	At time.Time `json:"at"`
	// To is the recipient's place in the envelope, and Address its address;
	// -1 and "" where the record is about the whole message.
	To      int    `json:"to"`
	Address string `json:"address,omitempty"`
	// Event is a State's word, for what became of a recipient, or one of the
	// constants below.
	Event    string `json:"event"`
	Route    Route  `json:"route,omitempty"`
	Host     string `json:"host,omitempty"`
	Code     int    `json:"code,omitempty"`
	Enhanced string `json:"enhanced,omitempty"`
	Text     string `json:"text,omitempty"`
}

// The events of a message's story, apart from what became of its recipients.
// The words stand in result files and in JSON, for good.
const (
	EventHeld          = "held"        // Text is why
	EventReleased      = "released"    // held or quarantined no more
	EventQuarantined   = "quarantined" // Text is why
	EventUnquarantined = "unquarantined"
	EventMoved         = "moved"   // to or from a slow queue, as Text says
	EventRetried       = "retried" // due at once, whatever it waited for
	EventRun           = "run"     // that attempt was one of a run that nobody waited for

	EventBounced    = "bounced"    // a report of failure went out
	EventWarned     = "warned"     // a report of the delay went out
	EventConfirmed  = "confirmed"  // a report of success went out
	EventUnreported = "unreported" // nobody was told, for the reason in Text

	// What changes the envelope; see amend.go.
	EventRedirected = "redirected" // recipient To is Address from here on
	EventAdded      = "added"      // one more recipient, behind the others
	EventSender     = "sender"     // the reverse-path is Address
	EventAccount    = "account"    // Route must carry it; "" lets the router choose
	EventTimed      = "timed"      // not before the time in Text; "" for at once
	EventASCII      = "ascii"      // nothing needs SMTPUTF8 any more
	// EventEdited ends the lines of one edit; its Code is their number. Without
	// it they say nothing: a power cut may leave the first half of an append.
	EventEdited = "edited"

	// Only of a message that has left the queue.
	EventRemoved = "removed" // by a person, before the recipient had it
	EventMore    = "more"    // Text is how many recipients are not named
	// eventSubmission stands in fileDone alone; Text is the owner and the number.
	eventSubmission = "submission"
)

// Reply is the reply that the record holds.
func (r Record) Reply() Reply { return Reply{r.Code, r.Enhanced, r.Text} }

func (r Record) failed() bool { return r.Event == Failed.String() }

func record(at time.Time, route Route, to int, address string, o Outcome) Record {
	return Record{
		At: at, To: to, Address: address, Event: o.state.String(), Route: route,
		Host: o.host, Code: o.reply.Code, Enhanced: o.reply.Enhanced, Text: oneLine(o.reply.Text),
	}
}

// recordFields is the fields of a line, which tabs divide (docs/spool.md). The
// last is the sum of those before it.
const recordFields = 10

// append writes the line of a result file. No field can hold a tab or a line
// end.
func (r Record) append(b []byte) []byte {
	start := len(b)
	b = r.At.UTC().AppendFormat(b, time.RFC3339Nano)
	for _, field := range [recordFields - 2]string{
		r.Event, strconv.Itoa(r.To), r.Address, string(r.Route), r.Host, strconv.Itoa(r.Code), r.Enhanced, r.Text,
	} {
		b = append(append(b, '\t'), oneLine(field)...)
	}
	sum := lineSum(b[start:])
	return append(appendHex(append(b, '\t'), sum, sumDigits), '\n')
}

// sumDigits is the length of a line's sum: enough that no damage by chance is
// taken for a line.
const sumDigits = 8

func lineSum(line []byte) uint64 { return xxhash.Sum64(line) & (1<<(4*sumDigits) - 1) }

func parseRecord(line string) (Record, bool) {
	tab := strings.LastIndexByte(line, '\t')
	if tab < 0 || string(appendHex(nil, lineSum([]byte(line[:tab])), sumDigits)) != line[tab+1:] {
		return Record{}, false
	}
	fields := strings.Split(line, "\t")
	if len(fields) != recordFields {
		return Record{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, fields[0])
	to, err2 := strconv.Atoi(fields[2])
	code, err3 := strconv.Atoi(fields[6])
	if err != nil || err2 != nil || err3 != nil || fields[1] == "" || code < 0 || code > 999 {
		return Record{}, false
	}
	return Record{
		At: at, Event: fields[1], To: to, Address: fields[3], Route: Route(fields[4]), Host: fields[5],
		Code: code, Enhanced: fields[7], Text: fields[8],
	}, true
}
