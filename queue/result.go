package queue

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"
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
	// Event is a State's word, or "held", "released", "retried", "bounced" or
	// "unreported".
	Event    string `json:"event"`
	Route    Route  `json:"route,omitempty"`
	Host     string `json:"host,omitempty"`
	Code     int    `json:"code,omitempty"`
	Enhanced string `json:"enhanced,omitempty"`
	Text     string `json:"text,omitempty"`
}

// Reply is the reply that the record holds.
func (r Record) Reply() Reply { return Reply{r.Code, r.Enhanced, r.Text} }

// A Result is where one recipient stands.
type Result struct {
	State State // 0: not tried yet
	Last  Record
}

// Done says that nothing remains to be tried for the recipient.
func (r Result) Done() bool { return r.State == Delivered || r.State == Failed }

func (r Result) failed() bool { return r.State == Failed }

func (r Result) unsure() bool { return r.State == Uncertain }

func (r Record) failed() bool { return r.Event == Failed.String() }

func record(at time.Time, route Route, to int, address string, o Outcome) Record {
	return Record{
		At: at, To: to, Address: address, Event: o.state.String(), Route: route,
		Host: o.host, Code: o.reply.Code, Enhanced: o.reply.Enhanced, Text: oneLine(o.reply.Text),
	}
}

// recordFields is the fields of a line, which tabs divide (docs/spool.md).
const recordFields = 9

// append writes the line of a result file. No field can hold a tab or a line
// end.
func (r Record) append(b []byte) []byte {
	b = r.At.UTC().AppendFormat(b, time.RFC3339Nano)
	for _, field := range [recordFields - 1]string{
		r.Event, strconv.Itoa(r.To), r.Address, string(r.Route), r.Host, strconv.Itoa(r.Code), r.Enhanced, r.Text,
	} {
		b = append(append(b, '\t'), oneLine(field)...)
	}
	return append(b, '\n')
}

func parseRecord(line string) (Record, bool) {
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

// appendRecords writes records to the result file of id, synced.
func (s *Spool) appendRecords(id ID, records []Record) error {
	if len(records) == 0 {
		return nil
	}
	var text []byte
	for _, r := range records {
		text = r.append(text)
	}
	path := s.path(dirResult, string(id))
	f, err := s.disk.Append(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if endsTorn(f) {
		// A power cut left half a line: end it, so that this one stands alone.
		text = append([]byte{'\n'}, text...)
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return s.disk.SyncDir(s.path(dirResult, ""))
}

// endsTorn says whether the file ends in the middle of a line.
func endsTorn(f File) bool {
	torn := false
	buffer := make([]byte, 4096)
	for {
		n, err := f.Read(buffer)
		if n > 0 {
			torn = buffer[n-1] != '\n'
		}
		if err != nil {
			return torn
		}
	}
}

// History is the whole story of a message, oldest first. A message that was
// never tried has none.
func (s *Spool) History(id ID) ([]Record, error) {
	f, err := s.disk.Open(s.path(dirResult, string(id)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readRecords(f)
}

func readRecords(r io.Reader) ([]Record, error) {
	lines := bufio.NewReaderSize(r, maxResultLine)
	var records []Record
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue // no line of ours is so long; its end will not parse either
		case errors.Is(err, io.EOF):
			return records, nil // a line without its end is half-written
		case err != nil:
			return records, err
		}
		if record, ok := parseRecord(string(line[:len(line)-1])); ok {
			records = append(records, record)
		}
	}
}

// standing is where each of n recipients stands after records.
func standing(n int, records []Record) []Result {
	results := make([]Result, n)
	update(results, records)
	return results
}

// update takes records into results. What is done stays as it is.
func update(results []Result, records []Record) {
	for _, r := range records {
		if r.To < 0 || r.To >= len(results) {
			continue
		}
		for state, name := range stateNames {
			if state != 0 && name == r.Event && !results[r.To].Done() {
				results[r.To] = Result{State(state), r}
			}
		}
	}
}

// pending is the places of the recipients still to be tried.
func pending(results []Result) []int {
	var places []int
	for i, r := range results {
		if !r.Done() {
			places = append(places, i)
		}
	}
	return places
}
