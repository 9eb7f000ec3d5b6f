package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Member is a member of a presence channel, as the backend signed it in channel_data,
// or a user who signed in.
type Member struct {
	ID   string // 1 to [MaxUserID] characters
	Info string // user_info: a JSON object, or "" where the backend gave none
}

// ParseMember parses channel_data, of at most l.MemberSize bytes: an object with a
// user_id and perhaps a user_info, an object. Other members are ignored; a known one that
// comes twice or in another case is an error, and so is anything that is not UTF-8.
//
// A user_id that is a number stands for its decimal text, so 10 and "10" are one user. The
// number must be an integer as people write it, of whatever size: 1e3, 1.5 and -0 have
// more than one text, and clients would not find themselves under another one than theirs.
// Any text of 1 to [MaxUserID] characters is an id, "__proto__" too.
func ParseMember(channelData string, l Limits) (Member, *Error) {
	if len(channelData) > l.MemberSize {
		return Member{}, ErrMemberData(fmt.Sprintf("it has more than %d bytes", l.MemberSize))
	}
	v, err := readText(channelData, "user_id", "user_info")
	if err != nil {
		return Member{}, ErrMemberData(err.Error())
	}
	var m Member
	if m.ID, err = memberID(v[0]); err != nil {
		return Member{}, ErrMemberData(err.Error())
	}
	if m.Info, err = userInfo(v[1]); err != nil {
		return Member{}, ErrUserInfo()
	}
	return m, nil
}

// readText is readObject for a text that nobody has looked at.
func readText(object string, names ...string) ([]json.RawMessage, error) {
	if !utf8.ValidString(object) || !json.Valid([]byte(object)) {
		return nil, errors.New("it is not JSON")
	}
	v, _, err := readObject([]byte(object), names...)
	return v, err
}

// memberID returns the id that a string or an integer is.
func memberID(value json.RawMessage) (string, error) {
	if value == nil || value[0] == '"' {
		return userID("user_id", value)
	}
	number := string(value)
	digits := strings.TrimPrefix(number, "-")
	if number == "-0" || !isDecimal(digits, MaxUserID-(len(number)-len(digits))) {
		return "", fmt.Errorf(`"user_id" must be a string, or an integer of at most %d characters without fraction and exponent`, MaxUserID)
	}
	return number, nil
}

// Name returns what user_info calls the member; "" where it has no name that is a string.
func (m Member) Name() string {
	v, err := readText(m.Info, "name")
	if err != nil {
		return ""
	}
	name, _ := optionalText("name", v[0]) // what else it may be is no name
	return name
}

// IsUserID reports whether id can be that of a user: valid UTF-8 of 1 to [MaxUserID]
// characters.
func IsUserID(id string) bool {
	return id != "" && utf8.ValidString(id) && utf8.RuneCountInString(id) <= MaxUserID
}

// userID returns the user's id in the member called name.
func userID(name string, value json.RawMessage) (string, error) {
	id, err := text(name, value)
	if err != nil {
		return "", err
	}
	if !IsUserID(id) {
		return "", fmt.Errorf("%q must have 1 to %d characters", name, MaxUserID)
	}
	return id, nil
}

// userInfo returns the compact text of an object, "" for none.
func userInfo(value json.RawMessage) (string, error) {
	if value == nil {
		return "", nil
	}
	if value[0] != '{' {
		return "", fmt.Errorf(`"user_info" %w`, errNotObject)
	}
	var b bytes.Buffer
	_ = json.Compact(&b, value) // cannot fail: the value is valid
	return b.String(), nil
}
