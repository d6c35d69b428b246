package config

// mtaRouteOptions are for where mail goes by its address.
var mtaRouteOptions = []Option{}
