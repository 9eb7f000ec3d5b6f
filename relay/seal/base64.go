package seal

import (
	"encoding/base64"
	"strings"
)

// encoding is base64url without padding. What has set bits that mean nothing is refused, so that
// there is one text for each.
func encoding() *base64.Encoding { return base64.RawURLEncoding.Strict() }

// decode decodes base64url; ok is false where it is none.
func decode(text string) (bytes []byte, ok bool) {
	if strings.ContainsAny(text, "\r\n") { // which the library skips
		return nil, false
	}
	bytes, err := encoding().DecodeString(text)
	return bytes, err == nil
}
