package mask

import (
	"encoding/base64"
	"encoding/json"
)

const (
	maxHeader    = 1 << 10 // characters of a JWT's header
	minPayload   = 8       // characters that make a hit
	minSignature = 20      // characters before a line end may end it
)

// jwtHeader is the first part of a JSON Web Token, whose first four characters were
// the prefix. It is no secret.
func jwtHeader(s *shape, c byte) verdict {
	s.from = -1
	switch {
	case c == lineEnd:
		return going
	case c == '.' && isJOSE(s.text):
		s.step, s.text = jwtPayload, nil
		return begins
	case !isBase64URL(c) || len(s.text) >= maxHeader:
		return over
	}
	s.note(c)
	return going
}

// isJOSE reports whether a header names an algorithm or its own type.
func isJOSE(header []byte) bool {
	text, err := base64.RawURLEncoding.AppendDecode(nil, header)
	if err != nil {
		return false
	}
	var fields struct {
		Alg *string `json:"alg"`
		Typ *string `json:"typ"`
	}
	return json.Unmarshal(text, &fields) == nil && (fields.Alg != nil || fields.Typ != nil)
}

// jwtPayload is the second part: line ends are seen through, for a part must follow.
func jwtPayload(s *shape, c byte) verdict {
	switch {
	case c == lineEnd:
		return going
	case c == '.' && s.sure:
		s.step, s.n = jwtSignature, 0
		return hit
	case !isBase64URL(c):
		return over
	}
	if s.n++; s.n < minPayload {
		return going
	}
	return hit
}

// jwtSignature is the last part, or the last three of an encrypted token.
func jwtSignature(s *shape, c byte) verdict {
	switch {
	case c == lineEnd && s.n < minSignature:
		return going
	case c == '.', isBase64URL(c):
		s.n++
		return hit
	default:
		return over
	}
}
