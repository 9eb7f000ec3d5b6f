package store_test

import (
	"maps"
	"testing"

	"buildrelay/relay/relaytest"
)

// behaviours are what a trail does in either database.
var behaviours = map[string]func(*testing.T, *world){
	"what is appended comes in its order":            appendsInOrder,
	"one Append is one signed commit":                commitsOnce,
	"an Append that fails leaves nothing":            leavesNothing,
	"a record that is there is left out":             leavesOut,
	"nothing new is no commit":                       nothingNew,
	"who races for a chain leaves no hole":           racesWithoutHole,
	"the same records by several come once":          comeOnce,
	"a record is kept byte by byte":                  keepsBytes,
	"a filter wants what it says":                    filters,
	"pages go on behind what was read":               pagesForward,
	"pages go back from the newest":                  pagesBackward,
	"pages are without holes while records come":     pagesWhileAppending,
	"heads come in their order":                      headsInOrder,
	"a chain ends where Last says":                   lastOfChain,
	"chains are all that anything is of":             namesChains,
	"a cursor is kept":                               keepsCursors,
	"a purge leaves what verifies":                   purgeVerifies,
	"a purge takes beginnings alone":                 purgesBeginnings,
	"a purge waits for no record of the future":      purgesFuture,
	"a purge of everything is gone on behind":        purgesAll,
	"a purge of much while others append":            purgesMuch,
	"every tampering is found and named":             findsTampering,
	"the base cannot be moved":                       findsMovedBase,
	"a shortened end shows by a head kept elsewhere": findsShortened,
	"another key verifies nothing":                   anotherKey,
	"tables that were dropped are made again":        makesTablesAgain,
	"nothing is waited for after its context ended":  endsWithContext,
	"a trail is closed once, and says so":            saysClosed,
}

func TestATrailInSQLite(t *testing.T) {
	t.Parallel()
	for name, behaves := range behaviours {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			behaves(t, onSQLite(t))
		})
	}
}

func TestATrailInPostgreSQL(t *testing.T) {
	t.Parallel()
	server := relaytest.StartPostgres(t, relaytest.PostgresSettings("max_connections=300"))
	own := map[string]func(*testing.T, *world){
		"nodes make the tables together":        makeTablesTogether,
		"a writer that is killed tears nothing": killWriters,
		"a refused password is in no error":     func(t *testing.T, _ *world) { refusedPassword(t, server) },
	}
	maps.Copy(own, behaviours)
	for name, behaves := range own {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			behaves(t, onPostgres(t, server))
		})
	}
}
