package config

import "time"

// mtaDeliverOptions are for local delivery.
var mtaDeliverOptions = []Option{
	{
		Key: "mta.deliver.mailer", Side: Server,
		Meaning: "how mail gets into a user's mailbox: maildir:PATH or mbox:PATH (with ~, $u the user, $h the +detail, $z the home), procmail, procmail:PATH, lmtp:SOCKET, lmtp:HOST:PORT, or program:ARGV (and $f the sender)",
		config:  func(c *Config) any { return &c.MTA.Deliver.Mailer }, check: checkLocalMailer,
	},
	{
		Name: "DefaultUser", Letter: 'u', Key: "mta.deliver.default_user", Side: Server, words: "the first there is of mailnull, sendmail, daemon", Theirs: "1:1",
		Meaning: "the user, as USER or USER:GROUP, that programs and files of aliases are delivered as; never root",
		config:  func(c *Config) any { return &c.MTA.Deliver.DefaultUser }, check: checkDefaultUser,
	},
	{
		Name: "SafeFileEnvironment", Key: "mta.deliver.safe_file_environment", Side: Server, words: "none",
		Meaning: "the directory that all files of aliases and .forward are below, whether they name it or not",
		config:  func(c *Config) any { return &c.MTA.Deliver.SafeFileEnvironment }, check: checkRooted,
	},
	{
		Key: "mta.deliver.program_time", Side: Server, Unit: time.Minute, Least: int64(time.Second),
		Meaning: "how long a program may take with a message before it and all it has started are killed",
		config:  func(c *Config) any { return &c.MTA.Deliver.ProgramTime },
	},
	{
		Key: "mta.deliver.program_output", Side: Server,
		Meaning: "how much of what a program says is kept, in octets; its first lines are told to the sender where it fails",
		config:  func(c *Config) any { return &c.MTA.Deliver.ProgramOutput },
	},
	{
		Name: "Timeout.lhlo", Key: "timeout.lhlo", Side: Server, Unit: time.Minute, Least: int64(time.Second),
		Meaning: "the greeting of the LMTP server of mta.deliver.mailer, and its reply to LHLO",
		config:  func(c *Config) any { return &c.Timeout.LHLO },
	},
}
