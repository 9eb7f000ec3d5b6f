package protocol

import "strings"

// CheckChannel returns an error unless name is a channel name of at most maxLen
// bytes: one or more of A-Z a-z 0-9 _ - = @ , . ; (Pusher's channel naming
// conventions). A '#' may only begin the name of a user's channel,
// "#server-to-user-ID" with an ID of the same characters.
func CheckChannel(name string, maxLen int) *Error {
	rest := strings.TrimPrefix(name, UserPrefix)
	if rest == "" || len(name) > maxLen {
		return ErrChannelName(name)
	}
	for i := range len(rest) {
		if !channelByte(rest[i]) {
			return ErrChannelName(name)
		}
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
