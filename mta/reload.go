package mta

import (
	"context"
	"errors"
	"slices"

	"mailcrane/internal/config"
	"mailcrane/internal/socket"
	"mailcrane/internal/sysexits"
)

// Reload has the server go by another configuration from the next client on:
// rules, maps, certificates, listeners. Where anything of it is wrong, nothing
// changes. A listener that stays is never shut, so that no client is turned away;
// one that goes stays open for those who are connected.
func (s *Server) Reload(ctx context.Context, c *config.Config) error {
	if c.MTA.RunAs != s.rules.Load().config.MTA.RunAs {
		return sysexits.Errorf(sysexits.Config, "start the server anew", "run_as changed, and a server becomes another user only when it starts")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// Nothing ends before everything is open.
	fresh, err := s.openNew(ctx, c)
	if err != nil {
		return err
	}
	r, err := s.read(c)
	if err != nil {
		for _, p := range fresh {
			err = errors.Join(err, p.Close())
		}
		return err
	}
	r.certificates.Begin()
	s.engine.SetOptions(r.limits(s))
	before := s.rules.Swap(r)
	before.end()
	s.endGreylist(before.greylist, r.greylist)
	s.takeOver(c, fresh)
	return nil
}

// openNew opens the listeners that there were not. After an error none of them is
// open.
func (s *Server) openNew(ctx context.Context, c *config.Config) (fresh []*port, err error) {
	for i := range c.MTA.Listeners {
		is := &c.MTA.Listeners[i]
		if s.portAt(is.Address) != nil {
			continue
		}
		l, err := open(ctx, &socket.Inheritance{}, is)
		switch {
		case err != nil && is.Optional:
			s.Log.Warn("listener left out", "address", is.Address, "err", err)
		case err != nil:
			for _, p := range fresh {
				err = errors.Join(err, p.Close())
			}
			return nil, err
		default:
			fresh = append(fresh, newPort(l, is))
		}
	}
	return fresh, nil
}

// portAt is the open listener of an address, or nil.
func (s *Server) portAt(address string) *port {
	for _, p := range s.ports {
		if p.is.Load().Address == address {
			return p
		}
	}
	return nil
}

// takeOver shuts the listeners that are no more, and begins with the new ones.
func (s *Server) takeOver(c *config.Config, fresh []*port) {
	var stay []*port
	for _, p := range s.ports {
		if is := listenerAt(c, p.is.Load().Address); is != nil {
			p.is.Store(is)
			stay = append(stay, p)
			continue
		}
		s.Log.Info("listening no more", "address", p.is.Load().Address)
		_ = p.Close() // it is shut whatever it says
	}
	s.ports = slices.Concat(stay, fresh)
	if s.serving == nil {
		return
	}
	for _, p := range fresh {
		s.start(s.serving, p)
	}
}

func listenerAt(c *config.Config, address string) *config.Listener {
	for i := range c.MTA.Listeners {
		if is := &c.MTA.Listeners[i]; is.Address == address {
			return is
		}
	}
	return nil
}
