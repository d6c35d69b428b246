package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// mtaExchangeOptions are for delivery to mail exchangers.
var mtaExchangeOptions = []Option{
	{
		Name: "FallbackMXhost", Letter: 'V', Key: "mta.deliver.fallback_mx", Side: Server, words: "none",
		Meaning: "the last exchanger of every host, also where the name service does not know the host's just now: HOST, whose exchangers are looked up, or [HOST]",
		config:  func(c *Config) any { return &c.MTA.Exchange.FallbackMX }, check: checkHostList,
	},
	{
		Name: "FallbackSmartHost", Key: "mta.deliver.fallback_smart_host", Side: Server, words: "none",
		Meaning: "the host that is tried once more where a host is unknown, or cannot be reached: [MAILER:]HOST or [MAILER:][HOST]",
		config:  func(c *Config) any { return &c.MTA.Exchange.FallbackSmartHost }, check: checkWire,
	},
	{
		Name: "TryNullMXList", Letter: 'w', Key: "mta.exchange.try_null_mx_list", Side: Server,
		Meaning: "where we are the best exchanger of a host whose mail does not end here, connect to the host itself; else that is a configuration error, and the mail is refused",
		config:  func(c *Config) any { return &c.MTA.Exchange.TryNullMXList },
	},
	{
		Name: "TLSFallbacktoClear", Key: "mta.exchange.tls_fallback_to_clear", Side: Server,
		Meaning: "where the TLS of an exchanger fails, try once more at once without; who is on the way can make it fail. Never with an account's smarthost",
		config:  func(c *Config) any { return &c.MTA.Exchange.TLSFallbackToClear },
	},
	{
		Key: "mta.exchange.port", Side: Server, Least: 1,
		Meaning: "the port of exchangers; a host in brackets may name its own, [HOST]:PORT",
		config:  func(c *Config) any { return &c.MTA.Exchange.Port },
	},
	{
		Name: "ConnectOnlyTo", Key: "mta.exchange.connect_only_to", Side: Server, words: "none",
		Meaning: "connect to this address whatever the host, without asking the name service, for tests: 192.0.2.1, 192.0.2.1:2525 or [2001:db8::1]:2525",
		config:  func(c *Config) any { return &c.MTA.Exchange.ConnectOnlyTo }, check: checkOnly,
	},
	{
		Key: "mta.exchange.sessions", Side: Server,
		Meaning: "the most sessions at once with one destination, of those that are of use; 0 is 20",
		config:  func(c *Config) any { return &c.MTA.Exchange.Sessions },
	},
	{
		Key: "mta.exchange.cache_size", Side: Server,
		Meaning: "sessions with exchangers that stay open when there is no more mail for them; 0 is none. sendmail's ConnectionCacheSize, by which it can be set too",
		config:  func(c *Config) any { return &c.MTA.Exchange.CacheSize },
	},
	{
		Name: "ConnectionCacheTimeout", Letter: 'K', Key: "mta.exchange.cache_time", Side: Server, Unit: time.Minute, Theirs: "5m",
		Meaning: "how long such a session stays open for the next message to its host; 0 is not at all",
		config:  func(c *Config) any { return &c.MTA.Exchange.CacheTime },
	},
}

// checkHostList looks at a host, or a list of them as in a mailertable.
func checkHostList(text string) (string, error) {
	if text == "" {
		return text, nil
	}
	return text, checkHosts(text)
}

// checkWire looks at a next hop that is reached by SMTP.
func checkWire(text string) (string, error) {
	if text == "" {
		return text, nil
	}
	n, err := ParseNextHop(text)
	switch {
	case err != nil:
		return text, err
	case n.Mailer == "account", n.Mailer == "error", n.Mailer == "local", n.Mailer == "procmail", n.User != "":
		return text, fmt.Errorf("%s names no host to connect to: write [MAILER:]HOST, as esmtp:mail.example.org or [192.0.2.1]", quotedText(text))
	}
	return text, nil
}

// checkOnly looks at an address with or without a port.
func checkOnly(text string) (string, error) {
	if _, err := netip.ParseAddrPort(text); err == nil || text == "" {
		return text, nil
	}
	if _, err := netip.ParseAddr(strings.Trim(text, "[]")); err != nil {
		return text, fmt.Errorf("%s is no address: write 192.0.2.1, or 192.0.2.1:2525", quotedText(text))
	}
	return text, nil
}
