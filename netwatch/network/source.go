// Package network knows how a packet leaves this machine: the operating system's
// word on links, addresses, routes and what they cost, made into one state. It
// says when to read that again; whether mail may leave, others decide.
//
//	source, system               what each system is asked, and what pokes
//	facts                        what the answers are put into, in no system's words
//	judge, reason                what they mean for a packet, and in a sentence
//	state                        which is all that comes out
//	kernel, rtnetlink, devices   Linux: links, addresses, routes, rules, modems
//	picture                      Linux: services of the system bus, which are
//	networkmanager, networkd     those two
//	routesocket, ask             macOS and the BSDs
//	adapters, iphelper, hints    Windows
//	wireless                     Linux and Windows: names of wireless networks
package network

import "errors"

// A source is one place that knows something of the network: the kernel, a network
// manager. What a source's events say is not looked at. They only poke; then every
// source fills in its part of the facts anew, so that an event that was lost,
// joined or came twice does no harm.
type source interface {
	// Read adds what the source knows now to f. It is not called by two
	// goroutines at once.
	Read(f *facts) error
	// Close ends the events, and returns when no goroutine is left.
	Close() error
}

// Sources are all that this system can say of its network.
type Sources struct{ all []source }

// Open opens the sources of this system. They call poke, which must not block,
// whenever something may have changed, from before the first Read on.
func Open(poke func()) (*Sources, error) {
	all, err := system(poke)
	if err != nil {
		return nil, err
	}
	return &Sources{all}, nil
}

// Read is the state as it is now. It is not for two goroutines at once.
func (s *Sources) Read() (State, error) {
	var f facts
	for _, one := range s.all {
		if err := one.Read(&f); err != nil {
			return State{}, err
		}
	}
	return judge(&f), nil
}

// Close ends the events, and returns when no goroutine is left.
func (s *Sources) Close() error {
	var all error
	for _, one := range s.all {
		all = errors.Join(all, one.Close())
	}
	return all
}
