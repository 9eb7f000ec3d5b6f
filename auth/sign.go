package auth

import (
	"encoding/hex"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// SignRequest returns the query of a request to the HTTP API: the parameters in
// query and those that sign them, path (decoded) and body with k at the time
// now. Parameters of the signature that query already has are replaced. Names must
// not hold '=', nor anything '&', CR or LF: no server could tell what was signed.
func SignRequest(k Key, method, path string, query url.Values, body []byte, now time.Time) (rawQuery string) {
	signed := url.Values{}
	maps.Copy(signed, query)
	signed.Set("auth_key", k.Key)
	signed.Set("auth_timestamp", strconv.FormatInt(now.Unix(), 10))
	signed.Set("auth_version", "1.0")
	if len(body) > 0 {
		signed.Set("body_md5", bodyMD5(body))
	}
	signature := sum(k.Secret, baseString(method, path, paramsOf(signed)))
	signed.Set("auth_signature", hex.EncodeToString(signature))
	return strings.ReplaceAll(signed.Encode(), "+", "%20") // a '+' is read differently here and there
}
