package protocol

import (
	"strings"
	"unicode"
)

// CheckChannel returns an error unless name is a channel name of at most maxLen
// bytes: one or more of A-Z a-z 0-9 _ - = @ , . ; (Pusher's channel naming
// conventions). A '#' may only begin the name of a user's channel,
// "#server-to-user-ID", whose ID is that of any user who can sign in, but for control
// characters: libraries subscribe to it whatever it holds.
func CheckChannel(name string, maxLen int) *Error {
	if id, ok := strings.CutPrefix(name, UserPrefix); ok {
		return checkUserChannel(name, id)
	}
	if name == "" || len(name) > maxLen {
		return ErrChannelName(name)
	}
	for i := range len(name) {
		if !channelByte(name[i]) {
			return ErrChannelName(name)
		}
	}
	return nil
}

func checkUserChannel(name, id string) *Error {
	if !IsUserID(id) || strings.ContainsFunc(id, unicode.IsControl) {
		return ErrChannelName(name)
	}
	return nil
}

func channelByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	default:
		return strings.IndexByte("_-=@,.;", c) >= 0
	}
}
