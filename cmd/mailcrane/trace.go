package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta/trace"
)

func (a *app) traceCommand() *cobra.Command {
	var clients []string
	var want trace.Request
	c := &cobra.Command{
		Use: "trace", Short: "Show what clients of the server say, as they say it",
		Long: `trace prints each line of the dialogues of a running server (mailcrane mta), from now
on until it is stopped: what clients say, what they are answered, and what the server
thinks of it. Secrets of a log-in are left out; of a message, only its size is told,
unless you ask for more with --body.

It never slows the server down: what comes faster than it is read is left out, and how
much that was is said.`,
		Example: "  mailcrane trace\n  mailcrane trace --client 192.0.2.0/24 --port MTA\n  mailcrane trace --json",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, text := range clients {
				net, err := parseClients(text)
				if err != nil {
					return err
				}
				want.Clients = append(want.Clients, net)
			}
			return a.trace(cmd.Context(), want)
		},
	}
	c.Flags().StringSliceVar(&clients, "client", nil, "only clients of this address or network")
	c.Flags().StringVar(&want.Port, "port", "", "only clients of the listener of this name")
	c.Flags().BoolVar(&want.Body, "body", false, "messages too, not only their size")
	c.Flags().BoolVar(&a.json, "json", false, "one JSON object a line")
	return c
}

// parseClients reads an address or a network.
func parseClients(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	net, err := netip.ParsePrefix(text)
	if err != nil {
		return net, sysexits.Errorf(sysexits.Usage, "write for example: --client 192.0.2.0/24", "%q is no address and no network", text)
	}
	return net.Masked(), nil
}

func (a *app) trace(ctx context.Context, want trace.Request) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	request, err := json.Marshal(want)
	if err != nil {
		return fmt.Errorf("asking the server: %w", err)
	}
	conn, err := tellAgent(ctx, c, askTrace+" "+string(request))
	if err != nil {
		return noServer(c, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return noServer(c, err)
	}
	in, out := json.NewDecoder(conn), json.NewEncoder(a.stdout)
	for n := 0; ; n++ {
		var line trace.Line
		err := in.Decode(&line)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && n == 0:
			return noServer(c, err)
		case err != nil:
			return sysexits.Errorf(sysexits.TempFail, "look at it with: mailcrane status", "the server has ended, or tells no more: %w", err)
		case a.json:
			err = out.Encode(line)
		default:
			err = sayTrace(a.stdout, line)
		}
		if err != nil {
			return nil // who listened has gone
		}
	}
}

func noServer(c *config.Config, err error) error {
	return sysexits.Errorf(sysexits.Unavailable, "start it with: mailcrane mta", "no server answers for the spool %s: %w", c.Spools[0], err)
}

// sayTrace prints a line for a person: the time, the session, and who says it.
func sayTrace(w io.Writer, l trace.Line) error {
	mark := map[string]string{trace.In: "<--", trace.Out: "--->", trace.Body: "...", trace.Note: "***", trace.Missing: "!!!"}[l.Direction]
	for text := range strings.Lines(l.Text) {
		if _, err := fmt.Fprintf(w, "%s %6d %-4s %s\n", l.At.Local().Format("15:04:05.000"), l.Session, mark, printable(strings.TrimRight(text, "\r\n"))); err != nil {
			return err
		}
	}
	return nil
}
