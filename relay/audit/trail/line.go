package trail

import (
	"bytes"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"buildrelay/relay/audit"
)

// A spool is lines of text. The first names a nonce, which no other spool has, and the number
// of the second; each following line is a number, a MAC and a record:
//
//	buildrelay-audit-spool 1 NONCE NUMBER MAC
//	1 MAC {"action":…}
//
// The numbers go up by one, and the MAC is over the nonce, the number and the record: so a
// line that was edited, put in, moved, doubled or brought from another spool does not fit,
// and the numbers show where one was taken out. (That the last ones were taken out while no
// node ran nothing shows.) Unlike the chain in the database, a line needs none of its
// neighbours: what fits is kept whatever happened beside it.
const (
	headWords = "buildrelay-audit-spool 1 "
	nonceSize = 16
	// mostLine is how long a line may be.
	mostLine = 256 << 10
)

// No chain in a database is named like these. The node's name is not in them: one that gets
// another name has what it spooled before.
const (
	lineChain = "spool\x00"
	headChain = "spool head\x00"
)

// lineForm writes and reads the lines of one spool.
type lineForm struct {
	key   audit.Key
	nonce []byte // nil: the first line makes no sense, and so does no other
}

func (f lineForm) mac(of string, number int64, text []byte) []byte {
	return f.key.Next(audit.Link{Chain: of, Seq: number - 1, MAC: f.nonce}, text).MAC
}

// head is the first line, where the second has a number.
func (f lineForm) head(number int64) []byte {
	return fmt.Appendf(nil, "%s%x %d %x\n", headWords, f.nonce, number, f.mac(headChain, number, nil))
}

// readHead reads a first line, which comes without its end, and takes its nonce.
func (f *lineForm) readHead(line []byte) (number int64) {
	f.nonce = nil
	text, found := bytes.CutPrefix(line, []byte(headWords))
	first, rest, _ := bytes.Cut(text, []byte(" "))
	nonce, err := hex.DecodeString(string(first))
	if !found || err != nil || len(nonce) != nonceSize || hex.EncodeToString(nonce) != string(first) {
		return 0
	}
	with := lineForm{f.key, nonce}
	second, third, _ := bytes.Cut(rest, []byte(" "))
	number, ok := with.check(headChain, second, third, nil)
	if ok {
		f.nonce = nonce
	}
	return number
}

// append appends a line.
func (f lineForm) append(to []byte, number int64, record []byte) []byte {
	to = strconv.AppendInt(to, number, 10)
	to = append(to, ' ')
	to = hex.AppendEncode(to, f.mac(lineChain, number, record))
	to = append(to, ' ')
	to = append(to, record...)
	return append(to, '\n')
}

// read reads a line, which comes without its end; ok is false where the trail did not write
// it so.
func (f lineForm) read(line []byte) (number int64, record []byte, ok bool) {
	first, rest, _ := bytes.Cut(line, []byte(" "))
	second, record, _ := bytes.Cut(rest, []byte(" "))
	number, ok = f.check(lineChain, first, second, record)
	return number, record, ok
}

// entry reads a line as what the store takes.
func (f lineForm) entry(line []byte) (number int64, e audit.Entry, ok bool) {
	number, record, ok := f.read(line)
	if !ok {
		return 0, audit.Entry{}, false
	}
	e, err := entry(record)
	return number, e, err == nil
}

// check reads a number and says whether a MAC is over it and a text.
func (f lineForm) check(of string, digits, mac, text []byte) (number int64, ok bool) {
	number, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || number < 1 || f.nonce == nil || strconv.FormatInt(number, 10) != string(digits) {
		return 0, false
	}
	if !hmac.Equal(mac, hex.AppendEncode(nil, f.mac(of, number, text))) {
		return 0, false
	}
	return number, true
}

// columns are what a record is looked for by.
type columns struct {
	ID         string    `json:"id"`
	OccurredAt time.Time `json:"occurred_at"`
	Action     string    `json:"action"`
	Actor      struct {
		ID string `json:"id"`
	} `json:"actor"`
	Target struct {
		ID string `json:"id"`
	} `json:"target"`
}

// entry makes of a record, whose MAC fits, what the store takes. So it is what audit.Encode
// wrote, and need not be read as strictly as what comes from elsewhere.
func entry(record []byte) (audit.Entry, error) {
	var c columns
	if err := json.Unmarshal(record, &c); err != nil {
		return audit.Entry{}, err
	}
	return audit.Entry{
		ID: c.ID, OccurredAt: c.OccurredAt.UTC(), Action: c.Action,
		Actor: audit.Clean(c.Actor.ID), Target: audit.Clean(c.Target.ID), Line: record,
	}, nil
}
