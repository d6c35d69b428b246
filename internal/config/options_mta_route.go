package config

// mtaRouteOptions are for where mail goes by its address, and under which name
// senders leave.
var mtaRouteOptions = []Option{
	{
		Key: "mta.map.mailertable", Side: Server, words: "none", path: true,
		Meaning: "where mail to a domain goes instead of to its exchangers: a file in sendmail's text format, or sqlite:FILE, postgres:FILE, ldap:FILE",
		config:  func(c *Config) any { return &c.MTA.Map.Mailertable },
	},
	{
		Key: "mta.map.virtusertable", Side: Server, words: "none", path: true,
		Meaning: "who gets the mail to addresses of our domains: a file in sendmail's text format, or sqlite:FILE, postgres:FILE, ldap:FILE",
		config:  func(c *Config) any { return &c.MTA.Map.Virtusertable },
	},
	{
		Key: "mta.map.domaintable", Side: Server, words: "none", path: true,
		Meaning: "old names of domains and their new ones, for recipients and for headers: a file in sendmail's text format, or sqlite:FILE, postgres:FILE, ldap:FILE",
		config:  func(c *Config) any { return &c.MTA.Map.Domaintable },
	},
	{
		Key: "mta.map.genericstable", Side: Server, words: "none", path: true,
		Meaning: "under which addresses local senders leave: a file in sendmail's text format, or sqlite:FILE, postgres:FILE, ldap:FILE",
		config:  func(c *Config) any { return &c.MTA.Map.Genericstable },
	},
	{
		Key: "mta.route.smart_host", Side: Server, words: "none",
		Meaning: "the host that takes all that is not local, [MAILER:]HOST as sendmail's SMART_HOST, or account:NAME",
		config:  func(c *Config) any { return &c.MTA.Routing.SmartHost }, check: checkNextHop,
	},
	{
		Key: "mta.route.mail_hub", Side: Server, words: "none",
		Meaning: "the host that takes the mail for local names that are no aliases, [MAILER:]HOST as sendmail's MAIL_HUB",
		config:  func(c *Config) any { return &c.MTA.Routing.MailHub }, check: checkNextHop,
	},
	{
		Key: "mta.route.local_relay", Side: Server, words: "none",
		Meaning: "the same for names without a domain, before mail_hub: sendmail's LOCAL_RELAY",
		config:  func(c *Config) any { return &c.MTA.Routing.LocalRelay }, check: checkNextHop,
	},
	{
		Key: "mta.route.null_client", Side: Server, words: "none",
		Meaning: "the host that takes all mail, without a look at aliases or maps, [MAILER:]HOST as FEATURE(nullclient)",
		config:  func(c *Config) any { return &c.MTA.Routing.NullClient }, check: checkNextHop,
	},
	{
		Key: "mta.route.local_users", Side: Server,
		Meaning: "names that mail_hub and local_relay do not take: sendmail's LOCAL_USER",
		config:  func(c *Config) any { return &c.MTA.Routing.LocalUsers },
	},
	{
		Key: "mta.deliver.luser_relay", Side: Server, words: "none",
		Meaning: "who gets the mail for local names that are nobody's, mail with a typing error too: local:USER, [MAILER:]HOST or error:x.y.z:nnn text, as sendmail's LUSER_RELAY",
		config:  func(c *Config) any { return &c.MTA.Routing.LUserRelay }, check: checkLuserRelay,
	},
	{
		Key: "mta.route.preserve_luser_host", Side: Server,
		Meaning: "leave the recipient's domain in what luser_relay takes",
		config:  func(c *Config) any { return &c.MTA.Routing.PreserveLUserHost },
	},
	{
		Key: "mta.route.preserve_local_plus_detail", Side: Server,
		Meaning: "take user+detail for the name of a user, and look for no user+*",
		config:  func(c *Config) any { return &c.MTA.Routing.PreserveDetail },
	},
	{
		Key: "mta.route.virt_host", Side: Server,
		Meaning: "domains of the virtusertable besides mta.local, which are relayed for too: sendmail's class VirtHost",
		config:  func(c *Config) any { return &c.MTA.Routing.VirtHost }, check: checkDomainName,
	},
	{
		Key: "mta.route.virt_host_file", Side: Server, path: true,
		Meaning: "a file with more of them, a line each",
		config:  func(c *Config) any { return &c.MTA.Routing.VirtHostFile },
	},
	{
		Key: "mta.route.virtuser_entire_domain", Side: Server,
		Meaning: "take what is below these domains too",
		config:  func(c *Config) any { return &c.MTA.Routing.VirtuserEntireDomain },
	},
	{
		Key: "mta.route.generics", Side: Server,
		Meaning: "domains of the genericstable besides our own name: sendmail's class G",
		config:  func(c *Config) any { return &c.MTA.Routing.Generics }, check: checkDomainName,
	},
	{
		Key: "mta.route.generics_file", Side: Server, path: true,
		Meaning: "a file with more of them, a line each",
		config:  func(c *Config) any { return &c.MTA.Routing.GenericsFile },
	},
	{
		Key: "mta.route.generics_entire_domain", Side: Server,
		Meaning: "take what is below these domains too",
		config:  func(c *Config) any { return &c.MTA.Routing.GenericsEntireDomain },
	},
	{
		Key: "mta.masquerade.as", Side: Server, words: "none",
		Meaning: "the domain that senders of our own leave under: sendmail's MASQUERADE_AS",
		config:  func(c *Config) any { return &c.MTA.Masquerade.As }, check: parseHostname,
	},
	{
		Key: "mta.masquerade.domains", Side: Server,
		Meaning: "domains that are hidden by it besides mta.local: sendmail's MASQUERADE_DOMAIN",
		config:  func(c *Config) any { return &c.MTA.Masquerade.Domains }, check: parseHostname,
	},
	{
		Key: "mta.masquerade.exceptions", Side: Server,
		Meaning: "domains that are not hidden, with what is below them: sendmail's MASQUERADE_EXCEPTION",
		config:  func(c *Config) any { return &c.MTA.Masquerade.Exceptions }, check: parseHostname,
	},
	{
		Key: "mta.masquerade.exposed_users", Side: Server,
		Meaning: "users who leave under the name of their machine: sendmail's EXPOSED_USER",
		config:  func(c *Config) any { return &c.MTA.Masquerade.Exposed },
	},
	{
		Key: "mta.masquerade.entire_domain", Side: Server,
		Meaning: "hide what is below the domains too",
		config:  func(c *Config) any { return &c.MTA.Masquerade.EntireDomain },
	},
	{
		Key: "mta.masquerade.limited", Side: Server,
		Meaning: "hide the domains only, and not the names of mta.local",
		config:  func(c *Config) any { return &c.MTA.Masquerade.Limited },
	},
	{
		Key: "mta.masquerade.local_no", Side: Server,
		Meaning: "hide nothing in mail that stays on this machine",
		config:  func(c *Config) any { return &c.MTA.Masquerade.LocalNo },
	},
	{
		Key: "mta.masquerade.envelope", Side: Server,
		Meaning: "rewrite the reverse-path too, where reports go",
		config:  func(c *Config) any { return &c.MTA.Masquerade.Envelope },
	},
	{
		Key: "mta.masquerade.all", Side: Server,
		Meaning: "rewrite recipients in the header too",
		config:  func(c *Config) any { return &c.MTA.Masquerade.All },
	},
}
