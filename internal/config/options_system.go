package config

// These are about the process and the machine. None has an effect, and each says why.
var systemOptions = []Option{
	{
		Name: "DontInitGroups", Side: Local,
		Meaning: "do not look up the groups of a user",
		Why:     "who delivers for a user of a server has all groups of that user, and nobody else's",
	},
	{
		Name: "UseMSP", Side: Local,
		Meaning: "run as the submission program",
		Why:     "sendmail here always is that",
	},
	{
		Name: "ControlSocketName", Side: Local,
		Meaning: "the control socket",
		Why:     "the agent answers in the spool: mailcrane status",
	},
	{
		Name: "PidFile", Side: Local,
		Meaning: "the file of the process number",
		Why:     "a service manager knows the process",
	},
	{
		Name: "ProcessTitlePrefix", Side: Local,
		Meaning: "what ps shows",
		Why:     "mailcrane status says what the agent does",
	},
	{
		Name: "StatusFile", Letter: 'S', Side: Local,
		Meaning: "the statistics file",
		Why:     "mailcrane status and mailcrane queue count, and a server's [mta.watch]",
	},
	{
		Name: "SharedMemoryKey", Side: Local,
		Meaning: "shared memory for counts",
		Why:     "counts are read from the spool",
	},
	{
		Name: "SharedMemoryKeyFile", Side: Local,
		Meaning: "the file of that key",
		Why:     "counts are read from the spool",
	},
	{
		Name: "TimeZoneSpec", Letter: 't', Side: Local,
		Meaning: "the time zone",
		Why:     "the system's, or $TZ",
	},
	{
		Name: "DontProbeInterfaces", Side: Local,
		Meaning: "do not ask the machine for its addresses",
		Why:     "a server has to know its addresses: else it could not see that mail to them, or to an exchanger that is itself, ends here",
	},
}
