package main

import (
	"time"

	"mailcrane/queue"
)

// A queueItem is a message in --json.
type queueItem struct {
	ID       queue.ID        `json:"id"`
	State    string          `json:"state"`
	From     string          `json:"from"`
	To       []recipientItem `json:"to"`
	Size     int64           `json:"size"`
	Received time.Time       `json:"received"`
	Queue    string          `json:"queue,omitempty"` // the slow queue it is in
	Attempts int             `json:"attempts"`
	Next     *time.Time      `json:"next,omitempty"`
	Account  string          `json:"account,omitempty"`
	Rule     string          `json:"rule,omitempty"` // that keeps it back
	Why      string          `json:"why,omitempty"`
	Mend     string          `json:"mend,omitempty"`
}

type recipientItem struct {
	Address string `json:"address"`
	State   string `json:"state"`
	Host    string `json:"host,omitempty"`
	Reply   string `json:"reply,omitempty"`
}

func (w waiting) item(now time.Time) queueItem {
	item := queueItem{
		To: []recipientItem{}, // not null
		ID: w.Name.ID, State: w.State(now), Queue: w.Name.Slow(), From: w.Envelope.From, Size: w.Name.Size,
		Received: w.Envelope.Received, Attempts: w.Name.Attempts, Account: string(w.route), Rule: w.rule, Why: w.why, Mend: w.mend,
	}
	if at := w.Name.DueAt(); !at.IsZero() && !w.kept && !w.uncalled {
		item.Next = &at
	}
	for i, to := range w.Envelope.To {
		r := w.Results[i]
		reply := ""
		if r.State != 0 {
			reply = r.Last.Reply().String()
		}
		item.To = append(item.To, recipientItem{to.Address, r.State.String(), r.Last.Host, reply})
	}
	return item
}
