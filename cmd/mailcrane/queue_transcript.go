package main

import (
	"fmt"
	"time"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/smarthost"
)

// queueTranscript prints the last session about a message: one with its
// server or, where none could be opened since, the last attempt to open one.
func (a *app) queueTranscript(word string) error {
	ids, c, err := a.named(word)
	if err != nil {
		return err
	}
	spool := a.spool(c)
	entry, message, err := spool.Read(ids[0])
	if err != nil {
		return cannotUseSpool(c, err)
	}
	message.Close()
	t, err := lastTranscript(spool, a.router(c, smarthost.New(c, smarthost.Options{Getenv: a.getenv})), entry)
	if err != nil {
		return cannotUseSpool(c, err)
	}
	if a.json {
		writeJSON(a.stdout, transcriptItem{ids[0], t})
		return nil
	}
	if len(t.Lines) == 0 {
		return sysexits.Errorf(sysexits.DataErr, "see why it waits with: mailcrane explain "+string(ids[0]),
			"there was no session with a server about message %s yet", ids[0])
	}
	fmt.Fprintf(a.stdout, "*** %s, %s\n", t.At.Local().Format(time.DateTime), printable(wayOf(t.Route)))
	for _, line := range t.Lines {
		fmt.Fprintln(a.stdout, printable(line))
	}
	return nil
}

// A transcriptItem is queue show --transcript in --json.
type transcriptItem struct {
	ID queue.ID `json:"id"`
	queue.Transcript
}

// lastTranscript is the later one of a message's last session and the last one
// that its route did not allow.
func lastTranscript(s *queue.Spool, out queue.Router, e queue.Entry) (queue.Transcript, error) {
	t, err := s.Transcript(e.Name.ID)
	if err != nil {
		return t, err
	}
	route, err := out.Route(e.Envelope)
	if err != nil {
		return t, nil //nolint:nilerr // a message without a route may have had a session before
	}
	state, err := s.RouteState(route)
	if err != nil || state.Fault == nil || !state.At.After(t.At) {
		return t, err
	}
	last, err := s.RouteTranscript(route)
	if err != nil || !last.At.Equal(state.At) {
		return t, err // that fault came before a word was said
	}
	return last, nil
}
