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
