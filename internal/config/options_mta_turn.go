package config

// mtaTurnOptions are for peers that dial in, and for the agent that is one.
var mtaTurnOptions = []Option{
	{
		Key: "mta.turn.users", Side: Server,
		Meaning: "who may fetch whose mail by ATRN (RFC 2645): \"USER DOMAIN[,DOMAIN]\" for each user who logs in",
		config:  func(c *Config) any { return &c.MTA.Turn.Users }, check: parseTurnUser,
	},
	{
		Key: "mta.listen.NAME.odmr", Side: Server, words: "true on port 366, else false",
		Meaning:  "whether those of mta.turn.users may fetch their mail here (ATRN)",
		listener: func(l *Listener) any { return &l.ODMR },
	},
	{
		Key: "mta.exchange.expensive", Side: Server,
		Meaning: "hosts of the mailertable and domains whose mail waits for a queue run, with HoldExpensive: sendmail's mailer flag e",
		config:  func(c *Config) any { return &c.MTA.Exchange.Expensive }, check: parseFetchDomain,
	},
	{
		Key: "account.NAME.fetch", Side: Client, words: `"none"`,
		Meaning: "how mail that waits at the server comes to this machine: atrn turns the connection round, etrn has the server call",
		account: func(a *Account) any { return &a.Fetch }, check: parseFetch,
	},
	{
		Key: "account.NAME.fetch_domains", Side: Client, words: "none",
		Meaning: "whose mail is fetched, and taken in",
		account: func(a *Account) any { return &a.FetchDomains }, check: parseFetchDomain,
	},
	{
		Key: "account.NAME.fetch_smarthost", Side: Client, words: "smarthost",
		Meaning: "the server that has the mail, where it is another; for example smtp://HOST:366",
		account: func(a *Account) any { return &a.FetchSmarthost },
	},
}
