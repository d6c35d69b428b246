package config

// mtaSafeOptions are about which unsafe support files the server reads all the same.
var mtaSafeOptions = []Option{
	{
		Name: "DontBlameSendmail", Key: "mta.dont_blame_sendmail", Side: Server,
		Meaning: "the checks of support files that are left out, by sendmail's words, as a list or with commas; Safe is none",
		config:  func(c *Config) any { return &c.MTA.Safe.Blame },
	},
	{
		Name: "TrustedUser", Key: "mta.trusted_user", Side: Server, words: "root alone",
		Meaning: "the user, by name or number, whose support files are trusted as those of root are",
		config:  func(c *Config) any { return &c.MTA.Safe.TrustedUser },
	},
	{
		Name: "UnsafeGroupWrites", Side: Server,
		Meaning: "whether files that a group may write are trusted",
		Why:     "sendmail's later words say it: GroupWritableForwardFileSafe and GroupWritableIncludeFileSafe in mta.dont_blame_sendmail",
	},
}
