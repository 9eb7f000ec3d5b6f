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
// to s.Channel, whose name must have passed [protocol.CheckChannel]. On channels that want no
// signature that is a matter of the key by which the client has connected. Whether
// channel data is signed depends on its presence, not on the channel's kind; what it says
// is for [protocol.ParseMember]. Nor is a user's own channel looked at: it is granted by
// having signed in, of which an app knows nothing.
func (a *App) CheckSubscribe(socketID string, s protocol.Subscribe) *protocol.Error {
	if kind := protocol.KindOf(s.Channel); !kind.NeedsAuth() || kind == protocol.User {
		return nil
	}
	name, signature, _ := strings.Cut(s.Auth, ":")
	if name == "" || signature == "" {
		return protocol.ErrAuthFormat(s.Channel)
	}
	key, err := a.check(name, signature, channelString(socketID, s.Channel, s.ChannelData))
	if err != nil {
		return err
	}
	return key.CheckClient(s.Channel)
}

// check returns the app's key called name, or an error unless signature is that of signed with
// it, or of signed and the [Decision] behind it. Who does not have the secret is told nothing of the
// key's rights.
func (a *App) check(name, signature, signed string) (*Key, *protocol.Error) {
	key, ok := a.Key(name)
	if !ok {
		err := protocol.ErrAuthKey(name)
		if key != nil {
			err.Cause = CauseRevoked
		}
		return nil, err
	}
	if !verifyDecided(key.Secret, signed, signature) {
		return nil, protocol.ErrSignature(signed, signature)
	}
	return key, nil
}

// verifyDecided is verify for a signature with or without a [Decision] behind it.
func verifyDecided(s Secret, signed, signature string) bool {
	digest, decision, decided := strings.Cut(signature, ".")
	if !decided {
		return verify(s, signed, digest)
	}
	_, err := parseDecision(decision)
	return err == nil && verify(s, decidedString(decision, signed), digest)
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
