package maps

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const postgresPort = 5432

// openPostgres takes nothing from the variables and files of libpq.
func openPostgres(d *definition, o Options) (asker, error) {
	c, err := pgx.ParseConfig("host=localhost port=5432 user=nobody database=none sslmode=disable passfile=/dev/null")
	if err != nil {
		return nil, fmt.Errorf("the settings of PostgreSQL's library: %w", err)
	}
	c.Host, c.Port, c.Database, c.User, c.Password = d.Host, postgresPort, d.Database, d.User, ""
	if d.Port != 0 {
		c.Port = uint16(d.Port) //nolint:gosec // check has bounded it
	}
	c.TLSConfig, c.Fallbacks = nil, nil
	c.RuntimeParams = map[string]string{"application_name": "mailcrane"}
	c.ConnectTimeout = d.timeout
	// One round trip, and no statement that a pooler between would not know.
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	login := newLogin(d, o)
	connector := stdlib.GetConnector(*c, stdlib.OptionBeforeConnect(func(ctx context.Context, c *pgx.ConnConfig) (err error) {
		if c.TLSConfig, err = login.tls(d.Host); err != nil {
			return err
		}
		c.Password, err = login.password(ctx)
		return err
	}))
	return newStatement(connector, d.Query, func(err error) bool {
		if _, connecting := errors.AsType[*pgconn.ConnectError](err); connecting {
			return false
		}
		_, ok := errors.AsType[*pgconn.PgError](err)
		return ok
	}), nil
}
