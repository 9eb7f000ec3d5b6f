package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// Link is a place in a chain: Seq records of it, and the MAC over all of them. The zero Seq is
// before the first; its MAC is nil.
type Link struct {
	Chain string
	Seq   int64
	MAC   []byte
}

// Next is the link of the record that follows prev: its MAC is over the chain's name, the
// record's number, the MAC before and the record, each with its length in front, so that no
// two records or places give the same bytes.
func (k Key) Next(prev Link, line []byte) Link {
	next := Link{Chain: prev.Chain, Seq: prev.Seq + 1}
	mac := hmac.New(sha256.New, k.mac)
	head := make([]byte, 0, 128)
	head = appendField(head, []byte(next.Chain))
	head = appendField(head, binary.BigEndian.AppendUint64(nil, uint64(next.Seq)))
	head = appendField(head, prev.MAC)
	head = binary.BigEndian.AppendUint64(head, uint64(len(line)))
	mac.Write(head)
	mac.Write(line)
	next.MAC = mac.Sum(nil)
	return next
}

// appendField appends a field with its length in front.
func appendField(b, field []byte) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(len(field))), field...)
}

// Stored is a record as a store has it: where in which chain it is, and the record.
type Stored struct {
	Chain string
	Seq   int64
	MAC   []byte
	Entry
}
