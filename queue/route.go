package queue

import (
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// dirRoute keeps what was last seen of each route, so that any command can
// say why mail waits. It is not synced: it only tells, and nothing rests on it.
const dirRoute = "route"

// maxRouteState bounds a file of dirRoute.
const maxRouteState = 64 << 10

// NoteRoute writes down what was seen of a route; fault nil means it was up.
func (s *Spool) NoteRoute(route Route, fault *RouteFault) error {
	state := RouteState{At: s.now()}
	if fault != nil {
		state.Fault = &RouteFaultText{Sentence: fault.Sentence(), Hint: fault.Hint, NeedsPerson: fault.NeedsPerson}
	}
	if err := s.disk.Mkdir(s.path(dirRoute, "")); err != nil {
		return err
	}
	// Under tmp/, where Sweep finds what a process that died has left.
	tmp := s.path(dirTmp, "route-"+strconv.FormatUint(uint64(s.now().UnixNano()), 36))
	f, err := s.disk.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.Write(state.append(nil))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = s.disk.Rename(tmp, s.routePath(route))
	}
	if err != nil {
		s.disk.Remove(tmp)
	}
	return err
}

// RouteState is what was last seen of a route; the zero value if nothing.
func (s *Spool) RouteState(route Route) (RouteState, error) {
	f, err := s.disk.Open(s.routePath(route))
	if errors.Is(err, fs.ErrNotExist) {
		return RouteState{}, nil
	}
	if err != nil {
		return RouteState{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRouteState))
	if err != nil {
		return RouteState{}, err
	}
	return parseRouteState(string(text))
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

// routePath is the file of a route: an account's name, which config keeps to
// letters, digits and a few signs.
func (s *Spool) routePath(route Route) string {
	return s.path(dirRoute, strings.ReplaceAll(string(route), "/", "_"))
}
