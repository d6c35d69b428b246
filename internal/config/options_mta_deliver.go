package config

// mtaDeliverOptions are for local delivery.
var mtaDeliverOptions = []Option{}
