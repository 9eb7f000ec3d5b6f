package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// busyMilliseconds is how long SQLite waits for another process by itself.
const busyMilliseconds = "1000"

// sqliteFile is the dialect of a SQLite file. Each commit is on the disk when it returns.
func sqliteFile(path string) (dialect, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return dialect{}, fmt.Errorf("finding the file: %w", err)
	}
	if folder, err := os.Stat(filepath.Dir(path)); err != nil {
		return dialect{}, fmt.Errorf("the folder of the file: %w", err)
	} else if !folder.IsDir() {
		return dialect{}, fmt.Errorf("%s is no folder", filepath.Dir(path))
	}
	if file, err := os.Stat(path); err == nil && !file.Mode().IsRegular() {
		return dialect{}, fmt.Errorf("%s is no file", path)
	}
	return dialect{
		connect: func() (*connections, error) { return connectSQLite(path) },
		there:   func(c *connections) bool { return isFile(path, c.file) },
		lost:    func(err error) bool { return sqliteCode(err)&0xff == sqlite3.SQLITE_BUSY },
		gone: func(err error) bool {
			return sqliteCode(err) == sqlite3.SQLITE_ERROR && strings.Contains(err.Error(), "no such table")
		},
		stale:  isStale,
		number: "INTEGER", text: "TEXT", blob: "BLOB", table: " STRICT",
	}, nil
}

// isStale knows what SQLite does not look at again: a file that was read-only when it was
// opened stays so, and what the disk did to one may have left anything in memory.
func isStale(err error) bool {
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return true
	}
	return false
}

// connectSQLite makes the file where there is none: SQLite would let others read it.
func connectSQLite(path string) (*connections, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making the file: %w", err)
	}
	info, err := file.Stat()
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("looking at the file: %w", err)
	}
	query := url.Values{
		"_txlock": {"immediate"}, "_busy_timeout": {busyMilliseconds},
		"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_pragma": {"cache_size(-16000)"}, // 16 MB
	}
	c := &connections{file: info}
	if c.write, err = openSQLite(path, query, 1); err != nil {
		return nil, err
	}
	query.Set("_query_only", "1")
	query.Del("_pragma")
	if c.read, err = openSQLite(path, query, 4); err != nil {
		return nil, errors.Join(err, c.write.Close())
	}
	return c, nil
}

func openSQLite(path string, query url.Values, most int) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("opening SQLite: %w", err)
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db, nil
}

// isFile says whether path is still the file that was opened. SQLite would go on writing to
// one that was removed, where nobody ever finds it.
func isFile(path string, opened os.FileInfo) bool {
	now, err := os.Stat(path)
	return err == nil && os.SameFile(now, opened)
}

func sqliteCode(err error) int {
	var failed *sqlite.Error
	if !errors.As(err, &failed) {
		return sqlite3.SQLITE_OK
	}
	return failed.Code()
}
