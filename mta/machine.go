package mta

import (
	"sync"
	"time"
)

// eachSecond asks for the load of the machine once a second at the most: Linux
// itself reckons it every five, and it is asked for each client and command.
func eachSecond(load func() float64, now func() time.Time) func() float64 {
	var mu sync.Mutex
	var last float64
	var until time.Time
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		if at := now(); !at.Before(until) {
			last, until = load(), at.Add(time.Second)
		}
		return last
	}
}

// mostClients are the clients that are served at once, of those that the
// configuration allows (0: all) and the files that the process may have open (0:
// without bound). Each can need a second one, for its message or a question to
// the name service: a client beyond that would have the messages of the others
// fail, where it can be told to come back.
func mostClients(allowed, files int) int {
	const own = 64 // for the queue, its runs, maps, logs and whoever asks how it is
	if files == 0 {
		return allowed
	}
	room := max(1, (files-own)/2)
	if allowed == 0 {
		return room
	}
	return min(allowed, room)
}
