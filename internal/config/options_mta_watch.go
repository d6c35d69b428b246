package config

// watchingOptions are for what the server tells of itself. LogLevel, which says
// how much the log has, is the agent's too.
var watchingOptions = []Option{
	{
		Key: "mta.log.format", Side: Server, words: `"text"`,
		Meaning: "how the server's log is written: text, in sendmail's lines, or json, an object a line with all facts",
		config:  func(c *Config) any { return &c.MTA.Watch.Format }, check: parseLogFormat,
	},
	{
		Key: "mta.log.target", Side: Server, words: `"stderr"`,
		Meaning: "where the server's log goes: stderr, journal, syslog (facility mail), syslog:unix:PATH or syslog:udp:HOST:PORT",
		config:  func(c *Config) any { return &c.MTA.Watch.Target }, check: parseLogTarget,
	},
	{
		Key: "mta.watch.listen", Side: Server, words: "none",
		Meaning: "where metrics and health are told over HTTP, such as 127.0.0.1:9025; without a host, to this machine only",
		config:  func(c *Config) any { return &c.MTA.Watch.Listen }, check: parseWatchListen,
	},
}
