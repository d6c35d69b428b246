package maps

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"modernc.org/sqlite"

	"mailcrane/mta/safefile"
)

// statement is a query to a database that speaks SQL.
type statement struct {
	db    *sql.DB
	query string
	// answered says that an error is what the database has answered.
	answered func(error) bool
}

func newStatement(connector driver.Connector, query string, answered func(error) bool) *statement {
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(mostAtOnce)
	db.SetMaxIdleConns(1)
	db.SetConnMaxIdleTime(idleFor)
	db.SetConnMaxLifetime(10 * idleFor)
	return &statement{db, query, answered}
}

func (s *statement) close() { _ = s.db.Close() }

// ask has the key as the query's parameter: it is never a part of the SQL.
func (s *statement) ask(ctx context.Context, key string) ([]string, error) {
	values, err := s.rows(ctx, key)
	if err != nil && s.answered(err) {
		return nil, errAnswer{err}
	}
	return values, err
}

func (s *statement) rows(ctx context.Context, key string) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, s.query, key)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err has said what is wrong
	if columns, err := rows.Columns(); err == nil && len(columns) != 1 {
		return nil, errAnswer{fmt.Errorf("the query gives %d columns, and one is the value", len(columns))}
	}
	var values []string
	size := 0
	for rows.Next() {
		var v sql.NullString
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		if size += len(v.String); len(values) == mostValues || size > mostValue {
			return nil, errAnswer{fmt.Errorf("the query gives more than %d rows or %d octets", mostValues, mostValue)}
		}
		values = append(values, v.String)
	}
	return values, rows.Err()
}

// sqliteFile makes connections to a file of SQLite. It is looked at by the rules
// for maps each time, since who can change it says where mail goes.
type sqliteFile struct {
	path   string
	kind   safefile.Kind
	rules  safefile.Rules
	name   string
	driver *sqlite.Driver
}

func openSQLite(d *definition, o Options) asker {
	// Nothing is written, not even where the query says so.
	options := url.Values{"mode": {"ro"}, "_pragma": {
		"query_only(1)", "busy_timeout(" + strconv.FormatInt(d.timeout.Milliseconds(), 10) + ")",
	}}
	name := url.URL{Scheme: "file", Path: d.Database, RawQuery: options.Encode(), OmitHost: true}
	s := newStatement(sqliteFile{d.Database, o.Kind, o.Rules, name.String(), &sqlite.Driver{}}, d.Query, func(err error) bool {
		_, ok := errors.AsType[*sqlite.Error](err)
		return ok
	})
	// A file that has been replaced is noticed.
	s.db.SetConnMaxLifetime(idleFor)
	return s
}

func (f sqliteFile) Connect(context.Context) (driver.Conn, error) {
	in, err := f.rules.Open(f.kind, f.path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return f.driver.Open(f.name)
}

func (f sqliteFile) Driver() driver.Driver { return f.driver }
