package main

import (
	"github.com/spf13/cobra"

	"mailcrane/mta/local"
)

// mtaDeliverCommand is what a server of root's starts as a user where the system
// knows rights of whole processes only.
func (a *app) mtaDeliverCommand() *cobra.Command {
	return &cobra.Command{
		Use: "deliver", Short: "Write one message to a mailbox of the user who runs it", Hidden: true,
		Long:    "deliver is started by mailcrane mta, which tells it on standard input what to write and where.",
		Example: "  mailcrane mta deliver",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return local.Serve(c.Context(), a.stdin, a.stdout)
		},
	}
}
