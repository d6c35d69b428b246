package config

// mtaNameOptions are for the name service of a server.
var mtaNameOptions = []Option{}
