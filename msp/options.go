package msp

import (
	"strconv"
	"strings"

	"mailcrane/internal/address"
)

// An option is one of sendmail's, by long name (-O) and letter (-o). set is
// nil for those that mean something only to delivery, or nothing here: they
// are accepted and carried along.
type option struct {
	letter byte
	name   string
	set    func(*Invocation, string) error
}

var options = [...]option{
	{'7', "SevenBitInput", nil},
	{'8', "EightBitMode", nil},
	{'A', "AliasFile", nil},
	{'a', "AliasWait", nil},
	{'B', "BlankSub", nil},
	{'b', "MinFreeBlocks", nil},
	{'C', "CheckpointInterval", nil},
	{'c', "HoldExpensive", nil},
	{'D', "AutoRebuildAliases", nil},
	{'d', "DeliveryMode", (*Invocation).optDeliveryMode},
	{'E', "ErrorHeader", nil},
	{'e', "ErrorMode", (*Invocation).optErrorMode},
	{'F', "TempFileMode", nil},
	{'f', "SaveFromLine", (*Invocation).optSaveFromLine},
	{'G', "MatchGECOS", nil},
	{'H', "HelpFile", nil},
	{'h', "MaxHopCount", (*Invocation).optMaxHopCount},
	{'I', "ResolverOptions", nil},
	{'i', "IgnoreDots", (*Invocation).optIgnoreDots},
	{'j', "SendMimeErrors", nil},
	{'J', "ForwardPath", nil},
	{'k', "ConnectionCacheSize", nil},
	{'K', "ConnectionCacheTimeout", nil},
	{'L', "LogLevel", nil},
	{'l', "UseErrorsTo", nil},
	{'m', "MeToo", nil},
	{'n', "CheckAliases", nil},
	{'O', "DaemonPortOptions", nil},
	{'o', "OldStyleHeaders", nil},
	{'P', "PostmasterCopy", nil},
	{'p', "PrivacyOptions", (*Invocation).optPrivacy},
	{'Q', "QueueDirectory", (*Invocation).optQueueDirectory},
	{'q', "QueueFactor", nil},
	{'R', "DontPruneRoutes", nil},
	{'r', "Timeout", nil},
	{'S', "StatusFile", nil},
	{'s', "SuperSafe", nil},
	{'T', "QueueTimeout", nil},
	{'t', "TimeZoneSpec", nil},
	{'U', "UserDatabaseSpec", nil},
	{'u', "DefaultUser", nil},
	{'V', "FallbackMXhost", nil},
	{'v', "Verbose", (*Invocation).optVerbose},
	{'w', "TryNullMXList", nil},
	{'x', "QueueLA", nil},
	{'X', "RefuseLA", nil},
	{'Y', "ForkEachJob", nil},
	{'y', "RecipientFactor", nil},
	{'Z', "RetryFactor", nil},
	{'z', "ClassFactor", nil},
	{0, "AllowBogusHELO", nil},
	{0, "BadRcptThrottle", nil},
	{0, "ColonOkInAddr", nil},
	{0, "DefaultCharSet", nil},
	{0, "DialDelay", nil},
	{0, "DontProbeInterfaces", nil},
	{0, "DoubleBounceAddress", nil},
	{0, "HostStatusDirectory", nil},
	{0, "MaxHeadersLength", (*Invocation).optMaxHeaders},
	{0, "MaxMessageSize", (*Invocation).optMaxMessage},
	{0, "MaxQueueAge", nil},
	{0, "MaxQueueRunSize", nil},
	{0, "MaxRecipientsPerMessage", (*Invocation).optMaxRecipients},
	{0, "MinQueueAge", nil},
	{0, "NoRecipientAction", (*Invocation).optNoRecipient},
	{0, "QueueSortOrder", nil},
	{0, "RrtImpliesDsn", nil},
	{0, "SingleLineFromHeader", nil},
	{0, "SingleThreadDelivery", nil},
	{0, "SmtpGreetingMessage", nil},
}

// setShortOption is -oXvalue. A letter that is not known is accepted quietly:
// callers of all ages pass them.
func (inv *Invocation) setShortOption(v string) error {
	if v == "" {
		return nil
	}
	for i := range options {
		if options[i].letter == v[0] {
			return inv.apply(&options[i], options[i].name, v[1:])
		}
	}
	return nil
}

// setLongOption is -OName=value or -OName; case does not count.
func (inv *Invocation) setLongOption(v string) error {
	name, value, _ := strings.Cut(v, "=")
	return inv.option(strings.TrimSpace(name), strings.TrimSpace(value))
}

func (inv *Invocation) option(name, value string) error {
	whole := name
	main, _, _ := strings.Cut(name, ".") // Timeout.connect
	for i := range options {
		if strings.EqualFold(options[i].name, main) {
			if len(main) == len(name) {
				whole = options[i].name
			}
			return inv.apply(&options[i], whole, value)
		}
	}
	inv.warn("readcf: unknown option name " + address.Shown(name))
	return nil
}

func (inv *Invocation) apply(o *option, name, value string) error {
	inv.Settings = append(inv.Settings, Setting{name, value})
	if o.set == nil {
		return nil
	}
	return o.set(inv, value)
}

// yes reads a boolean as sendmail does: nothing, or t, y, 1.
func yes(value string) bool {
	return value == "" || strings.ContainsRune("tTyY1", rune(value[0]))
}

func (inv *Invocation) optIgnoreDots(v string) error   { inv.IgnoreDots = yes(v); return nil }
func (inv *Invocation) optSaveFromLine(v string) error { inv.KeepFromLine = yes(v); return nil }
func (inv *Invocation) optVerbose(v string) error      { inv.Verbose = yes(v); return nil }

func (inv *Invocation) optQueueDirectory(v string) error {
	inv.QueueDirectory = v
	return nil
}

// optDeliveryMode: nothing is i, and so is LSB's f (foreground).
func (inv *Invocation) optDeliveryMode(v string) error {
	if v == "" {
		v = "i"
	}
	switch v[0] | 0x20 {
	case 'i', 'f':
		inv.DeliveryMode = 'i'
	case 'b', 'q', 'd':
		inv.DeliveryMode = v[0] | 0x20
	default:
		return usage("Unknown delivery mode %s: use i, b, q or d", address.Shown(v))
	}
	return nil
}

func (inv *Invocation) optErrorMode(v string) error {
	if v == "" || strings.IndexByte("pmweq", v[0]) < 0 {
		return usage("Unknown error mode %s: use p, m, w, e or q", address.Shown(v))
	}
	inv.ErrorMode = ErrorMode(v[0])
	return nil
}

// optPrivacy only adds, as in sendmail.
func (inv *Invocation) optPrivacy(v string) error {
	for word := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == ' ' }) {
		if strings.EqualFold(word, "authwarnings") || strings.EqualFold(word, "goaway") {
			inv.AuthWarnings = true
		}
	}
	return nil
}

func (inv *Invocation) optNoRecipient(v string) error {
	for i, name := range [...]string{"none", "add-to", "add-apparently-to", "add-bcc", "add-to-undisclosed"} {
		if strings.EqualFold(v, name) {
			inv.NoRecipient = NoRecipient(i)
			return nil
		}
	}
	return usage("Invalid NoRecipientAction: %s", address.Shown(v))
}

func (inv *Invocation) optMaxHopCount(v string) error {
	n, err := optNumber("MaxHopCount", v)
	inv.MaxHops = int(n)
	return err
}

func (inv *Invocation) optMaxHeaders(v string) error {
	n, err := optNumber("MaxHeadersLength", v)
	if n <= 0 || n > maxHeaders {
		n = maxHeaders
	}
	inv.MaxHeaders = n
	return err
}

func (inv *Invocation) optMaxMessage(v string) (err error) {
	inv.MaxMessage, err = optNumber("MaxMessageSize", v)
	return err
}

func (inv *Invocation) optMaxRecipients(v string) error {
	n, err := optNumber("MaxRecipientsPerMessage", v)
	inv.MaxRecipients = int(n)
	return err
}

func optNumber(name, v string) (int64, error) {
	n, err := strconv.ParseUint(v, 10, 31)
	if err != nil {
		return 0, usage("Option %s wants a number, not %s", name, address.Shown(v))
	}
	return int64(n), nil
}
