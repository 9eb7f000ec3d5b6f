package seal

import (
	"fmt"
	"strconv"
)

// KeyID names a key of a set. It is no secret.
type KeyID uint32

// String returns 8 hexadecimal digits.
func (id KeyID) String() string { return fmt.Sprintf("%08x", uint32(id)) }

// ParseKeyID reads what String returns.
func ParseKeyID(text string) (KeyID, error) {
	n, err := strconv.ParseUint(text, 16, 32)
	if err != nil || KeyID(n).String() != text {
		return 0, fmt.Errorf("%q is no id of a key: 8 digits of 0-9 and a-f", text)
	}
	return KeyID(n), nil
}
