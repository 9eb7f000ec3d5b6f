package roster

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"buildrelay/protocol"
)

// parse reads a roll, as the script answers it. Rows that the script would not write are
// counted and dropped: others may write to Redis, too.
func (r *Roster) parse(answer []any) (protocol.Roll, error) {
	if len(answer) != 4 {
		return protocol.Roll{}, errUnexpected
	}
	var roll protocol.Roll
	var err [2]error
	roll.At.N, err[0] = number(answer[0])
	roll.Ended, err[1] = number(answer[2])
	n, isCount := answer[1].(int64)
	rows, isRows := answer[3].([]any)
	if err[0] != nil || err[1] != nil || !isCount || !isRows || len(rows)%2 != 0 {
		return protocol.Roll{}, errUnexpected
	}
	roll.Count = int(n)
	for i := 0; i < len(rows); i += 2 {
		m, ok := parseMember(rows[i], rows[i+1])
		if !ok {
			r.config.Metrics.Dropped.WithLabelValues("roll").Inc()
			continue
		}
		roll.Members = append(roll.Members, m)
	}
	return roll, nil
}

func number(answer any) (int64, error) {
	text, ok := answer.(string)
	if !ok {
		return 0, errUnexpected
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errUnexpected, err)
	}
	return n, nil
}

// parseMember reads a member's row, "INC,INC INFO".
func parseMember(id, row any) (m protocol.Member, ok bool) {
	m.ID, _ = id.(string)
	text, _ := row.(string)
	_, m.Info, ok = strings.Cut(text, " ")
	return m, ok && protocol.IsUserID(m.ID) && isInfo(m.Info)
}

func isInfo(text string) bool {
	return text == "" || text[0] == '{' && len(text) <= protocol.MaxRedisData &&
		utf8.ValidString(text) && json.Valid([]byte(text))
}

// userIDs are those of the ids that a user may have, sorted.
func userIDs(ids []string) []string {
	ids = slices.DeleteFunc(ids, func(id string) bool { return !protocol.IsUserID(id) })
	slices.Sort(ids)
	return ids
}
