package seal

import "encoding/binary"

// A text of Tink's begins with a version and the key's id.
const (
	tinkVersion = 1
	tinkPrefix  = 1 + 4
	tinkNonce   = 12
	tinkTag     = 16
	tinkAdds    = tinkPrefix + tinkNonce + tinkTag // bytes, to what is sealed
)

// keyOf returns the key that a text of Tink's names; ok is false where it is none.
func keyOf(text []byte) (id KeyID, ok bool) {
	if len(text) < tinkAdds || text[0] != tinkVersion {
		return 0, false
	}
	return KeyID(binary.BigEndian.Uint32(text[1:tinkPrefix])), true
}
