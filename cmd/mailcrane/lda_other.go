//go:build !unix

package main

import (
	"context"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
)

// ldaCommand is nil: nobody becomes another user here.
func (a *app) ldaCommand() *cobra.Command { return nil }

func (a *app) startDeliveryAgent(context.Context, *config.Config) (string, error) { return "", nil }
