package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
)

// dirRoute keeps what was last seen of each route, so that any command can
// say why mail waits. It is not synced: it only tells, and nothing rests on it.
const dirRoute = "route"

// maxRouteState bounds a file of dirRoute.
const maxRouteState = 64 << 10

// A RouteState is what was last seen of a route, by any process.
type RouteState struct {
	At time.Time `json:"at"`
	// Fault is nil if the route was up then.
	Fault *RouteFaultText `json:"fault,omitempty"`
}

// RouteFaultText is a RouteFault as it is kept and shown.
type RouteFaultText struct {
	Sentence    string `json:"sentence"`
	Hint        string `json:"hint,omitempty"`
	NeedsPerson bool   `json:"needs_person,omitempty"`
}

// Text is the fault as it is kept and shown.
func (f *RouteFault) Text() RouteFaultText {
	return RouteFaultText{Sentence: f.Sentence(), Hint: f.Hint, NeedsPerson: f.NeedsPerson}
}

// NoteRoute writes down what was seen of a route; fault nil means it was up.
func (s *Spool) NoteRoute(route Route, fault *RouteFault) error {
	state := RouteState{At: s.now()}
	if fault != nil {
		text := fault.Text()
		state.Fault = &text
	}
	if fault != nil && len(fault.Transcript) > 0 {
		t := Transcript{At: state.At, Route: route, Lines: fault.Transcript}
		if err := s.replace(dirRoute, RouteFile(route)+transcriptSuffix, t.append(nil)); err != nil {
			return err
		}
	}
	return s.replace(dirRoute, RouteFile(route), state.append(nil))
}

// RouteState is what was last seen of a route; the zero value if nothing.
func (s *Spool) RouteState(route Route) (RouteState, error) {
	text, err := s.readAll(s.routePath(route), maxRouteState)
	if errors.Is(err, fs.ErrNotExist) {
		return RouteState{}, nil
	}
	if err != nil {
		return RouteState{}, err
	}
	return parseRouteState(text)
}

// append writes the state as one line of fields that tabs divide: the time,
// "up" or "down" or "person" (down until a person has acted), sentence, hint.
func (r RouteState) append(b []byte) []byte {
	b = r.At.UTC().AppendFormat(b, time.RFC3339Nano)
	if r.Fault == nil {
		return append(b, "\tup\n"...)
	}
	word := "down"
	if r.Fault.NeedsPerson {
		word = "person"
	}
	for _, field := range [...]string{word, r.Fault.Sentence, strings.ReplaceAll(r.Fault.Hint, "\n", "\v")} {
		field = strings.ReplaceAll(strings.ReplaceAll(field, "\t", " "), "\n", " ")
		b = append(append(b, '\t'), field...)
	}
	return append(b, '\n')
}

func parseRouteState(text string) (RouteState, error) {
	fields := strings.Split(strings.TrimSuffix(text, "\n"), "\t")
	at, err := time.Parse(time.RFC3339Nano, fields[0])
	switch {
	case err != nil:
		return RouteState{}, err
	case len(fields) == 4:
		return RouteState{At: at, Fault: &RouteFaultText{
			NeedsPerson: fields[1] == "person", Sentence: fields[2], Hint: strings.ReplaceAll(fields[3], "\v", "\n"),
		}}, nil
	}
	return RouteState{At: at}, nil
}

// transcriptSuffix is added for the transcript of the last session that could
// not be opened. No account has a name with such a sign.
const transcriptSuffix = "~transcript"

func (s *Spool) routePath(route Route) string { return s.path(dirRoute, RouteFile(route)) }

// RouteFile is the file of a route: an account's name, which config keeps to
// letters, digits and a few signs, or that with another server's. A door of a
// server may have any name, and one of any length.
func RouteFile(route Route) string {
	if !route.door() {
		return strings.NewReplacer("/", "_", ":", "_").Replace(string(route))
	}
	plain := strings.Map(func(r rune) rune {
		if r < '0' && r != '.' && r != '-' || r > 'z' || r > '9' && r < 'a' {
			return '_'
		}
		return r
	}, strings.ToLower(string(route)))
	const most = 60                                                                                         // what a person needs to know it
	return fmt.Sprintf("%s~%08x", plain[:min(len(plain), most)], uint32(xxhash.Sum64String(string(route)))) //nolint:gosec // the low half
}

// forgetRoute removes what NoteRoute wrote. It only tells.
func (s *Spool) forgetRoute(route Route) {
	s.disk.Remove(s.routePath(route))
	s.disk.Remove(s.routePath(route) + transcriptSuffix)
}
