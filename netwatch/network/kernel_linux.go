package network

import (
	"errors"
	"fmt"
	"sync"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// groups are the multicast groups of rtnetlink(7) whose events poke us, as the
// bit mask of a netlink address.
const groups = 1<<(unix.RTNLGRP_LINK-1) |
	1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1) |
	1<<(unix.RTNLGRP_IPV4_ROUTE-1) | 1<<(unix.RTNLGRP_IPV6_ROUTE-1) |
	1<<(unix.RTNLGRP_IPV4_RULE-1) | 1<<(unix.RTNLGRP_IPV6_RULE-1)

// kernel is the source that reads rtnetlink(7).
type kernel struct {
	netns  int // a namespace's descriptor; 0 is the one this process is in
	events *netlink.Conn
	done   chan struct{}

	mu     sync.Mutex
	closed bool
	broken error // why no more events come
}

// openKernel joins the groups before the first Read, so that no change falls
// between the two.
func openKernel(poke func(), netns int) (*kernel, error) {
	events, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{Groups: groups, NetNS: netns})
	if err != nil {
		return nil, fmt.Errorf("network events cannot be had: %w", err)
	}
	k := &kernel{netns: netns, events: events, done: make(chan struct{})}
	go k.listen(poke)
	return k, nil
}

// listen sleeps in the runtime's poller until the kernel says something.
func (k *kernel) listen(poke func()) {
	defer close(k.done)
	for {
		_, err := k.events.Receive()
		switch {
		case err == nil:
		case errors.Is(err, unix.ENOBUFS):
			// Events were lost, which no more than pokes.
		default:
			if k.breakOff(err) {
				poke()
			}
			return
		}
		poke()
	}
}

// breakOff remembers why the events ended, and says whether it was unasked.
func (k *kernel) breakOff(err error) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed {
		k.broken = fmt.Errorf("network events have ended: %w", err)
	}
	return !k.closed
}

// Close ends the events.
func (k *kernel) Close() error {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	err := k.events.Close()
	<-k.done
	return err
}

// Read dumps links, addresses, routes and rules. Each reading has a socket of
// its own, so that what went wrong in one is not met by the next. A dump that
// a change overtakes is put right by that change's event. There is no deadline,
// because the kernel answers within the call, and because the runtime's timer
// would wake an idle process once more when it has long been over.
func (k *kernel) Read(f *facts) error {
	k.mu.Lock()
	broken := k.broken
	k.mu.Unlock()
	if broken != nil {
		return broken
	}
	c, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: k.netns})
	if err != nil {
		return fmt.Errorf("the kernel's network tables cannot be read: %w", err)
	}
	defer func() { _ = c.Close() }()
	for _, t := range tables() {
		if err := t.dump(c, f); err != nil {
			return fmt.Errorf("the kernel's network tables cannot be read: %w", err)
		}
	}
	return nil
}

// A table is one of the kernel's: how to ask for it, and how to read a record.
type table struct {
	kind    netlink.HeaderType
	request func() ([]byte, error)
	read    func(data []byte, f *facts) error
	// spare: some kernels do not have it, and the state can be made without.
	spare bool
}

func (t table) dump(c *netlink.Conn, f *facts) error {
	data, err := t.request()
	if err != nil {
		return err
	}
	messages, err := c.Execute(netlink.Message{
		Header: netlink.Header{Type: t.kind, Flags: netlink.Request | netlink.Dump},
		Data:   data,
	})
	if err != nil {
		if t.spare && !errors.Is(err, unix.EINTR) {
			return nil
		}
		return err
	}
	for _, m := range messages {
		if err := t.read(m.Data, f); err != nil {
			f.gap = fmt.Errorf("a record of the kernel's network tables cannot be understood: %w", err)
		}
	}
	return nil
}
