package config

import "time"

// mtaNameOptions are for the name service of a server.
var mtaNameOptions = []Option{
	{
		Name: "Timeout.resolver.retrans", Key: "timeout.resolver_retrans", Side: Server, Unit: time.Second,
		Meaning: "how long server mode waits for a name server before it asks the next one, or the same again; 0 is options timeout of /etc/resolv.conf, or 5s",
		config:  func(c *Config) any { return &c.Timeout.Retrans },
	},
	{
		Name: "Timeout.resolver.retrans.first", Key: "timeout.resolver_retrans_first", Side: Server, Unit: time.Second, narrow: true,
		Meaning: "Timeout.resolver.retrans on the first try of a message; 0 is as that",
		config:  func(c *Config) any { return &c.Timeout.RetransFirst },
	},
	{
		Name: "Timeout.resolver.retrans.normal", Key: "timeout.resolver_retrans_normal", Side: Server, Unit: time.Second, narrow: true,
		Meaning: "Timeout.resolver.retrans for all other look-ups; 0 is as that",
		config:  func(c *Config) any { return &c.Timeout.RetransNormal },
	},
	{
		Name: "Timeout.resolver.retry", Key: "timeout.resolver_retry", Side: Server,
		Meaning: "how often server mode asks each name server; 0 is options attempts of /etc/resolv.conf, or 2",
		config:  func(c *Config) any { return &c.Timeout.Retry },
	},
	{
		Name: "Timeout.resolver.retry.first", Key: "timeout.resolver_retry_first", Side: Server, narrow: true,
		Meaning: "Timeout.resolver.retry on the first try of a message; 0 is as that",
		config:  func(c *Config) any { return &c.Timeout.RetryFirst },
	},
	{
		Name: "Timeout.resolver.retry.normal", Key: "timeout.resolver_retry_normal", Side: Server, narrow: true,
		Meaning: "Timeout.resolver.retry for all other look-ups; 0 is as that",
		config:  func(c *Config) any { return &c.Timeout.RetryNormal },
	},
	{
		Name: "ResolverOptions", Letter: 'I', Key: "mta.resolver_options", Side: Server, words: "none",
		Meaning: "flags of the resolver of server mode, as HasWildcardMX, WorkAroundBrokenAAAA, USEVC or -USE_INET6",
		config:  func(c *Config) any { return &c.MTA.Resolver.Options }, check: checkResolver,
	},
	{
		Name: "ServiceSwitchFile", Key: "mta.service_switch_file", Side: Server, Theirs: "/etc/mail/service.switch", words: "/etc/nsswitch.conf",
		Meaning: "the file whose line hosts says whether server mode asks DNS at all, and /etc/hosts before or after it; where its line aliases has no files, the first file of mta.map.aliases is not asked",
		config:  func(c *Config) any { return &c.MTA.Resolver.SwitchFile },
	},
	{
		Name: "HostsFile", Key: "mta.hosts_file", Side: Server,
		Meaning: "the file of host names",
		config:  func(c *Config) any { return &c.MTA.Resolver.HostsFile },
	},
	{
		Name: "DontExpandCnames", Key: "mta.dont_expand_cnames", Side: Server,
		Meaning: "where a name without a dot has been completed, keep it although it is an alias (CNAME) of another",
		config:  func(c *Config) any { return &c.MTA.Resolver.KeepAliases },
	},
	{
		Name: "UseCompressedIPv6Addresses", Side: Local,
		Meaning: "how IPv6 addresses are written in maps",
		Why:     "the access map is asked for an address of IPv6 with all its groups, as IPv6:2001:db8:0:0:0:0:0:1 and IPv6:2001:db8:0:0, which is sendmail's way without this option",
	},
}
