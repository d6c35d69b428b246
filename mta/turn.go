package mta

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/config"
	"mailcrane/internal/visible"
	"mailcrane/queue"
)

// A Turner sends what waits for a peer over the connection that the peer has made
// (ATRN, RFC 2645): turn.Desk is one. run is as in smtpd.Turner.
type Turner interface {
	Ask(user string, allowed []string, domains string) (run func(ctx context.Context, conn net.Conn), err error)
}

// mostNode bounds what a client has said, in a line of the log.
const mostNode = 320

// ETRN starts a queue run for a node (RFC 1985).
func (s *session) ETRN(text string) error {
	s.told.Asked("ETRN", text)
	if err := s.judge(s.visit.ETRN(s.ctx)); err != nil {
		return err
	}
	node, what, err := s.node(text)
	if err != nil {
		return err
	}
	n, known := s.waits(node)
	if known && n == 0 {
		return reply(251, smtp.EnhancedCode{2, 0, 0}, "OK, no messages waiting for "+what)
	}
	if s.server.Run == nil {
		err = errors.New("there is no queue run here")
	} else {
		err = s.server.Run(node)
	}
	switch {
	case err != nil:
		s.server.Log.Warn("a queue run that ETRN asked for did not begin", "node", visible.Line(text, mostNode), "err", err)
		return reply(458, smtp.EnhancedCode{4, 5, 4}, "Unable to queue messages for "+what)
	case known && n < mostCounted:
		return reply(253, smtp.EnhancedCode{2, 0, 0}, "OK, "+strconv.Itoa(n)+" pending messages for "+what+" started")
	case known:
		return reply(252, smtp.EnhancedCode{2, 0, 0}, "OK, pending messages for "+what+" started")
	}
	return reply(250, smtp.EnhancedCode{2, 0, 0}, "Queuing for "+what+" started")
}

// mainQueue is sendmail's name for the queue that is no other.
const mainQueue = "mqueue"

// node is what ETRN asks for: a domain, or a queue. what names it in replies.
func (s *session) node(text string) (n queue.Node, what string, err error) {
	group, isGroup := strings.CutPrefix(text, "#")
	if !isGroup {
		if n, err = queue.ParseNode(text); err != nil {
			return n, "", reply(459, smtp.EnhancedCode{4, 5, 4}, "Node "+text+" not allowed: "+err.Error())
		}
		return n, "node " + text, nil
	}
	known := func(q config.SlowQueue) bool { return q.Name == group }
	switch {
	case group == mainQueue:
		n = queue.NodeOf("")
	case slices.ContainsFunc(s.rules.config.Queue.Slow, known):
		n = queue.NodeOf(group)
	default:
		return n, "", reply(459, smtp.EnhancedCode{4, 5, 4}, "Queue "+group+" unknown")
	}
	return n, "queue group " + group, nil
}

// mostCounted is how many messages ETRN counts.
const mostCounted = 1000

// waits counts the messages of a node for a client that has logged in. How much
// mail waits for whom is told to nobody else, nor is the queue read for them.
func (s *session) waits(node queue.Node) (n int, known bool) {
	if s.visit.Client.User == "" {
		return 0, false
	}
	n, err := s.server.Spool.WaitingFor(node.Wants, s.server.Now(), mostCounted)
	return n, err == nil
}

// Turn implements smtpd.Turner.
func (s *session) Turn(domains string) (func(context.Context, net.Conn), error) {
	s.told.Asked("ATRN", domains)
	user := s.visit.Client.User
	if user == "" || s.server.Turn == nil {
		return nil, reply(530, smtp.EnhancedCode{5, 7, 0}, "Authentication required")
	}
	run, err := s.server.Turn.Ask(user, s.rules.config.MTA.Turn.Domains(user), domains)
	if err != nil {
		refused, ok := errors.AsType[*smtp.SMTPError](err)
		if !ok {
			s.server.Log.Warn("a connection could not be turned round", "user", user, "err", err)
		}
		return nil, cmp.Or(refused, reply(451, smtp.EnhancedCode{4, 3, 0}, "Unable to process ATRN request now"))
	}
	return run, nil
}
