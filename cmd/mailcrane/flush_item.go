package main

import "mailcrane/queue"

// A resultItem is what became of one recipient in a queue run, in --json.
type resultItem struct {
	Kind    string   `json:"kind"` // "result"
	ID      queue.ID `json:"id"`
	From    string   `json:"from"`
	Address string   `json:"address"`
	State   string   `json:"state"`
	Host    string   `json:"host,omitempty"`
	Reply   string   `json:"reply,omitempty"`
	// Why and Mend are of a recipient that send --wait has waited for in vain.
	Why  string `json:"why,omitempty"`
	Mend string `json:"mend,omitempty"`
}

func resultOf(e queue.Event) resultItem {
	return resultItem{
		Kind: "result", ID: e.ID, From: e.From, Address: e.To,
		State: e.Outcome.State().String(), Host: e.Outcome.Host(), Reply: e.Outcome.Reply().String(),
	}
}

// A runItem is a queue run that has ended, in --json.
type runItem struct {
	Kind       string `json:"kind"` // "run"
	Delivered  int    `json:"delivered"`
	Deferred   int    `json:"deferred"`
	Failed     int    `json:"failed"`
	Silent     int    `json:"silent"`
	Uncertain  int    `json:"uncertain"`
	Twice      int    `json:"twice"`
	Others     int    `json:"others"`
	Waiting    int    `json:"waiting"`
	Later      int    `json:"later"`
	Kept       int    `json:"kept"`
	OnDemand   int    `json:"on_demand"`
	Unroutable int    `json:"unroutable"`
	// Down says of each account that could not send why.
	Down map[queue.Route]queue.RouteFaultText `json:"down,omitempty"`
}

func runOf(s queue.Summary) runItem {
	r := runItem{
		Kind: "run", Delivered: s.Delivered, Deferred: s.Deferred, Failed: s.Failed, Silent: s.Silent, Uncertain: s.Uncertain, Twice: s.Twice,
		Others: s.Others, Waiting: s.Waiting, Later: s.Later, Kept: s.Kept, OnDemand: s.OnDemand, Unroutable: s.Unroutable,
		Down: make(map[queue.Route]queue.RouteFaultText, len(s.Faults)),
	}
	for route, fault := range s.Faults {
		r.Down[route] = fault.Text()
	}
	return r
}
