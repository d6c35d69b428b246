package config

// mtaTurnOptions are for peers that dial in, and for the agent that is one.
var mtaTurnOptions = []Option{}
