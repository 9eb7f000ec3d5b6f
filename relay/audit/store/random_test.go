package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"buildrelay/relay/audit"
	"buildrelay/relay/relaytest"
)

// The trail that is tampered with has a chain whose beginning was purged, and one as a whole.
const (
	nodeBase, nodeEnd = 3, 14
	otherEnd          = 5
)

func TestRandomTamperingsAreFoundAndNamed(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.fill("node", 0, nodeBase)
	w.purge(start.Add(nodeBase*1e9), nodeBase, 1)
	w.append("node", entry("node", nodeBase))
	kept := []audit.Head{w.append("node", entries("node", nodeBase+1, nodeEnd-nodeBase-2)...)}
	kept[0] = w.append("node", entry("node", nodeEnd-1))
	kept = append(kept, w.append("other", entries("other", 0, otherEnd)...))
	if found := w.problems(kept...); len(found) > 0 {
		t.Fatalf("found %v in a sound trail", found)
	}
	seeds := uint64(20) // with the race detector each takes a while
	if relaytest.Full() {
		seeds = 1000
	}
	for seed := range seeds {
		tx, err := w.raw.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		i := &intruder{Rand: rand.New(rand.NewPCG(seed, 8)), t: t, tx: tx}
		did := i.tamper()
		heads := kept
		if did.noKept {
			heads = nil
		}
		found, err := w.VerifyIn(t.Context(), tx, heads)
		named := slices.ContainsFunc(found, func(p audit.Problem) bool {
			return p.Chain == did.chain && slices.Contains(did.seqs, p.Seq)
		})
		if err != nil || !named {
			t.Errorf("seed %d: %s, of %s %v: found %v, %v", seed, did.what, did.chain, did.seqs, found, err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
}

// did is what was done to a chain; a problem with one of the numbers is to be told.
type did struct {
	what  string
	chain string
	seqs  []int64
	// noKept says that a head that was kept elsewhere makes good what was done.
	noKept bool
}

// intruder tampers at random.
type intruder struct {
	*rand.Rand
	t  *testing.T
	tx *sql.Tx
}

func (i *intruder) tamper() did {
	kinds := []func(chain string, first, last int64) did{
		i.editBytes, i.editColumn, i.drop, i.dropAndRenumber, i.swap, i.insertBetween, i.insertOutside,
		i.moveAway, i.truncate, i.editHead, i.editBase, i.replace,
	}
	chain, first, last := "node", int64(nodeBase+1), int64(nodeEnd)
	if i.IntN(3) == 0 {
		chain, first, last = "other", 1, otherEnd
	}
	return kinds[i.IntN(len(kinds))](chain, first, last)
}

func (i *intruder) exec(statement string, args ...any) {
	i.t.Helper()
	result, err := i.tx.ExecContext(context.WithoutCancel(i.t.Context()), statement, args...)
	if err != nil {
		i.t.Fatalf("%s: %v", statement, err)
	}
	if n, _ := result.RowsAffected(); n == 0 {
		i.t.Fatalf("%s %v changed nothing", statement, args)
	}
}

// between is a number from first to last.
func (i *intruder) between(first, last int64) int64 { return first + i.Int64N(last-first+1) }

// flip changes one bit of a column of bytes.
func (i *intruder) flip(table, column, chain string, seq int64) {
	i.t.Helper()
	var b []byte
	query := fmt.Sprintf("SELECT %s FROM %s WHERE chain = ? AND seq = ?", column, table)
	if err := i.tx.QueryRowContext(i.t.Context(), query, chain, seq).Scan(&b); err != nil {
		i.t.Fatal(err)
	}
	b[i.IntN(len(b))] ^= 1 << i.IntN(8)
	i.exec(fmt.Sprintf("UPDATE %s SET %s = ? WHERE chain = ? AND seq = ?", table, column), b, chain, seq)
}

func (i *intruder) editBytes(chain string, first, last int64) did {
	seq, column := i.between(first, last), []string{"line", "mac"}[i.IntN(2)]
	i.flip("audit_records", column, chain, seq)
	return did{what: "edited a " + column, chain: chain, seqs: []int64{seq}}
}

func (i *intruder) editColumn(chain string, first, last int64) did {
	seq := i.between(first, last)
	change := []string{"id = id || 'x'", "at = at + 1", "at = -at", "action = 'x.' || action", "actor = ''", "target = upper(target)"}[i.IntN(6)]
	i.exec("UPDATE audit_records SET "+change+" WHERE chain = ? AND seq = ?", chain, seq)
	return did{what: "set " + change, chain: chain, seqs: []int64{seq}}
}

func (i *intruder) drop(chain string, first, last int64) did {
	from := i.between(first, last)
	to := i.between(from, last)
	i.exec("DELETE FROM audit_records WHERE chain = ? AND seq BETWEEN ? AND ?", chain, from, to)
	return did{what: fmt.Sprintf("dropped up to %d", to), chain: chain, seqs: []int64{from}}
}

func (i *intruder) dropAndRenumber(chain string, first, last int64) did {
	from := i.between(first, last-1)
	to := i.between(from, last-1)
	i.exec("DELETE FROM audit_records WHERE chain = ? AND seq BETWEEN ? AND ?", chain, from, to)
	i.renumber(chain, to+1, -(to - from + 1))
	return did{what: fmt.Sprintf("dropped up to %d, moved up the others", to), chain: chain, seqs: []int64{from, from + 1}}
}

// renumber moves the records from a number on.
func (i *intruder) renumber(chain string, from, by int64) {
	i.t.Helper()
	i.exec("UPDATE audit_records SET seq = -seq WHERE chain = ? AND seq >= ?", chain, from)
	i.exec("UPDATE audit_records SET seq = -seq + ? WHERE chain = ? AND seq < 0", by, chain)
}

func (i *intruder) swap(chain string, first, last int64) did {
	a := i.between(first, last-1)
	b := i.between(a+1, last)
	for _, step := range [][2]int64{{a, -1}, {b, a}, {-1, b}} {
		i.exec("UPDATE audit_records SET seq = ? WHERE chain = ? AND seq = ?", step[1], chain, step[0])
	}
	return did{what: "swapped", chain: chain, seqs: []int64{a, b}}
}

// insert puts a record in that somebody made of another one.
func (i *intruder) insert(chain string, seq, like int64) {
	i.t.Helper()
	i.exec("INSERT INTO audit_records SELECT chain, ?, mac, 'made-up', at, action, actor, target, line FROM audit_records WHERE chain = ? AND seq = ?",
		seq, chain, like)
	if i.IntN(2) == 0 {
		i.flip("audit_records", "line", chain, seq)
	}
}

func (i *intruder) insertBetween(chain string, first, last int64) did {
	at := i.between(first, last)
	i.renumber(chain, at, 1)
	like := i.between(first, last+1)
	if like == at {
		like++
	}
	i.insert(chain, at, like)
	// Behind its like it may also be the like that is taken for the wrong one.
	return did{what: "inserted", chain: chain, seqs: []int64{at, at + 1, like}}
}

func (i *intruder) insertOutside(chain string, first, last int64) did {
	seq := last + 1 + i.Int64N(3)
	seqs := []int64{seq, last + 1} // one that is far behind shows a gap
	if i.IntN(2) == 0 {
		seq = first - 1 - i.Int64N(6)
		seqs = []int64{seq}
	}
	i.insert(chain, seq, i.between(first, last))
	return did{what: "inserted outside", chain: chain, seqs: seqs}
}

func (i *intruder) moveAway(chain string, first, last int64) did {
	seq := i.between(first, last)
	to := map[string]string{"node": "other", "other": "node"}[chain]
	i.exec("UPDATE audit_records SET chain = ?, seq = 100 WHERE chain = ? AND seq = ?", to, chain, seq)
	return did{what: "moved to another chain", chain: chain, seqs: []int64{seq}}
}

// truncate leaves nothing in the database that tells of the end.
func (i *intruder) truncate(chain string, first, last int64) did {
	from := i.between(first, last)
	i.exec("DELETE FROM audit_records WHERE chain = ? AND seq >= ?", chain, from)
	i.exec("DELETE FROM audit_heads WHERE chain = ? AND seq >= ?", chain, from)
	return did{what: "shortened", chain: chain, seqs: []int64{from, from - 1}}
}

func (i *intruder) editHead(chain string, _, last int64) did {
	change := []string{"mac", "signature", "at = at + 1000", "key = 'deadbeef'", "seq = seq + 1", ""}[i.IntN(6)]
	switch change {
	case "mac", "signature":
		i.flip("audit_heads", change, chain, last)
	case "":
		i.exec("DELETE FROM audit_heads WHERE chain = ?", chain)
	default:
		i.exec("UPDATE audit_heads SET "+change+" WHERE chain = ? AND seq = ?", chain, last)
	}
	return did{what: "head: " + change, chain: chain, seqs: []int64{last, last + 1}, noKept: change == ""}
}

func (i *intruder) editBase(string, int64, int64) did {
	change := []string{"mac", "signature", "at = at + 1000", "key = 'deadbeef'", "seq = seq + 1", "seq = seq - 1", ""}[i.IntN(7)]
	switch change {
	case "mac", "signature":
		i.flip("audit_bases", change, "node", nodeBase)
	case "":
		i.exec("DELETE FROM audit_bases")
	default:
		i.exec("UPDATE audit_bases SET " + change)
	}
	return did{what: "base: " + change, chain: "node", seqs: []int64{nodeBase - 1, nodeBase, nodeBase + 1, 1}}
}

// replace makes the records one of another's; or nothing is left of the chain.
func (i *intruder) replace(chain string, first, last int64) did {
	if i.IntN(2) == 0 {
		i.exec("DELETE FROM audit_records WHERE chain = ?", chain)
		i.exec("DELETE FROM audit_heads WHERE chain = ?", chain)
		return did{what: "removed all", chain: chain, seqs: []int64{first}}
	}
	a := i.between(first, last-1)
	b := i.between(a+1, last)
	i.exec("UPDATE audit_records SET (line, at, action, actor, target) = (SELECT line, at, action, actor, target FROM audit_records WHERE chain = ? AND seq = ?) WHERE chain = ? AND seq = ?",
		chain, a, chain, b)
	return did{what: "wrote one over another", chain: chain, seqs: []int64{b}}
}
