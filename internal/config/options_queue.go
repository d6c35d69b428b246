package config

import "time"

var queueOptions = []Option{
	{
		Name: "QueueDirectory", Letter: 'Q', Key: "queue.directory", Side: Local,
		words: `"~/.local/state/mailcrane/spool"`, Theirs: "/var/spool/mqueue",
		Meaning: "where messages wait; a path that ends in * is all directories that begin so, and a list is several: each message goes into one of them",
		config:  func(c *Config) any { return &c.Spools },
	},
	{
		Key: "queue.interval", Side: Local, Unit: time.Minute, words: "two minutes, doubling to two hours",
		Meaning: "the time between two tries of a message; 0 for the default. sendmail has it as -q30m, which works for one process here",
		config:  func(c *Config) any { return &c.Queue.Interval },
	},
	{
		Name: "MinQueueAge", Key: "queue.min_age", Side: Local, Unit: time.Minute,
		Meaning: "the least time between two tries of a message",
		config:  func(c *Config) any { return &c.Queue.MinAge },
	},
	{
		Name: "MaxQueueAge", Key: "queue.max_age", Side: Local, Unit: time.Minute,
		Meaning: "if not 0, the pause between two tries doubles up to this, and MinQueueAge does not count",
		config:  func(c *Config) any { return &c.Queue.MaxAge },
	},
	{
		Key: "queue.age", Side: Local,
		Meaning: "what makes a message old: the time it was tried for, or, as in sendmail, the time since it was received",
		config:  func(c *Config) any { return (*ageRule)(&c.Queue.PlainAge) },
	},
	{
		Name: "Timeout.queuereturn", Key: "timeout.queuereturn", Side: Local, Unit: 24 * time.Hour, Least: int64(Now),
		Meaning: "the age at which a message is given up and its sender told; now gives up at once, untried",
		config:  func(c *Config) any { return &c.Queue.Return },
	},
	{
		Name: "Timeout.queuereturn.normal", Key: "timeout.queuereturn_normal", Side: Local, Unit: 24 * time.Hour, Least: int64(Now), narrow: true,
		Meaning: "Timeout.queuereturn for messages without a precedence",
		config:  func(c *Config) any { return &c.Queue.Return.Normal },
	},
	{
		Name: "Timeout.queuereturn.urgent", Key: "timeout.queuereturn_urgent", Side: Local, Unit: 24 * time.Hour, Least: int64(Now), narrow: true,
		Meaning: "Timeout.queuereturn for messages with a precedence above 0, or Priority: urgent",
		config:  func(c *Config) any { return &c.Queue.Return.Urgent },
	},
	{
		Name: "Timeout.queuereturn.non-urgent", Key: "timeout.queuereturn_non_urgent", Side: Local, Unit: 24 * time.Hour, Least: int64(Now), narrow: true,
		Meaning: "Timeout.queuereturn for messages with a precedence below 0, or Priority: non-urgent",
		config:  func(c *Config) any { return &c.Queue.Return.NonUrgent },
	},
	{
		Name: "Timeout.queuereturn.dsn", Key: "timeout.queuereturn_dsn", Side: Local, Unit: 24 * time.Hour, Least: int64(Now), narrow: true,
		Meaning: "Timeout.queuereturn for delivery reports",
		config:  func(c *Config) any { return &c.Queue.Return.DSN },
	},
	{
		Name: "Timeout.queuewarn", Key: "timeout.queuewarn", Side: Local, Unit: time.Hour,
		Meaning: "the age at which a sender is told once that the message waits; 0 is never",
		config:  func(c *Config) any { return &c.Queue.Warn },
	},
	{
		Name: "Timeout.queuewarn.normal", Key: "timeout.queuewarn_normal", Side: Local, Unit: time.Hour, narrow: true,
		Meaning: "Timeout.queuewarn for messages without a precedence",
		config:  func(c *Config) any { return &c.Queue.Warn.Normal },
	},
	{
		Name: "Timeout.queuewarn.urgent", Key: "timeout.queuewarn_urgent", Side: Local, Unit: time.Hour, narrow: true,
		Meaning: "Timeout.queuewarn for messages with a precedence above 0, or Priority: urgent",
		config:  func(c *Config) any { return &c.Queue.Warn.Urgent },
	},
	{
		Name: "Timeout.queuewarn.non-urgent", Key: "timeout.queuewarn_non_urgent", Side: Local, Unit: time.Hour, narrow: true,
		Meaning: "Timeout.queuewarn for messages with Priority: non-urgent; a precedence below 0 is never warned of",
		config:  func(c *Config) any { return &c.Queue.Warn.NonUrgent },
	},
	{
		Name: "Timeout.queuewarn.dsn", Key: "timeout.queuewarn_dsn", Side: Local, Unit: time.Hour, narrow: true,
		Meaning: "Timeout.queuewarn for delivery reports that others made; our own have no sender to warn",
		config:  func(c *Config) any { return &c.Queue.Warn.DSN },
	},
	{
		Name: "QueueTimeout", Letter: 'T', Side: Local,
		Meaning: "the old form of Timeout.queuereturn, or with a slash of that and Timeout.queuewarn: 5d/4h",
		config:  func(c *Config) any { return (*oldQueueTimeout)(c) },
	},
	{
		Key: "queue.undo", Side: Local, Unit: time.Second,
		Meaning: "how long a message that a person hands in is kept back at first, so that it can be taken back",
		config:  func(c *Config) any { return &c.Queue.Undo },
	},
	{
		Key: "queue.future_release", Side: Client,
		Meaning: "hand a message for a later time to a server that keeps it until then (RFC 4865); it leaves though this machine is off, and cannot be taken back",
		config:  func(c *Config) any { return &c.Queue.FutureRelease },
	},
	{
		Key: "queue.remember", Side: Local,
		Meaning: "about how many of the messages that have left the queue are remembered, for explain and queue list --done; 0 is none",
		config:  func(c *Config) any { return &c.Queue.Remember },
	},
	{
		Name: "CheckpointInterval", Letter: 'C', Side: Local,
		Meaning: "rewrite the queue file after so many recipients",
		Why:     "each recipient's result is written down, and synced, as soon as it is known",
	},
	{
		Name: "SuperSafe", Letter: 's', Side: Local,
		Meaning: "sync a message to the disk before it counts as accepted",
		Why:     "that is always so and cannot be turned off",
	},
	{
		Name: "QueueFileMode", Side: Local,
		Meaning: "the mode of queue files",
		Why:     "a queued message is readable by its owner alone, mode 0600",
	},
	{
		Name: "TempFileMode", Letter: 'F', Side: Local,
		Meaning: "the mode of transcripts and other files",
		Why:     "they too are readable by their owner alone, mode 0600, and so is a file that mail is first appended to",
	},
	{
		Name: "FastSplit", Side: Local,
		Meaning: "how a message for many hosts is split",
		Why:     "results are kept for each recipient; a server makes a message of its own for each next hop",
	},
	{
		Name: "RequiresDirfsync", Side: Local,
		Meaning: "whether directories need a sync of their own",
		Why:     "the directory is always synced too",
	},
}

var orderOptions = []Option{
	{
		Name: "QueueSortOrder", Key: "queue.sort", Side: Local,
		Meaning: "the order of the messages in a queue run",
		config:  func(c *Config) any { return &c.Queue.Sort },
	},
	{
		Name: "MaxQueueRunSize", Key: "queue.max_run_size", Side: Local,
		Meaning: "messages of one queue run; 0 is no limit",
		config:  func(c *Config) any { return &c.Queue.MaxRunSize },
	},
	{
		Name: "RecipientFactor", Letter: 'y', Key: "queue.recipient_factor", Side: Local,
		Meaning: "how much later a message goes for each recipient",
		config:  func(c *Config) any { return &c.Queue.RecipientFactor },
	},
	{
		Name: "ClassFactor", Letter: 'z', Key: "queue.class_factor", Side: Local,
		Meaning: "how much sooner a message goes for each point of its precedence",
		config:  func(c *Config) any { return &c.Queue.ClassFactor },
	},
	{
		Name: "RetryFactor", Letter: 'Z', Key: "queue.retry_factor", Side: Local,
		Meaning: "how much later a message goes for each try",
		config:  func(c *Config) any { return &c.Queue.RetryFactor },
	},
	{
		Name: "ForkEachJob", Letter: 'Y', Key: "queue.separate_sessions", Side: Client,
		Meaning: "send each message over a session of its own",
		config:  func(c *Config) any { return &c.Queue.SeparateSessions },
	},
	{
		Name: "SingleThreadDelivery", Key: "queue.single_thread", Side: Client,
		Meaning: "never two sessions with one smarthost at once, in any process",
		config:  func(c *Config) any { return &c.Queue.SingleThread },
	},
	{
		Name: "MaxQueueChildren", Side: Local,
		Meaning: "processes that run the queue",
		Why:     "one process runs the queue, with sessions side by side; how many with one destination of a server says mta.exchange.sessions",
	},
	{
		Name: "MaxRunnersPerQueue", Side: Local,
		Meaning: "processes that run one queue",
		Why:     "one process runs all queues, with sessions side by side",
	},
	{
		Name: "NiceQueueRun", Side: Local,
		Meaning: "the nice value of a queue run",
		Why:     "start the agent with nice, or set Nice= in its service, if it is to stand back",
	},
}

var loadOptions = []Option{
	{
		Name: "QueueLA", Letter: 'x', Key: "queue.load_limit", Side: Local, words: "8 for each processor",
		Meaning: "the load average from which on messages wait for their turn; 0 is never",
		config:  func(c *Config) any { return &c.Queue.LoadLimit },
	},
	{
		Name: "QueueFactor", Letter: 'q', Key: "queue.load_factor", Side: Local,
		Meaning: "a message waits if its priority is above this / (load - QueueLA + 1)",
		config:  func(c *Config) any { return &c.Queue.LoadFactor },
	},
	{
		Name: "RefuseLA", Letter: 'X', Key: "queue.refuse_load", Side: Server, words: "12 for each processor",
		Meaning: "the load average from which on the listeners take no connection; 0 is never",
		config:  func(c *Config) any { return &c.Queue.RefuseLoad },
	},
	{
		Name: "DelayLA", Key: "queue.delay_load", Side: Server,
		Meaning: "the load average from which on the listeners answer a second late; 0 is never",
		config:  func(c *Config) any { return &c.Queue.DelayLoad },
	},
	{
		Name: "RejectLogInterval", Key: "queue.reject_log_interval", Side: Server, Unit: time.Minute, Least: int64(time.Second),
		Meaning: "while connections are refused for the load, the time between two lines of the log that say so",
		config:  func(c *Config) any { return &c.Queue.RejectLogInterval },
	},
}

var hostOptions = []Option{
	{
		Name: "HostStatusDirectory", Key: "queue.host_status_directory", Side: Client, path: true,
		Meaning: "where the last result of each host is kept for other processes, below the spool if not absolute; empty is nowhere",
		config:  func(c *Config) any { return &c.Queue.HostStatusDirectory },
	},
	{
		Name: "Timeout.hoststatus", Key: "timeout.hoststatus", Side: Client, Unit: time.Minute,
		Meaning: "how long the last failure of a host is believed",
		config:  func(c *Config) any { return &c.Queue.HostStatus },
	},
	{
		Name: "ConnectionCacheSize", Letter: 'k', Side: Client, words: "1",
		Meaning: "open sessions kept: one for each account while a run lasts, and mta.exchange.cache_size for exchangers; 0 is ForkEachJob",
		config:  func(c *Config) any { return (*cacheSize)(c) },
	},
	{
		Name: "DialDelay", Key: "queue.dial_delay", Side: Client, Unit: time.Second,
		Meaning: "where the first connection of a run times out, or finds no network, the pause before it is tried once more; it ends at once when the network changes. 0 is not to",
		config:  func(c *Config) any { return &c.Queue.DialDelay },
	},
	{
		Name: "HoldExpensive", Letter: 'c', Key: "queue.hold_expensive", Side: Client,
		Meaning: "leave the mail of accounts with expensive = true to the queue run: one at each queue.interval, sendmail -q, or mailcrane flush",
		config:  func(c *Config) any { return &c.Queue.HoldExpensive },
	},
	{
		Name: "DirectSubmissionModifiers", Side: Client,
		Meaning: "flags of mail that was submitted directly",
		Why:     "what programs of this machine hand in is always completed; for listeners [[mta.listen]] has such letters",
	},
	{
		Name: "ClientPortOptions", Side: Client,
		Meaning: "the address that connections come from",
		Why:     "the kernel chooses it by the route that is up",
	},
}

var reportOptions = []Option{
	{
		Name: "DoubleBounceAddress", Key: "queue.double_bounce", Side: Local,
		Meaning: "who gets a report that cannot be delivered; empty is nobody",
		config:  func(c *Config) any { return &c.Queue.DoubleBounce },
	},
	{
		Name: "PostmasterCopy", Letter: 'P', Key: "queue.postmaster_copy", Side: Local,
		Meaning: "who gets the header of each message that fails; empty is nobody",
		config:  func(c *Config) any { return &c.Queue.PostmasterCopy },
	},
	{
		Name: "DeadLetterDrop", Key: "queue.dead_letter_drop", Side: Local, path: true,
		Meaning: "a file for reports that nobody takes; empty is none, and they are held",
		config:  func(c *Config) any { return &c.Queue.DeadLetterDrop },
	},
	{
		Name: "UseErrorsTo", Letter: 'l', Side: Local,
		Meaning: "send reports to the address of the field Errors-To",
		Why:     "reports go to the reverse-path (RFC 5321 section 6.1); the field was never standard and anybody may write it",
	},
	{
		Name: "SendMimeErrors", Letter: 'j', Side: Local,
		Meaning: "send reports in MIME form",
		Why:     "they always are multipart/report (RFC 6522)",
	},
	{
		Name: "ErrorHeader", Letter: 'E', Key: "queue.error_header", Side: Local,
		Meaning: "what each report begins with, such as whom to ask for help: a text, or the whole path of a file with it",
		config:  func(c *Config) any { return &c.Queue.ErrorHeader },
	},
	{
		Name: "RrtImpliesDsn", Side: Local,
		Meaning: "take Return-Receipt-To as a wish for a success report",
		Why:     "ask for it with -N success; the field was never standard",
	},
	{
		Name: "DeliverByMin", Side: Server,
		Meaning: "the least time of DELIVERBY",
		Why:     "DELIVERBY is not offered",
	},
}
