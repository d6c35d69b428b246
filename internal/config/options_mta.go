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
}
