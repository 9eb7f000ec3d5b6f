package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// The script that keeps the rolls publishes each change of one on [RosterTopic], as a
// JSON object whose values are strings all of them: the epoch, the versions before and
// after, and what changed, which is one of
//
//	{"e":"EPOCH","p":"PREV","v":"N","join":"ID","info":"{…}"}   info may be "" or absent
//	{"e":"EPOCH","p":"PREV","v":"N","leave":"ID"}
//	{"e":"EPOCH","p":"PREV","v":"N","count":"12"}
//	{"e":"EPOCH","p":"PREV","v":"N","end":"1"}

// maxRollEpoch is the limit, in bytes, on the epoch of a roll.
const maxRollEpoch = 64

// EncodeChange returns what [ParseChange] parses.
func EncodeChange(c Change) []byte {
	b := appendMember([]byte{'{'}, "e", c.At.Epoch)
	b = appendMember(append(b, ','), "p", strconv.FormatInt(c.Prev, 10))
	b = appendMember(append(b, ','), "v", strconv.FormatInt(c.At.N, 10))
	b = append(b, ',')
	switch {
	case c.Joined != nil:
		b = appendMember(b, "join", c.Joined.ID)
		b = appendMember(append(b, ','), "info", c.Joined.Info)
	case c.Left != "":
		b = appendMember(b, "leave", c.Left)
	case c.Ended:
		b = appendMember(b, "end", "1")
	default:
		b = appendMember(b, "count", strconv.Itoa(c.Count))
	}
	return append(b, '}')
}

// ParseChange parses a change of a roll. Members that it does not know are ignored;
// anything else that the script would not write is an error: invalid UTF-8, an id that
// is no user's, info that is not a JSON object, a version that does not grow.
func ParseChange(payload []byte) (Change, error) {
	c, err := parseChange(payload)
	if err != nil {
		return Change{}, fmt.Errorf("parsing change of a roll: %w", err)
	}
	return c, nil
}

func parseChange(payload []byte) (Change, error) {
	if !utf8.Valid(payload) || !json.Valid(payload) {
		return Change{}, errors.New("not JSON in UTF-8")
	}
	v, _, err := readObject(payload, "e", "p", "v", "join", "info", "leave", "count", "end")
	if err != nil {
		return Change{}, err
	}
	c := Change{Count: -1}
	if c.At, c.Prev, err = parseVersions(v[0], v[1], v[2]); err != nil {
		return Change{}, err
	}
	kinds := 0
	for _, value := range []json.RawMessage{v[3], v[5], v[6], v[7]} {
		if value != nil {
			kinds++
		}
	}
	if kinds != 1 || v[4] != nil && v[3] == nil {
		return Change{}, errors.New("it must be one of join, leave, count and end, info goes with join")
	}
	switch {
	case v[3] != nil:
		c.Joined, err = parseJoined(v[3], v[4])
	case v[5] != nil:
		c.Left, err = userID("leave", v[5])
	case v[6] != nil:
		var n int64
		n, err = number("count", v[6])
		c.Count = int(n)
	default:
		c.Ended = true
		if string(v[7]) != `"1"` {
			err = errors.New(`"end" must be "1"`)
		}
	}
	if err != nil {
		return Change{}, err
	}
	return c, nil
}

func parseVersions(epoch, prev, at json.RawMessage) (v Version, before int64, err error) {
	if v.Epoch, err = text("e", epoch); err != nil {
		return Version{}, 0, err
	}
	if v.Epoch == "" || len(v.Epoch) > maxRollEpoch {
		return Version{}, 0, errors.New("the epoch is invalid")
	}
	if before, err = number("p", prev); err != nil {
		return Version{}, 0, err
	}
	if v.N, err = number("v", at); err != nil {
		return Version{}, 0, err
	}
	if v.N <= before {
		return Version{}, 0, errors.New("the version does not grow")
	}
	return v, before, nil
}

func parseJoined(id, info json.RawMessage) (*Member, error) {
	var m Member
	var err error
	if m.ID, err = userID("join", id); err != nil {
		return nil, err
	}
	if m.Info, err = optionalText("info", info); err != nil {
		return nil, err
	}
	if len(m.Info) > MaxRedisData {
		return nil, errors.New("info is too long")
	}
	if m.Info != "" && (!json.Valid([]byte(m.Info)) || skipSpace([]byte(m.Info))[0] != '{') {
		return nil, errors.New("info must be the text of an object")
	}
	return &m, nil
}

// number returns the number that the string in the member called name spells: digits
// alone, the first of several not a 0.
func number(name string, value json.RawMessage) (int64, error) {
	digits, err := text(name, value)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != digits {
		return 0, fmt.Errorf("%q must be the text of a number", name)
	}
	return n, nil
}
