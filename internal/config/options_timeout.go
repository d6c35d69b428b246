package config

import "time"

var timeoutOptions = []Option{
	{
		Name: "Timeout", Letter: 'r', Side: Both,
		Meaning: "the old form: one time for mail, rcpt, datainit, datablock, datafinal and command, or a list of name=time",
		config:  func(c *Config) any { return (*oldTimeouts)(c) },
	},
	{
		Name: "Timeout.connect", Key: "timeout.connect", Side: Client, Unit: time.Minute, Least: int64(time.Second), Theirs: "0 (the kernel's)",
		Meaning: "the connection to be made",
		config:  func(c *Config) any { return &c.Timeout.Connect },
	},
	{
		Name: "Timeout.iconnect", Key: "timeout.iconnect", Side: Client, Unit: time.Minute,
		Meaning: "the connection on the first try of a message; 0 is Timeout.connect",
		config:  func(c *Config) any { return &c.Timeout.IConnect },
	},
	{
		Name: "Timeout.aconnect", Key: "timeout.aconnect", Side: Client, Unit: time.Minute,
		Meaning: "all connections of one try together; 0 is no limit",
		config:  func(c *Config) any { return &c.Timeout.AConnect },
	},
	{
		Name: "Timeout.initial", Key: "timeout.initial", Side: Client, Unit: time.Minute, Least: int64(time.Second), Theirs: "5m",
		Meaning: "the server's greeting",
		config:  func(c *Config) any { return &c.Timeout.Initial },
	},
	{
		Name: "Timeout.helo", Key: "timeout.helo", Side: Client, Unit: time.Minute, Least: int64(time.Second),
		Meaning: "the reply to EHLO",
		config:  func(c *Config) any { return &c.Timeout.Helo },
	},
	{
		Name: "Timeout.starttls", Key: "timeout.starttls", Side: Both, Unit: time.Minute, Least: int64(time.Second), Theirs: "1h",
		Meaning: "the reply to STARTTLS, and the handshake, as client and as server",
		config:  func(c *Config) any { return &c.Timeout.StartTLS },
	},
	{
		Name: "Timeout.auth", Key: "timeout.auth", Side: Both, Unit: time.Minute, Least: int64(time.Second), Theirs: "10m",
		Meaning: "each reply while logging in, and each answer of a client that does",
		config:  func(c *Config) any { return &c.Timeout.Auth },
	},
	{
		Name: "Timeout.mail", Key: "timeout.mail", Side: Client, Unit: time.Minute, Least: int64(time.Second), Theirs: "10m",
		Meaning: "the reply to MAIL",
		config:  func(c *Config) any { return &c.Timeout.Mail },
	},
	{
		Name: "Timeout.rcpt", Key: "timeout.rcpt", Side: Client, Unit: time.Minute, Least: int64(time.Second), Theirs: "1h",
		Meaning: "the reply to RCPT",
		config:  func(c *Config) any { return &c.Timeout.Rcpt },
	},
	{
		Name: "Timeout.datainit", Key: "timeout.datainit", Side: Client, Unit: time.Minute, Least: int64(time.Second), Theirs: "5m",
		Meaning: "the reply to DATA",
		config:  func(c *Config) any { return &c.Timeout.DataInit },
	},
	{
		Name: "Timeout.datablock", Key: "timeout.datablock", Side: Both, Unit: time.Minute, Least: int64(time.Second), Theirs: "1h",
		Meaning: "one block of a message, sent or read",
		config:  func(c *Config) any { return &c.Timeout.DataBlock },
	},
	{
		Name: "Timeout.datafinal", Key: "timeout.datafinal", Side: Client, Unit: time.Minute, Least: int64(time.Second), Theirs: "1h",
		Meaning: "the reply to the end of a message; too short makes duplicates (RFC 1047)",
		config:  func(c *Config) any { return &c.Timeout.DataFinal },
	},
	{
		Name: "Timeout.rset", Key: "timeout.rset", Side: Client, Unit: time.Minute, Least: int64(time.Second),
		Meaning: "the reply to RSET",
		config:  func(c *Config) any { return &c.Timeout.Rset },
	},
	{
		Name: "Timeout.quit", Key: "timeout.quit", Side: Client, Unit: time.Minute, Least: int64(time.Second), Theirs: "2m",
		Meaning: "the reply to QUIT",
		config:  func(c *Config) any { return &c.Timeout.Quit },
	},
	{
		Name: "Timeout.command", Key: "timeout.command", Side: Server, Unit: time.Minute, Least: int64(time.Second), Theirs: "1h",
		Meaning: "the next command of a client of the server, or of a program that hands mail in by SMTP",
		config:  func(c *Config) any { return &c.Timeout.Command },
	},
	{
		Name: "Timeout.misc", Side: Client,
		Meaning: "the reply to NOOP, VERB and other short commands",
		Why:     "none of them is ever sent",
	},
	{
		Name: "Timeout.ident", Key: "timeout.ident", Side: Server, Unit: time.Minute, Theirs: "5s",
		Meaning: "an answer to an ident question (RFC 1413) in server mode; 0 asks nobody",
		config:  func(c *Config) any { return &c.Timeout.Ident },
	},
	{
		Name: "Timeout.control", Side: Local,
		Meaning: "one transaction on the control socket",
		Why:     "what the agent answers is at hand, and a client that does not read is dropped",
	},
}

var resolverOptions = []Option{
	{
		Name: "Timeout.resolver.retrans", Key: "timeout.resolver_retrans", Side: Server, Unit: time.Second,
		Meaning: "how long server mode waits for a name server before it asks the next one, or the same again; 0 is options timeout of /etc/resolv.conf, or 5s",
		config:  func(c *Config) any { return &c.Timeout.Retrans },
	},
	{
		Name: "Timeout.resolver.retrans.first", Side: Client,
		Meaning: "Timeout.resolver.retrans on the first try of a message",
		Why:     "a smarthost's name is looked up as /etc/resolv.conf says; Timeout.iconnect bounds the first try",
	},
	{
		Name: "Timeout.resolver.retrans.normal", Key: "timeout.resolver_retrans_normal", Side: Server, Unit: time.Second, narrow: true,
		Meaning: "Timeout.resolver.retrans for all other look-ups",
		config:  func(c *Config) any { return &c.Timeout.Retrans },
	},
	{
		Name: "Timeout.resolver.retry", Key: "timeout.resolver_retry", Side: Server,
		Meaning: "how often server mode asks each name server; 0 is options attempts of /etc/resolv.conf, or 2",
		config:  func(c *Config) any { return &c.Timeout.Retry },
	},
	{
		Name: "Timeout.resolver.retry.first", Side: Client,
		Meaning: "Timeout.resolver.retry on the first try of a message",
		Why:     "see Timeout.resolver.retrans.first",
	},
	{
		Name: "Timeout.resolver.retry.normal", Key: "timeout.resolver_retry_normal", Side: Server, narrow: true,
		Meaning: "Timeout.resolver.retry for all other look-ups",
		config:  func(c *Config) any { return &c.Timeout.Retry },
	},
	{
		Name: "ResolverOptions", Letter: 'I', Side: Local,
		Meaning: "flags of the resolver, HasWildcardMX and WorkAroundBrokenAAAA",
		Why:     "names are looked up as /etc/resolv.conf says; only a smarthost's addresses are asked for, never an MX, and a failure for AAAA does not keep A from being used",
	},
	{
		Name: "ServiceSwitchFile", Side: Local,
		Meaning: "the file that says where names are looked up",
		Why:     "the system's /etc/nsswitch.conf is obeyed",
	},
	{
		Name: "HostsFile", Side: Local,
		Meaning: "the file of host names",
		Why:     "the system's /etc/hosts is obeyed",
	},
	{
		Name: "DontExpandCnames", Side: Local,
		Meaning: "keep names as they are where they are aliases",
		Why:     "no name in a message is looked up or replaced",
	},
	{
		Name: "UseCompressedIPv6Addresses", Side: Local,
		Meaning: "how IPv6 addresses are written in maps",
		Why:     "there are no maps that are asked for addresses",
	},
}
