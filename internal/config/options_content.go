package config

// These are about what is done to the content of a message. None has an effect, and each says why.
var contentOptions = []Option{
	{
		Name: "SevenBitInput", Letter: '7', Side: Local,
		Meaning: "cut the eighth bit off what comes in",
		Why:     "a message is kept octet by octet",
	},
	{
		Name: "EightBitMode", Letter: '8', Side: Local,
		Meaning: "what to do with eight-bit text that is not declared",
		Why:     "it is sent as it is where the server takes it, and re-encoded where not",
	},
	{
		Name: "OldStyleHeaders", Letter: 'o', Side: Local,
		Meaning: "spaces divide addresses in header fields",
		Why:     "commas divide addresses in a header (RFC 5322); names of users of this machine with blanks between them get them",
	},
	{
		Name: "BlankSub", Letter: 'B', Side: Local,
		Meaning: "the character for spaces in addresses",
		Why:     "an address keeps its spaces in quotes",
	},
	{
		Name: "ColonOkInAddr", Side: Local,
		Meaning: "colons may stand in addresses",
		Why:     "a colon begins a group (RFC 5322 section 3.4)",
	},
	{
		Name: "SingleLineFromHeader", Side: Local,
		Meaning: "unwrap From fields",
		Why:     "the lines of a field stay as a program wrote them; addresses in it are completed, and a server may rewrite them",
	},
	{
		Name: "MustQuoteChars", Side: Local,
		Meaning: "characters that need quotes in names",
		Why:     "names beside addresses stay as a program wrote them",
	},
	{
		Name: "OperatorChars", Side: Local,
		Meaning: "characters that divide an address",
		Why:     "there are no rewriting rules; a server's maps say where mail goes",
	},
	{
		Name: "DefaultCharSet", Side: Local,
		Meaning: "the character set of undeclared eight-bit text",
		Why:     "what is not declared is sent as unknown-8bit (RFC 1428)",
	},
	{
		Name: "MaxMimeHeaderLength", Side: Local,
		Meaning: "cut long MIME fields",
		Why:     "fields are not cut; MaxHeadersLength bounds them together",
	},
	{
		Name: "UnixFromLine", Side: Local,
		Meaning: "the form of the line \"From \" in mailboxes",
		Why:     "it is \"From SENDER DATE\", which those who read mbox files expect",
	},
	{
		Name: "DontPruneRoutes", Letter: 'R', Side: Local,
		Meaning: "keep routes in addresses",
		Why:     "a route is always dropped (RFC 5321 appendix C)",
	},
	{
		Name: "SMTPUTF8", Side: Local,
		Meaning: "offer and use SMTPUTF8",
		Why:     "it always is",
	},
	{
		Name: "XscriptFileBufferSize", Side: Local,
		Meaning: "memory for a transcript",
		Why:     "transcripts are bounded",
	},
	{
		Name: "DataFileBufferSize", Side: Local,
		Meaning: "memory for a message",
		Why:     "a message is written to the disk as it comes",
	},
	{
		Name: "MatchGECOS", Letter: 'G', Side: Local,
		Meaning: "look recipients up by full name",
		Why:     "a local recipient is the name of a user or of an alias",
	},
	{
		Name: "Milter.LogLevel", Side: Local,
		Meaning: "the log level of filters",
		Why:     "there are no mail filters",
	},
	{
		Name: "Milter.macros", Side: Local,
		Meaning: "macros for filters",
		Why:     "there are no mail filters",
	},
	{
		Name: "InputMailFilters", Side: Local,
		Meaning: "filters in the order of their use",
		Why:     "there are no mail filters",
	},
}
