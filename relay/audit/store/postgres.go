package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"buildrelay/relay/loopback"
)

// connectWithin is how long connecting to PostgreSQL may take, where its address says nothing
// else: a host that swallows everything is given up before the caller is.
const connectWithin = 5 * time.Second

const (
	postgresWriters = 2
	postgresReaders = 6
)

// postgresServer is the dialect of a PostgreSQL server.
func postgresServer(address string) (dialect, error) {
	config, err := readPostgres(address)
	if err != nil {
		return dialect{}, err
	}
	return dialect{
		connect: func() (*connections, error) {
			return &connections{
				write: openPostgres(config, postgresWriters), read: openPostgres(config, postgresReaders),
			}, nil
		},
		there: func(*connections) bool { return true },
		lost: func(err error) bool {
			switch postgresCode(err) {
			case "23505", "40001", "40P01", // unique_violation, serialization_failure, deadlock_detected
				"57P01", "57P02": // the server has ended meanwhile, and may be there again
				return true
			}
			return false
		},
		gone:     func(err error) bool { return postgresCode(err) == "42P01" }, // undefined_table
		stale:    func(error) bool { return false },                            // the pool leaves out connections that ended
		numbered: true,
		lock:     "SELECT pg_advisory_xact_lock(?)",
		number:   "BIGINT", text: `TEXT COLLATE "C"`, blob: "BYTEA",
	}, nil
}

// readPostgres reads an address. Its errors show nothing of it: where the address is wrong,
// nobody knows which part of it is the password.
func readPostgres(address string) (*pgx.ConnConfig, error) {
	const form = "postgres://USER:PASSWORD@HOST:PORT/DATABASE"
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, errors.New("the address of PostgreSQL does not look like " + form)
	}
	if strings.ContainsRune(u.Path+u.RawQuery+u.Fragment, '@') {
		return nil, errors.New("the address of PostgreSQL has an @ behind the host: in a password / is %2F, ? is %3F, # is %23, and @ is %40 everywhere")
	}
	config, err := pgx.ParseConfig(withTLS(u))
	if err != nil {
		return nil, errors.New("the address of PostgreSQL has a part that is not known, or a wrong value of one: it is to look like " + form)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectWithin
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "buildrelay"
	}
	return config, nil
}

// withTLS returns the address with what it does not say: that a server on another machine must
// prove by its certificate that it is the one. The driver would do without where it does not.
func withTLS(u *url.URL) string {
	query := u.Query()
	if query.Has("sslmode") || isLoopback(u.Host) {
		return u.String()
	}
	query.Set("sslmode", "verify-full")
	secure := *u
	secure.RawQuery = query.Encode()
	return secure.String()
}

// isLoopback says whether all hosts of an address, with commas between them, are this machine.
func isLoopback(hosts string) bool {
	for host := range strings.SplitSeq(hosts, ",") {
		if !loopback.IsHost((&url.URL{Host: host}).Hostname()) {
			return false
		}
	}
	return true
}

func openPostgres(config *pgx.ConnConfig, most int) *sql.DB {
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(syncing))
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db
}

// syncing has commits on the disk before they return, on a server that does not by itself.
func syncing(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
	if err != nil {
		return fmt.Errorf("asking for commits that last: %w", err)
	}
	return nil
}

func postgresCode(err error) string {
	var failed *pgconn.PgError
	if !errors.As(err, &failed) {
		return ""
	}
	return failed.Code
}

// number is the number of a chain's lock. Others who use the database may have locks too, so
// it is none that comes up by chance.
func number(chain string) int64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte("buildrelay audit\x00" + chain)) // never fails
	return int64(hash.Sum64())
}
