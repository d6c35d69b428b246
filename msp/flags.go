package msp

import (
	"strconv"
	"strings"

	"mailcrane/internal/address"
)

// valueKind says where a flag's value stands.
type valueKind uint8

const (
	none     valueKind = iota
	wanted             // attached, or the next word
	attached           // attached or none; the next word is never taken
)

// A flag is one letter of the command line.
type flag struct {
	letter byte
	value  valueKind
	// submission: ignored, with a warning, where no message is submitted.
	submission bool
	set        func(*Invocation, string) error
}

func findFlag(letter byte) *flag {
	for i := range flags {
		if flags[i].letter == letter {
			return &flags[i]
		}
	}
	return nil
}

// flags are sendmail's, and those of its ports that callers still pass.
var flags = [...]flag{
	{'A', wanted, false, (*Invocation).setSide},
	{'B', wanted, true, (*Invocation).setBody},
	{'C', wanted, false, (*Invocation).setConfig},
	{'D', wanted, false, (*Invocation).setDebugFile},
	{'E', wanted, false, (*Invocation).ignore},
	{'F', wanted, true, (*Invocation).setFullName},
	{'G', none, true, (*Invocation).setGateway},
	{'I', none, false, (*Invocation).setRebuild},
	{'J', wanted, false, (*Invocation).ignore},
	{'L', wanted, false, (*Invocation).setTag},
	{'M', wanted, false, (*Invocation).setMacro},
	{'N', wanted, true, (*Invocation).setNotify},
	{'O', wanted, false, (*Invocation).setLongOption},
	{'Q', attached, false, (*Invocation).setQuarantine},
	{'R', wanted, true, (*Invocation).setRet},
	{'T', attached, false, (*Invocation).ignore},
	{'U', none, true, (*Invocation).setUTF8},
	{'V', wanted, true, (*Invocation).setEnvID},
	{'X', wanted, false, (*Invocation).setTrafficLog},
	{'b', wanted, false, (*Invocation).setMode},
	{'c', none, false, (*Invocation).setHoldExpensive},
	{'d', attached, false, (*Invocation).setDebug},
	{'e', wanted, false, (*Invocation).setErrorMode},
	{'f', wanted, true, (*Invocation).setSender},
	{'h', wanted, true, (*Invocation).setHops},
	{'i', none, true, (*Invocation).setIgnoreDots},
	{'m', none, false, (*Invocation).ignore},
	{'n', none, true, (*Invocation).ignore},
	{'o', wanted, false, (*Invocation).setShortOption},
	{'p', wanted, true, (*Invocation).setProtocol},
	{'q', attached, false, (*Invocation).setQueueRun},
	{'r', wanted, true, (*Invocation).setSender},
	{'s', none, true, (*Invocation).setKeepFromLine},
	{'t', none, true, (*Invocation).setFromHeader},
	{'v', none, false, (*Invocation).setVerbose},
	{'x', none, false, (*Invocation).ignore},
}

func (inv *Invocation) ignore(string) error { return nil }

func (inv *Invocation) setGateway(string) error    { inv.Gateway = true; return nil }
func (inv *Invocation) setFromHeader(string) error { inv.FromHeader = true; return nil }
func (inv *Invocation) setUTF8(string) error       { inv.UTF8 = true; return nil }
func (inv *Invocation) setRebuild(string) error    { inv.Mode = Rebuild; return nil }

// These are short for an option, and in order with -o and -O.
func (inv *Invocation) setErrorMode(v string) error   { return inv.option("ErrorMode", v) }
func (inv *Invocation) setHoldExpensive(string) error { return inv.option("HoldExpensive", "True") }
func (inv *Invocation) setIgnoreDots(string) error    { return inv.option("IgnoreDots", "True") }
func (inv *Invocation) setKeepFromLine(string) error  { return inv.option("SaveFromLine", "True") }
func (inv *Invocation) setVerbose(string) error       { return inv.option("Verbose", "True") }

func (inv *Invocation) setFullName(v string) error   { inv.FullName = v; return nil }
func (inv *Invocation) setTrafficLog(v string) error { inv.TrafficLog = v; return nil }
func (inv *Invocation) setDebugFile(v string) error  { inv.DebugFile = v; return nil }

func (inv *Invocation) setDebug(v string) error {
	inv.Debug, inv.HasDebug = v, true
	return nil
}

// setSide: there is one configuration for client and server.
func (inv *Invocation) setSide(v string) error {
	if v != "c" && v != "m" {
		return usage("Invalid -A value %s: use -Ac or -Am", address.Shown(v))
	}
	return nil
}

// setConfig: an empty value is the file of that name in the current
// directory, as sendmail has it.
func (inv *Invocation) setConfig(v string) error {
	if v == "" {
		v = "mailcrane.toml"
	}
	inv.ConfigFile = v
	return nil
}

// setBody: what the body holds decides how it is sent, whatever the caller says
// of it.
func (inv *Invocation) setBody(v string) error {
	switch strings.ToUpper(v) {
	case "7BIT", "8BITMIME":
	default:
		inv.warn("Illegal body type " + address.Shown(v))
	}
	return nil
}

func (inv *Invocation) setMode(v string) error {
	switch {
	case v == "z":
		return usage("Frozen configurations unsupported")
	case len(v) != 1 || !strings.Contains(allModes, v):
		return usage("Invalid operation mode %s", address.Shown(v))
	}
	inv.Mode = Mode(v[0])
	return nil
}

func (inv *Invocation) setSender(v string) error {
	if inv.HasSender {
		return usage(`More than one "from" person`)
	}
	inv.Sender, inv.HasSender = v, true
	return nil
}

func (inv *Invocation) setHops(v string) error {
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil {
		return usage("Bad hop count (%s)", address.Shown(v))
	}
	inv.Hops = int(n)
	return nil
}

// setTag keeps what is safe in a log line; sendmail puts * for the rest.
func (inv *Invocation) setTag(v string) error {
	v = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f || r == '%' {
			return '*'
		}
		return r
	}, v)
	inv.Tag = v[:min(len(v), maxTag)]
	return nil
}

// setMacro obeys r (protocol) and s (host), which are safe for anyone.
func (inv *Invocation) setMacro(v string) error {
	name, value := "", ""
	if strings.HasPrefix(v, "{") {
		name, value, _ = strings.Cut(v[1:], "}")
	} else if v != "" {
		name, value = v[:1], v[1:]
	}
	switch name {
	case "r":
		inv.Protocol = value
	case "s":
		inv.Peer = value
	}
	return nil
}

func (inv *Invocation) setProtocol(v string) error {
	protocol, peer, hasPeer := strings.Cut(v, ":")
	inv.Protocol = protocol
	if hasPeer {
		inv.Peer = peer
	}
	return nil
}

func (inv *Invocation) setNotify(v string) error {
	v = strings.ToUpper(v)
	if v != "NEVER" {
		for word := range strings.SplitSeq(v, ",") {
			switch word {
			case "SUCCESS", "FAILURE", "DELAY":
			default:
				return usage("Invalid -N argument")
			}
		}
	}
	if len(v) > len("SUCCESS,FAILURE,DELAY") {
		return usage("Invalid -N argument")
	}
	inv.Notify = v
	return nil
}

func (inv *Invocation) setRet(v string) error {
	v = strings.ToUpper(v)
	switch {
	case inv.Ret != "":
		return usage("Duplicate -R flag")
	case v != "FULL" && v != "HDRS":
		return usage("Invalid -R value")
	}
	inv.Ret = v
	return nil
}

func (inv *Invocation) setEnvID(v string) error {
	switch {
	case inv.EnvID != "":
		return usage("Duplicate -V flag")
	case v == "" || len(v) > maxEnvID || !isXtext(v):
		return usage("Invalid syntax in -V flag")
	}
	inv.EnvID = v
	return nil
}

// isXtext checks RFC 3461 section 4: printable ASCII but + and =, or + and two
// upper-case hex digits.
func isXtext(v string) bool {
	hex := func(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' }
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '+':
			if i+2 >= len(v) || !hex(v[i+1]) || !hex(v[i+2]) {
				return false
			}
			i += 2
		case c <= ' ' || c >= 0x7f || c == '=':
			return false
		}
	}
	return true
}
