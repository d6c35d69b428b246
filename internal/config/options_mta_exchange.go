package config

// mtaExchangeOptions are for delivery to mail exchangers.
var mtaExchangeOptions = []Option{}
