package lab

import "testing"

func TestClientsAreThere(t *testing.T) {
	for _, name := range []string{
		"git", "git-send-email", "mutt", "s-nail", "bsd-mailx", "cron", "swaks", "python3", "php", "emacs",
	} {
		t.Run(name, func(t *testing.T) { t.Log(Client(t, name)) })
	}
}
