package auth

import (
	"encoding/hex"
	"strings"

	"buildrelay/protocol"
)

// SignUser returns the auth that a client sends in pusher:signin, "KEY:signature". It
// lets the connection sign in as the user whom userData describes, and is made over it
// byte for byte.
func SignUser(k Key, socketID, userData string) string {
	return k.Key + ":" + hex.EncodeToString(sum(k.Secret, userString(socketID, userData)))
}

// CheckSignin returns the key that signed, or an error unless the connection socketID may
// sign in as the user whom s.UserData describes. What it says is for [protocol.ParseUser],
// and whether the key is for this user for [Key.CheckClient], afterwards.
func (a *App) CheckSignin(socketID string, s protocol.Signin) (*Key, *protocol.Error) {
	name, signature, _ := strings.Cut(s.Auth, ":")
	if name == "" || signature == "" {
		return nil, protocol.ErrSigninFormat()
	}
	return a.check(name, signature, userString(socketID, s.UserData))
}

func userString(socketID, userData string) string { return socketID + "::user::" + userData }
