package main

import "github.com/coreos/go-systemd/v22/daemon"

func notifyManager(state string) error {
	_, err := daemon.SdNotify(false, state)
	return err
}
