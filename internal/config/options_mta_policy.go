package config

import "time"

// serverPolicyOptions are for what server mode asks of clients, senders and
// recipients, by the names of sendmail's features.
var serverPolicyOptions = []Option{
	{
		Key: "mta.local_file", Side: Server, path: true,
		Meaning: "a file with more of the domains whose mail ends here, a line each: sendmail's local-host-names",
		config:  func(c *Config) any { return &c.MTA.LocalFile },
	},
	{
		Key: "mta.relay_file", Side: Server, path: true,
		Meaning: "a file with more of what is relayed for, a line each: sendmail's relay-domains",
		config:  func(c *Config) any { return &c.MTA.RelayFile },
	},
	{
		Key: "mta.policy.delay_checks", Side: Server,
		Meaning: "whether clients and senders are judged at RCPT (yes), but not for recipients with Spam: FRIEND (friend), or only for those with Spam: HATER (hater)",
		config:  func(c *Config) any { return &c.MTA.Policy.DelayChecks },
	},
	{
		Key: "mta.policy.require_rdns", Side: Server,
		Meaning: "refuse clients whose address has no name, or a name that does not lead back",
		config:  func(c *Config) any { return &c.MTA.Policy.RequireRDNS },
	},
	{
		Key: "mta.policy.block_bad_helo", Side: Server,
		Meaning: "refuse clients that call themselves a name without a dot, or by our own name; with delay_checks only",
		config:  func(c *Config) any { return &c.MTA.Policy.BlockBadHelo },
	},
	{
		Key: "mta.policy.badmx", Side: Server,
		Meaning: "refuse senders whose mail exchangers have addresses of no network",
		config:  func(c *Config) any { return &c.MTA.Policy.BadMX },
	},
	{
		Key: "mta.policy.use_client_ptr", Side: Server,
		Meaning: "ask the access map for a client by the name of its PTR record, though that does not lead back",
		config:  func(c *Config) any { return &c.MTA.Policy.UseClientPtr },
	},
	{
		Key: "mta.policy.accept_unqualified_senders", Side: Server,
		Meaning: "take senders without a domain from anybody",
		config:  func(c *Config) any { return &c.MTA.Policy.AcceptUnqualified },
	},
	{
		Key: "mta.policy.accept_unresolvable_domains", Side: Server,
		Meaning: "take senders whose domain is not there",
		config:  func(c *Config) any { return &c.MTA.Policy.AcceptUnresolvable },
	},
	{
		Key: "mta.policy.relay_hosts_only", Side: Server,
		Meaning: "take names in mta.relay and in RELAY entries for hosts alone, not for what is below them",
		config:  func(c *Config) any { return &c.MTA.Policy.RelayHostsOnly },
	},
	{
		Key: "mta.policy.relay_entire_domain", Side: Server,
		Meaning: "relay for each host of the server's own domain",
		config:  func(c *Config) any { return &c.MTA.Policy.RelayEntireDomain },
	},
	{
		Key: "mta.policy.relay_based_on_mx", Side: Server,
		Meaning: "relay to domains that name this server as an exchanger, which anybody can do",
		config:  func(c *Config) any { return &c.MTA.Policy.RelayBasedOnMX },
	},
	{
		Key: "mta.policy.relay_mail_from", Side: Server,
		Meaning: "relay for senders with From: and RELAY in the access map, by address or by domain too: senders can be forged",
		config:  func(c *Config) any { return &c.MTA.Policy.RelayMailFrom },
	},
	{
		Key: "mta.policy.relay_local_from", Side: Server,
		Meaning: "relay for senders in a domain of our own: senders can be forged, and so this is an open relay",
		config:  func(c *Config) any { return &c.MTA.Policy.RelayLocalFrom },
	},
	{
		Key: "mta.policy.loose_relay_check", Side: Server,
		Meaning: "do not look for a second recipient behind % and ! in a local part",
		config:  func(c *Config) any { return &c.MTA.Policy.LooseRelayCheck },
	},
	{
		Key: "mta.policy.promiscuous_relay", Side: Server,
		Meaning: "relay from anybody to anybody: never turn this on",
		config:  func(c *Config) any { return &c.MTA.Policy.PromiscuousRelay },
	},
	{
		Key: "mta.policy.blocklist_recipients", Side: Server,
		Meaning: "refuse recipients by the access map",
		config:  func(c *Config) any { return &c.MTA.Policy.BlocklistRecipients },
	},
	{
		Key: "mta.policy.relay_to_full_address", Side: Server,
		Meaning: "let To: with a full address and RELAY permit relaying",
		config:  func(c *Config) any { return &c.MTA.Policy.RelayToFullAddress },
	},
	{
		Key: "mta.policy.look_up_dot_domain", Side: Server,
		Meaning: "look for .domain in the access map too, for what is below a domain",
		config:  func(c *Config) any { return &c.MTA.Policy.LookUpDotDomain },
	},
	{
		Key: "mta.policy.access_skip", Side: Server,
		Meaning: "let SKIP in the access map end a search",
		config:  func(c *Config) any { return &c.MTA.Policy.AccessSkip },
	},
	{
		Key: "mta.policy.trusted_mechanisms", Side: Server, check: parseMechanism,
		Meaning: "the ways to log in that permit relaying, sendmail's TRUST_AUTH_MECH",
		config:  func(c *Config) any { return &c.MTA.Policy.TrustedMechanisms },
	},
	{
		Key: "mta.policy.greet_pause", Side: Server,
		Meaning: "milliseconds that the greeting waits for a client that talks early; 0 is none",
		config:  func(c *Config) any { return &c.MTA.Policy.GreetPause },
	},
	{
		Key: "mta.policy.rate_control", Side: Server,
		Meaning: "obey the limits ClientRate: of the access map: connections of a client in connection_rate_window",
		config:  func(c *Config) any { return &c.MTA.Policy.Rate.On },
	},
	{
		Key: "mta.policy.rate_control_nodelay", Side: Server,
		Meaning: "do so at connect, whatever delay_checks says",
		config:  func(c *Config) any { return &c.MTA.Policy.Rate.NoDelay },
	},
	{
		Key: "mta.policy.rate_control_terminate", Side: Server,
		Meaning: "end the connection of a client that is over its rate",
		config:  func(c *Config) any { return &c.MTA.Policy.Rate.Terminate },
	},
	{
		Key: "mta.policy.conn_control", Side: Server,
		Meaning: "obey the limits ClientConn: of the access map: connections of a client at once",
		config:  func(c *Config) any { return &c.MTA.Policy.Connections.On },
	},
	{
		Key: "mta.policy.conn_control_nodelay", Side: Server,
		Meaning: "do so at connect, whatever delay_checks says",
		config:  func(c *Config) any { return &c.MTA.Policy.Connections.NoDelay },
	},
	{
		Key: "mta.policy.conn_control_terminate", Side: Server,
		Meaning: "end the connection of a client that has too many",
		config:  func(c *Config) any { return &c.MTA.Policy.Connections.Terminate },
	},
	{
		Name: "ConnectionRateWindowSize", Key: "mta.policy.connection_rate_window", Side: Server, Unit: time.Second, Least: int64(time.Second),
		Meaning: "the time in which a client's connections are counted",
		config:  func(c *Config) any { return &c.MTA.Policy.RateWindow },
	},
	{
		Name: "ConnectionRateThrottle", Key: "mta.policy.connection_rate_throttle", Side: Server,
		Meaning: "the most connections in a second that are served at once, those above wait; 0 is no limit",
		config:  func(c *Config) any { return &c.MTA.Policy.RateThrottle },
	},
	{
		Key: "mta.greylist.on", Side: Server,
		Meaning: "put mail off once from clients that were never seen to try again",
		config:  func(c *Config) any { return &c.MTA.Policy.Greylist.On },
	},
	{
		Key: "mta.greylist.delay", Side: Server, Unit: time.Minute, Least: int64(time.Second),
		Meaning: "how soon the second try may come",
		config:  func(c *Config) any { return &c.MTA.Policy.Greylist.Delay },
	},
	{
		Key: "mta.greylist.window", Side: Server, Unit: time.Hour, Least: int64(time.Minute),
		Meaning: "how late the second try may come",
		config:  func(c *Config) any { return &c.MTA.Policy.Greylist.Window },
	},
	{
		Key: "mta.greylist.keep", Side: Server, Unit: 24 * time.Hour, Least: int64(time.Hour),
		Meaning: "how long who has tried again is let through without a word",
		config:  func(c *Config) any { return &c.MTA.Policy.Greylist.Keep },
	},
	{
		Key: "mta.greylist.file", Side: Server, path: true, words: "greylist in the spool",
		Meaning: "where the list is kept, so that a restart forgets nobody",
		config:  func(c *Config) any { return &c.MTA.Policy.Greylist.File },
	},
}
