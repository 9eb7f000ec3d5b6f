package audit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// NewID returns a random UUID.
func NewID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return uuid(id, 4)
}

// NameID returns the UUID of a name in parts: the same parts have the same one. So what
// several nodes see, or one sees again, becomes one record.
func NameID(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		hash.Write([]byte(part))
	}
	return uuid([16]byte(hash.Sum(nil)), 8)
}

// uuid writes an id down, with its version and the variant of RFC 9562.
func uuid(id [16]byte, version byte) string {
	id[6] = id[6]&0x0f | version<<4
	id[8] = id[8]&0x3f | 0x80
	text := make([]byte, 0, 36)
	for i, end := range []int{4, 6, 8, 10, 16} {
		start := []int{0, 4, 6, 8, 10}[i]
		if start > 0 {
			text = append(text, '-')
		}
		text = hex.AppendEncode(text, id[start:end])
	}
	return string(text)
}

// isUUID reports whether text is a UUID in lowercase.
func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range []byte(text) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		digit := c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
		if dash && c != '-' || !dash && !digit {
			return false
		}
	}
	return true
}
