package main

import (
	"os"
	"path/filepath"
	"runtime"

	"mailcrane/installer"
	"mailcrane/internal/config"
)

// serviceNeeds is what the configuration that the service will read asks of it.
func (a *app) serviceNeeds(o installer.Options) (installer.Needs, error) {
	getenv, home := a.getenv, config.Home(a.getenv)
	if !o.User {
		// Root's own configuration is not the machine's.
		home = ""
		getenv = machineEnvironment
	}
	c, err := config.Load(o.Config, getenv)
	if err != nil {
		return installer.Needs{}, err
	}
	needs := installer.Needs{Listen: c.ListenMSP, Socket: c.System.Socket, Drop: c.System.Drop}
	needs.Server = serverNeeds(&c.MTA)
	if needs.Spools, err = c.QueueDirs(); err != nil {
		return installer.Needs{}, err
	}
	named := make(map[string]bool)
	for _, account := range c.Accounts {
		for _, secret := range []config.Secret{account.Secret, account.OAuth.ClientSecret} {
			if secret.Kind == "credential" && !named[secret.Value] {
				named[secret.Value] = true
				needs.Credentials = append(needs.Credentials, installer.CredentialOf(secret.Value, home))
			}
		}
	}
	return needs, nil
}

// serverNeeds is what server mode asks of the service.
func serverNeeds(m *config.MTA) installer.Server {
	s := installer.Server{RunAs: m.RunAs, LowPort: m.TLS.ACME.Directory != ""}
	for i := range m.Listeners {
		s.Listen = append(s.Listen, m.Listeners[i].Address)
	}
	return s
}

// machineEnvironment is what the machine's service has of an environment.
func machineEnvironment(name string) string {
	if name == "HOME" {
		return serviceHome()
	}
	return ""
}

// serviceHome is the home of the user that the machine's service runs as.
func serviceHome() string {
	if runtime.GOOS == "windows" { // LocalSystem
		return filepath.Join(os.Getenv("SystemRoot"), `System32\config\systemprofile`)
	}
	return installer.ServiceHome
}
