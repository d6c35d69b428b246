package config

// A Dial says what it takes for an account's server to be called.
type Dial uint8

// The dials.
const (
	DialFreely   Dial = iota // mail that is due, and a way out
	DialByRun                // a queue run: HoldExpensive, and the account is expensive
	DialOnDemand             // a run for chosen messages, or for the account
)

// Dial is what it takes for the account's server to be called.
func (c *Config) Dial(a *Account) Dial {
	switch {
	case a == nil:
		return DialFreely
	case a.OnDemand:
		return DialOnDemand
	case a.Expensive && c.Queue.HoldExpensive:
		return DialByRun
	}
	return DialFreely
}

// Carrier is the account that carries a message: the named one, else that of
// its sender; nil where there is none.
func (c *Config) Carrier(named, sender string) *Account {
	if named != "" {
		return c.Account(named)
	}
	return c.ForSender(sender)
}
