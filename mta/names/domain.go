package names

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// ErrNullMX is that a domain takes no mail, and so sends none (RFC 7505 section
// 4.2); it is an ErrNone too.
var ErrNullMX = fmt.Errorf("the domain says that it takes no mail (null MX): %w", ErrNone)

// Exists says whether mail can be answered to a domain: it has an MX or an
// address. It returns ErrNone or ErrNullMX where it has not, or a temporary
// error.
func Exists(ctx context.Context, r Resolver, domain string) error {
	all, err := r.Exchangers(ctx, domain)
	switch {
	case err == nil && len(all) > 0 && all[0].Host == "":
		return ErrNullMX
	case err == nil && len(all) > 0:
		return nil
	case err != nil && !errors.Is(err, ErrNone):
		return err
	}
	addrs, err := r.Addresses(ctx, domain)
	if len(addrs) > 0 {
		return nil
	}
	return err
}

// BadMX says whether mail to a domain would go nowhere, as FEATURE(badmx) has
// it: the host is a mail exchanger of the best preference that has an address in
// 127/8, 10/8 or 0.0.0.0, "" where there is none. The error is temporary; a
// domain without an MX is not bad.
func BadMX(ctx context.Context, r Resolver, domain string) (host string, err error) {
	all, err := r.Exchangers(ctx, domain)
	if err != nil || len(all) == 0 {
		return "", temporary(err)
	}
	for i, mx := range all {
		if mx.Preference != all[0].Preference || i >= mostForward {
			break
		}
		addrs, wrong := r.IPv4(ctx, mx.Host)
		for _, addr := range addrs {
			if nowhere(addr) {
				return mx.Host, nil
			}
		}
		if wrong = temporary(wrong); wrong != nil {
			err = wrong
		}
	}
	return "", err
}

// nowhere says that nobody on the network can be reached at an address.
func nowhere(addr netip.Addr) bool {
	return addr.Is4() && (addr.IsLoopback() || addr.As4()[0] == 10 || addr.IsUnspecified())
}

// temporary is err, but for ErrNone.
func temporary(err error) error {
	if errors.Is(err, ErrNone) {
		return nil
	}
	return err
}
