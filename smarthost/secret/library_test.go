package secret

import system "github.com/zalando/go-keyring"

// storeWithLibrary stores as go-keyring does.
func storeWithLibrary(service, user, text string) error { return system.Set(service, user, text) }
