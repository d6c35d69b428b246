package config

// mtaOptions are for server mode: who the server is, and where it listens.
var mtaOptions = []Option{
	{
		Key: "mta.hostname", Side: Server, words: "hostname, or the system's name",
		Meaning: "the server's own name, sendmail's $j",
		config:  func(c *Config) any { return &c.MTA.Hostname }, check: parseHostname,
	},
	{
		Key: "mta.local", Side: Server,
		Meaning: "the domains whose mail ends here, sendmail's class w",
		config:  func(c *Config) any { return &c.MTA.Local },
	},
	{
		Key: "mta.relay", Side: Server,
		Meaning: "the domains, networks and addresses that are relayed for, sendmail's class R",
		config:  func(c *Config) any { return &c.MTA.Relay },
	},
	{
		Key: "mta.xclient", Side: Server,
		Meaning: "addresses and networks of content filters that may say by XCLIENT whom they speak for; unix for all who connect to a Unix socket",
		config:  func(c *Config) any { return &c.MTA.XClient }, check: parseProxy,
	},
	{
		Name: "RunAsUser", Key: "mta.run_as", Side: Server, words: "whoever starts it",
		Meaning: "the USER or USER:GROUP that the server becomes when it has opened its ports",
		config:  func(c *Config) any { return &c.MTA.RunAs },
	},
	{
		Key: "mta.map.access", Side: Server, words: "none", path: true,
		Meaning: "the access map, in sendmail's text format",
		config:  func(c *Config) any { return &c.MTA.Map.Access },
	},
	{
		Key: "mta.listen.NAME.address", Side: Server, words: "none",
		Meaning:  "where the server listens: host:port or unix:PATH",
		listener: func(l *Listener) any { return &l.Address }, check: parseServerListen,
	},
	{
		Key: "mta.listen.NAME.auth", Side: Server, words: `"offered"`,
		Meaning:  "whether clients may log in (offered), must (required, M=a), or cannot (none, M=A)",
		listener: func(l *Listener) any { return &l.Auth },
	},
	{
		Key: "mta.listen.NAME.tls", Side: Server, words: `"starttls"`,
		Meaning:  "starttls where there is a certificate, implicit (TLS at once, M=s), or none (M=S)",
		listener: func(l *Listener) any { return &l.TLS },
	},
	{
		Key: "mta.listen.NAME.name", Side: Server, words: "MSA on ports 587 and 465, else MTA",
		Meaning:  "what logs and headers call the listener (Name=)",
		listener: func(l *Listener) any { return &l.Name }, check: parsePortName,
	},
	{
		Key: "mta.listen.NAME.submission", Side: Server, words: "true on ports 587 and 465, else false",
		Meaning:  "whether its mail is that of our own users, and is completed (RFC 6409)",
		listener: func(l *Listener) any { return &l.Submission },
	},
	{
		Key: "mta.listen.NAME.no_etrn", Side: Server, words: "false",
		Meaning:  "no ETRN on this listener (M=E)",
		listener: func(l *Listener) any { return &l.NoETRN },
	},
	{
		Key: "mta.listen.NAME.require_fqdn", Side: Server, words: "false",
		Meaning:  "addresses must have a domain with a dot (M=f)",
		listener: func(l *Listener) any { return &l.RequireFQDN },
	},
	{
		Key: "mta.listen.NAME.unqualified", Side: Server, words: "false",
		Meaning:  "addresses need no domain (M=u)",
		listener: func(l *Listener) any { return &l.Unqualified },
	},
	{
		Key: "mta.listen.NAME.optional", Side: Server, words: "false",
		Meaning:  "the server starts also where this address cannot be listened on (M=O)",
		listener: func(l *Listener) any { return &l.Optional },
	},
	{
		Key: "mta.listen.NAME.proxy", Side: Server, words: "none",
		Meaning:  "addresses and networks of proxies that begin with a line of the PROXY protocol; unix for all who connect to a Unix socket",
		listener: func(l *Listener) any { return &l.Proxy }, check: parseProxy,
	},
}
