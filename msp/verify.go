package msp

import (
	"context"
	"fmt"

	"mailcrane/internal/address"
	"mailcrane/internal/header"
	"mailcrane/internal/sysexits"
)

// verifyServer is -bv where this machine is a server, whose maps, aliases and
// .forward files say what becomes of addresses.
func (s *submission) verifyServer(ctx context.Context) int {
	if len(s.inv.Operands) == 0 {
		return s.refuse(usage("Recipient names must be specified"))
	}
	s.header = &header.Section{}
	if err := s.chooseSender(); err != nil {
		return s.refuse(err)
	}
	return s.Services.Verify(ctx, s.envelope.From, s.inv.Operands, s.inv.Verbose)
}

// verify is -bv: it says what would become of addresses, and sends nothing.
func (s *submission) verify() int {
	if len(s.inv.Operands) == 0 {
		return s.refuse(usage("Recipient names must be specified"))
	}
	s.header = &header.Section{}
	if err := s.chooseSender(); err != nil {
		return s.refuse(err)
	}
	code := sysexits.OK
	seen := map[string]bool{}
	for _, word := range s.inv.Operands {
		list, bad := address.ParseList(word)
		for _, b := range bad {
			fmt.Fprintln(s.Stdout, b)
			code = sysexits.Usage
		}
		for _, box := range list {
			if c := s.verifyOne(box.Address, seen); c != sysexits.OK {
				code = c
			}
		}
	}
	return code
}

func (s *submission) verifyOne(name string, seen map[string]bool) int {
	all, failure := s.resolve(name)
	if failure != nil {
		fmt.Fprintf(s.Stdout, "%s... %s\n", failure.Address, failure.Text)
		return failure.Code
	}
	code := sysexits.OK
	for _, final := range all {
		if s.inv.Verbose && final != name {
			fmt.Fprintf(s.Stdout, "%s... aliased to %s\n", name, final)
		}
		if c := s.verifyFinal(final, seen); c != sysexits.OK {
			code = c
		}
	}
	return code
}

func (s *submission) verifyFinal(final string, seen map[string]bool) int {
	key := address.Key(final)
	if seen[key] {
		if s.inv.Verbose {
			fmt.Fprintf(s.Stdout, "%s... duplicate suppressed\n", final)
		}
		return sysexits.OK
	}
	seen[key] = true
	a := s.cfg.ForSender(s.envelope.From)
	if a == nil {
		fmt.Fprintf(s.Stdout, "%s... no account is set up to send it: mailcrane setup\n", final)
		return sysexits.Config
	}
	fmt.Fprintf(s.Stdout, "%s... deliverable: mailer relay, host %s, user %s\n", final, a.Smarthost.Host, final)
	return sysexits.OK
}
