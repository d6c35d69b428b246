package config

// serverSMTPOptions bound what clients of the server may do.
var serverSMTPOptions = []Option{
	{
		Name: "MaxDaemonChildren", Key: "mta.limits.connections", Side: Server, Theirs: "0",
		Meaning: "connections at once; one more is told 421, unless a client that has done nothing for 30 seconds can be sent away for it; at most, and with 0, half as many as the files that the process may have open (ulimit -n)",
		config:  func(c *Config) any { return &c.MTA.Limits.Connections },
	},
	{
		Name: "BadRcptThrottle", Key: "mta.limits.bad_recipients_throttle", Side: Server,
		Meaning: "refused recipients of a message after which each further one takes a second; 0 is never",
		config:  func(c *Config) any { return &c.MTA.Limits.BadRcptThrottle },
	},
	{
		Name: "BadRcptShutdown", Key: "mta.limits.bad_recipients_shutdown", Side: Server,
		Meaning: "refused recipients of a message after which the connection ends; 0 is never",
		config:  func(c *Config) any { return &c.MTA.Limits.BadRcptShutdown },
	},
	{
		Name: "MaxNOOPCommands", Key: "mta.limits.noop_commands", Side: Server, Least: 1,
		Meaning: "NOOP, HELP and VERB commands after which each further one takes twice as long, from a second to 4 minutes",
		config:  func(c *Config) any { return &c.MTA.Limits.NOOPs },
	},
	{
		Name: "SmtpGreetingMessage", Key: "mta.greeting", Side: Server, Theirs: "$j Sendmail $v/$Z; $b",
		Meaning: "the text of 220; $j is the server's name, $v the version, $b the date, and ESMTP is put behind the first word",
		config:  func(c *Config) any { return &c.MTA.Limits.Greeting },
	},
	{
		Name: "HelpFile", Letter: 'H', Key: "mta.help_file", Side: Server, path: true, Theirs: "/etc/mail/helpfile",
		Meaning: "a file with the replies to HELP, in the form of sendmail's: a topic, a tab and a line of the text for it; smtp is the topic of HELP alone. Empty is a list of the commands",
		config:  func(c *Config) any { return &c.MTA.HelpFile },
	},
	{
		Name: "AllowBogusHELO", Key: "mta.allow_bogus_helo", Side: Server,
		Meaning: "take a HELO without a name, or with one that is none",
		config:  func(c *Config) any { return &c.MTA.Limits.AllowBogusHELO },
	},
	{
		Name: "SoftBounce", Key: "mta.soft_bounce", Side: Server,
		Meaning: "refuse mail for now where it would be refused for good, while testing",
		config:  func(c *Config) any { return &c.MTA.Limits.SoftBounce },
	},
}
