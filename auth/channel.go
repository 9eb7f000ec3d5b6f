package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"buildrelay/protocol"
)

// ChannelSignature returns the signature that lets a connection subscribe to a
// channel: 64 lower-case hex digits. A channelData that is not nil is signed
// byte for byte, even if it is empty.
func ChannelSignature(s Secret, socketID, channel string, channelData *string) string {
	return hex.EncodeToString(sum(s, channelString(socketID, channel, channelData)))
}

// SignChannel returns the auth that a client sends in pusher:subscribe,
// "KEY:signature".
func SignChannel(k Key, socketID, channel string, channelData *string) string {
	return k.Key + ":" + ChannelSignature(k.Secret, socketID, channel, channelData)
}

// CheckSubscribe returns an error unless the connection socketID may subscribe
// to s.Channel, whose name must have passed [protocol.CheckChannel]. Whether
// channel data is signed depends on its presence, not on the channel's kind. A
// user's own channel is refused: it is granted by signing in, not by signature.
func (a *App) CheckSubscribe(socketID string, s protocol.Subscribe) *protocol.Error {
	switch kind := protocol.KindOf(s.Channel); {
	case !kind.NeedsAuth():
		return nil
	case kind == protocol.User:
		return protocol.ErrNotSignedIn(s.Channel)
	}
	name, signature, _ := strings.Cut(s.Auth, ":")
	if name == "" || signature == "" {
		return protocol.ErrAuthFormat(s.Channel)
	}
	key, ok := a.findKey(name)
	if !ok {
		return protocol.ErrAuthKey(name)
	}
	signed := channelString(socketID, s.Channel, s.ChannelData)
	if !verify(key.Secret, signed, signature) {
		return protocol.ErrSignature(signed, signature)
	}
	return nil
}

func channelString(socketID, channel string, channelData *string) string {
	s := socketID + ":" + channel
	if channelData != nil {
		s += ":" + *channelData
	}
	return s
}

// sum returns the HMAC-SHA256 of text, keyed with the bytes of the secret as
// they are.
func sum(s Secret, text string) []byte {
	mac := hmac.New(sha256.New, []byte(s))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// verify reports whether signature, in hex of either case, is that of text. It
// takes as long for a near miss as for any other.
func verify(s Secret, text, signature string) bool {
	got, err := hex.DecodeString(signature)
	return hmac.Equal(got, sum(s, text)) && err == nil
}
