package store

import (
	"errors"
	"strings"
)

var errForm = errors.New("the database is the path of a file, with or without sqlite: in front, or postgres://…")

// meansServer says that the text is of PostgreSQL, in a form that is not taken: a file of that
// name would show the password.
func meansServer(database string) bool {
	return strings.HasPrefix(database, "postgres:") || strings.HasPrefix(database, "postgresql:") || strings.Contains(database, "password=")
}

// parse reads what the database is.
func parse(database string) (dialect, error) {
	if path, found := strings.CutPrefix(database, "sqlite:"); found {
		database = path
	} else if scheme, _, found := strings.Cut(database, "://"); found {
		if scheme == "postgres" || scheme == "postgresql" {
			return postgresServer(database)
		}
		return dialect{}, errForm // the rest may have a password in it
	} else if meansServer(database) {
		return dialect{}, errForm
	}
	if database == "" {
		return dialect{}, errors.New("the path of the file is empty")
	}
	return sqliteFile(database)
}
