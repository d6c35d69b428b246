package msp

import (
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
)

// setShortOption is -oXvalue. A letter that is not known is accepted quietly:
// callers of all ages pass them.
func (inv *Invocation) setShortOption(v string) error {
	if v == "" {
		return nil
	}
	if o := config.Lettered(v[0]); o != nil {
		return inv.option(o.Name, v[1:])
	}
	return nil
}

// setLongOption is -OName=value or -OName; case does not count.
func (inv *Invocation) setLongOption(v string) error {
	name, value, _ := strings.Cut(v, "=")
	return inv.option(strings.TrimSpace(name), strings.TrimSpace(value))
}

// option looks at a value as soon as it is read, so that a bad one ends the
// command before standard input is touched. It is obeyed when the file has
// been read, which it is put over.
func (inv *Invocation) option(name, value string) error {
	o := config.Named(name)
	if o == nil {
		if o = config.Abbreviated(name); o != nil {
			inv.warn("Option " + address.Shown(name) + " used as abbreviation for " + o.Name)
		}
	}
	if o == nil {
		complaint := "readcf: unknown option name "
		if len(name) > len("Timeout.") && strings.EqualFold(name[:len("Timeout.")], "Timeout.") {
			complaint, name = "settimeout: invalid timeout ", name[len("Timeout."):]
		}
		inv.warn(complaint + address.Shown(name))
		return nil
	}
	s := config.Setting{Name: o.Name, Value: value}
	inv.Settings = append(inv.Settings, s)
	return inv.own.Apply([]config.Setting{s})
}

// settle takes from the settings what counts before the file is read.
func (inv *Invocation) settle() {
	inv.Verbose, inv.DeliveryMode, inv.QueueDirectory = inv.own.Submit.Verbose, inv.own.DeliveryMode, inv.own.Spools.String()
}
