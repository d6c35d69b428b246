package queue

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"strconv"
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
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	if err := s.disk.Mkdir(s.path(dirRoute, "")); err != nil {
		return err
	}
	tmp := s.path(dirRoute, ".new-"+strconv.FormatUint(uint64(s.now().UnixNano()), 36))
	f, err := s.disk.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
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
	var state RouteState
	return state, json.Unmarshal(text, &state)
}

func (s *Spool) routePath(route Route) string {
	return s.path(dirRoute, url.PathEscape(string(route)))
}
