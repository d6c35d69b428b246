package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/msp"
	"mailcrane/msp/listen"
	"mailcrane/queue"
)

// answerUser does a user's command on the queue in the agent, on that user's
// own messages only. What is asked is one of few commands and the ids of
// messages; no flag of a command but --json, no file and no environment of the
// user has a part in it.
func (a *app) answerUser(ctx context.Context, q listen.Question, w io.Writer) {
	var out, errs bytes.Buffer
	b := &app{
		stdin: strings.NewReader(""), stdout: &out, stderr: &errs,
		getenv: a.getenv, now: a.now, load: a.load, configFile: a.configFile, settings: a.settings,
		owner: q.UID,
	}
	err := b.userCommand(ctx, q.Words)
	if err != nil && err.Error() != "" {
		sysexits.Report(&errs, "mailcrane", err)
	}
	fmt.Fprintf(w, answerHead, codeOf(err), out.Len(), errs.Len())
	_, _ = out.WriteTo(w)
	_, _ = errs.WriteTo(w)
}

func (a *app) userCommand(ctx context.Context, words []string) error {
	if len(words) == 0 {
		return sysexits.Errorf(sysexits.Usage, "", "nothing was asked")
	}
	name, words := strings.ReplaceAll(words[0], ".", " "), words[1:]
	if len(words) > 0 && words[0] == "--json" {
		a.json, words = true, words[1:]
	}
	ids, err := a.ownIDs(name, words)
	if err != nil {
		return err
	}
	switch {
	case name == "queue", name == "queue list":
		return a.queueList(ctx)
	case name == "status":
		return a.status(ctx, false)
	case name == "mailq":
		s := &services{app: *a}
		return exit(s.ListQueue(ctx, msp.Listing{CountOnly: len(words) > 0 && words[0] == "count", Verbose: len(words) > 0 && words[0] == "verbose"}))
	case len(ids) == 0:
		return onlyRoot(name)
	case name == "queue show":
		return a.queueShow(ctx, string(ids[0]), false)
	case name == "explain":
		return a.explainMessage(ctx, string(ids[0]))
	}
	for _, e := range queueEdits {
		if name == "queue "+e.name {
			return a.editAll(ctx, ids, e)
		}
	}
	return onlyRoot(name)
}

// ownIDs reads the ids that a user names, each of a message of that user's.
// Those of others are as those that there are not.
func (a *app) ownIDs(name string, words []string) ([]queue.ID, error) {
	if !allowed(name) {
		return nil, onlyRoot(name)
	}
	if name == "mailq" {
		return nil, nil
	}
	ids, err := parseIDs(words)
	if err != nil {
		return nil, err
	}
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := a.mustOwn(c, id); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (a *app) mustOwn(c *config.Config, id queue.ID) error {
	entry, message, err := a.spool(c).Read(id)
	if err == nil {
		message.Close()
		if a.owns(entry) {
			return nil
		}
	}
	if err != nil && !errors.Is(err, queue.NoMessage(id)) {
		return cannotUseSpool(c, err)
	}
	return sysexits.Errorf(sysexits.DataErr, "see your own with: mailcrane queue", "you have no message %s in the queue: it has left, or is not yours", id)
}

// owns says that a message may be shown to who asks.
func (a *app) owns(e queue.Entry) bool {
	return a.owner == "" || e.Envelope != nil && e.Envelope.Owner == a.owner
}
