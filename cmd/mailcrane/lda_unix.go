//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/socket"
	"mailcrane/internal/sysexits"
	"mailcrane/mta"
	"mailcrane/mta/aliases"
	"mailcrane/mta/lda"
	"mailcrane/mta/safefile"
)

// ldaFlags say where the requests come from, and when it ends.
type ldaFlags struct {
	idleExit time.Duration
	// inherited: the listener is descriptor 3, and the process ends with who gave it,
	// at the end of standard input.
	inherited bool
}

func (a *app) ldaCommand() *cobra.Command {
	var f ldaFlags
	c := &cobra.Command{
		Use:   "lda",
		Short: "Local delivery agent: deliver on this machine for a server without root's rights",
		Long: `lda is the part of a server that has the rights of root: it delivers into the
mailboxes of users, as each of them, and runs the programs and writes the files that
aliases and .forward name. The server itself needs no rights; it asks over a Unix
socket.

It trusts the server with mail alone. A program or a file is run or written only
where lda finds it itself, in the aliases of its configuration or in the user's
.forward; mail for root is delivered to whom the aliases name.

Nobody has to start it: mailcrane service install --system has systemd start it when
it is asked, and mailcrane mta starts it where root starts that with [mta] run_as.`,
		Example: "  mailcrane lda --config /etc/mailcrane/mailcrane.toml",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.lda(cmd.Context(), f) },
	}
	c.Flags().DurationVar(&f.idleExit, "idle-exit", 0, "end after this `time` without a request; for a service that starts it again")
	c.Flags().BoolVar(&f.inherited, inheritedFlag, false, "mailcrane mta has started it")
	if err := c.Flags().MarkHidden(inheritedFlag); err != nil {
		c.Short = err.Error() // there is such a flag: this cannot be
	}
	return c
}

const inheritedFlag = "inherited"

// lda answers requests until ctx is done.
func (a *app) lda(ctx context.Context, f ldaFlags) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return sysexits.Errorf(sysexits.NoPerm, "have systemd start it: mailcrane service install --system", "only root can deliver as each user")
	}
	if err := onlyRoots(c.Path); err != nil {
		return err
	}
	look, err := a.lookout(ctx, c)
	if err != nil {
		return err
	}
	defer look.close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	l, err := f.listener(ctx, stop)
	if err != nil {
		return err
	}
	server, err := a.ldaServer(c, look.log, f)
	if err != nil {
		return err
	}
	look.log.Info("local delivery agent is up", "socket", l.Addr().String(), "mailer", c.MTA.Deliver.Mailer)
	return server.Serve(ctx, l)
}

// onlyRoots refuses a configuration that another than root could have written: by its
// aliases, programs are run.
func onlyRoots(path string) error {
	if path == "" {
		return sysexits.Errorf(sysexits.Config, "write /etc/mailcrane/mailcrane.toml, or name another with --config", "there is no configuration, which would name aliases and mailboxes")
	}
	f, err := safefile.Rules{}.Open(safefile.Map, path)
	if err != nil {
		return sysexits.Errorf(sysexits.NoPerm, "have it, and the folders above it, root's: chown root "+path+"; chmod go-w "+path, "the local delivery agent goes by no configuration that others than root can write: %w", err)
	}
	return f.Close()
}

// listener is what the service manager or the server has opened, or else the usual
// socket, for root alone.
func (f ldaFlags) listener(ctx context.Context, stop func()) (net.Listener, error) {
	if f.inherited {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // whatever ends it: the server has gone
			stop()
		}()
		l, err := net.FileListener(os.NewFile(3, "listener"))
		if err == nil {
			context.AfterFunc(ctx, func() { removeSocket(l.Addr().String()) })
		}
		return l, err
	}
	if l := socket.Inherit().Take("unix:" + agentPath); l != nil {
		return l, nil
	}
	l, err := socket.Unix(ctx, agentPath, false)
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Unavailable, "see whether another one runs: systemctl status mailcrane-lda", "the local delivery agent cannot listen: %w", err)
	}
	return l, nil
}

func (a *app) ldaServer(c *config.Config, log *slog.Logger, f ldaFlags) (*lda.Server, error) {
	safe, err := safefile.New(c.MTA.Safe)
	if err != nil {
		return nil, err
	}
	known, err := aliases.Open(c.MTA.Map.Aliases, aliases.Options{Rules: safe, Methods: mta.AliasMethods(c), Getenv: a.getenv, Log: log, Now: a.now})
	if err != nil {
		log.Warn("not all aliases can be used; programs and files of theirs wait", "err", err)
	}
	agent, err := a.deliverer(c, log)
	if err != nil {
		return nil, err
	}
	opener, users, uid := aliases.Direct{Rules: safe}, aliases.SystemUsers{}, mta.IncludeUID(c, false)
	lists := aliases.NewLists(aliases.ListOptions{
		Opener: opener, Users: users, ForwardPath: c.MTA.Deliver.ForwardPath, Host: mta.Hostname(c),
		IncludeUID: uid, FileOpen: c.Timeout.FileOpen, Log: log,
	})
	return &lda.Server{
		Agent: agent, Opener: opener, Log: log, IdleExit: f.idleExit,
		Authority: &lda.Authority{Aliases: known, Lists: lists, Users: users, IncludeUID: uid, Rules: func(path string) error {
			f, err := safe.Open(safefile.Map, path)
			if err == nil {
				err = f.Close()
			}
			return err
		}},
	}, nil
}

// socketDir begins the name of the folder of a server's own agent.
const socketDir = "mailcrane-lda-"

// startDeliveryAgent starts the agent of a server that root starts and that is to
// become somebody else. It returns its socket, which that user alone can connect to;
// "" where the server needs none, or the machine has one.
func (a *app) startDeliveryAgent(ctx context.Context, c *config.Config) (string, error) {
	if os.Geteuid() != 0 || c.MTA.RunAs == "" {
		return "", nil
	}
	name, _, _ := strings.Cut(c.MTA.RunAs, ":")
	u, err := user.Lookup(name)
	if err != nil {
		return "", nil //nolint:nilerr // who cannot be found is told of where the server becomes that user
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil || uid == 0 {
		return "", err
	}
	// A folder of root's own: in any other, somebody could put a link in the way.
	dir, err := os.MkdirTemp("", socketDir)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sock")
	if err := a.spawnAgent(ctx, path, uid); err != nil {
		removeSocket(path)
		return "", sysexits.Errorf(sysexits.OSErr, "", "starting the local delivery agent: %w", err)
	}
	return path, nil
}

// spawnAgent listens at path, and has a process answer there that ends with this one.
func (a *app) spawnAgent(ctx context.Context, path string, uid int) error {
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return err
	}
	defer l.Close()
	u, ok := l.(*net.UnixListener)
	if !ok {
		return errors.New("it is no Unix socket")
	}
	u.SetUnlinkOnClose(false)
	f, err := u.File()
	if err != nil {
		return err
	}
	defer f.Close()
	if err := errors.Join(os.Chmod(path, 0o600), os.Lchown(path, uid, -1), os.Chmod(filepath.Dir(path), 0o711)); err != nil { //nolint:gosec // to be passed through
		return err
	}
	own, err := os.Executable()
	if err != nil {
		return err
	}
	words := []string{"lda", "--" + inheritedFlag}
	if a.configFile != "" {
		words = append(words, "--config", a.configFile)
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), own, words...)
	cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = []*os.File{f}, os.Stdout, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = cmd.Wait() // it says itself why it ended; deliveries wait
		_ = in.Close()
	}()
	return nil
}

// removeSocket removes a socket of startDeliveryAgent, with its folder.
func removeSocket(path string) {
	dir := filepath.Dir(path)
	if strings.HasPrefix(filepath.Base(dir), socketDir) {
		_ = os.Remove(path) // what is left is root's, and empty
		_ = os.Remove(dir)
	}
}
