package config

// These are about aliases, local delivery and maps. All but the first have no
// effect, and each says why.
var aliasOptions = []Option{
	{
		Name: "AliasFile", Letter: 'A', Key: "aliases", Side: Local, path: true, words: "none", Theirs: "/etc/mail/aliases",
		Meaning: "the file, in the form of /etc/aliases, that says where mail to a user of this machine goes; a server's are mta.map.aliases",
		config:  func(c *Config) any { return &c.Aliases }, check: parseAliasFile,
	},
	{
		Name: "AliasWait", Letter: 'a', Side: Local,
		Meaning: "how long to wait for the alias database",
		Why:     "the file is read as it stands, without a database",
	},
	{
		Name: "AutoRebuildAliases", Letter: 'D', Side: Local,
		Meaning: "rebuild the alias database by itself",
		Why:     "the file is read as it stands, without a database",
	},
	{
		Name: "CheckAliases", Letter: 'n', Side: Local,
		Meaning: "check the right sides of aliases",
		Why:     "newaliases checks them all",
	},
	{
		Name: "MailboxDatabase", Side: Local,
		Meaning: "where mailboxes are looked up",
		Why:     "the mailboxes of a server are those of the users of the system",
	},
	{
		Name: "UserDatabaseSpec", Letter: 'U', Side: Local,
		Meaning: "the user database",
		Why:     "a server's mta.map.aliases and mta.map.genericstable say what it did, from text files, SQLite, PostgreSQL or LDAP",
	},
	{
		Name: "LDAPDefaultSpec", Side: Local,
		Meaning: "defaults of LDAP maps",
		Why:     "each map in LDAP says in a file of its own where and how it is asked: ldap:FILE",
	},
}
