package mta

import "mailcrane/mta/aliases"

// everybody are users by any name, for tests about other things.
type everybody struct{}

func (everybody) Lookup(name string) (aliases.User, bool, error) {
	return aliases.User{Name: name, Home: "/nowhere", UID: 65534, GID: 65534}, true, nil
}

func (e everybody) LookupUID(uint32) (aliases.User, bool, error) { return e.Lookup("nobody") }
