package auth_test

import (
	"strings"
	"testing"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// The vector of Pusher's documentation.
const (
	docUser          = `{"id":"12345"}`
	docUserSignature = "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba"
)

func TestUserSignatureVector(t *testing.T) {
	signed := auth.SignUser(auth.Key{Key: docKey, Secret: docSecret}, docSocket, docUser)
	if want := docKey + ":" + docUserSignature; signed != want {
		t.Errorf("got %s, want %s", signed, want)
	}
	for _, value := range []string{
		signed,
		docKey + ":" + strings.ToUpper(docUserSignature),
		auth.SignUser(auth.Key{Key: "retired-soon", Secret: "other"}, docSocket, docUser),
	} {
		by, err := docApp().CheckSignin(docSocket, protocol.Signin{Auth: value, UserData: docUser})
		if err != nil || !strings.HasPrefix(value, by.Key) {
			t.Errorf("auth %q: %v by %v", value, err, by)
		}
	}
}

func TestCheckSigninRefuses(t *testing.T) {
	key := auth.Key{Key: docKey, Secret: docSecret}
	right := auth.SignUser(key, docSocket, docUser)
	const format = "Invalid format: auth must have the format key:signature"
	const wrong = "Invalid signature: Expected HMAC SHA256 hex digest of 1234.1234::user::"
	tests := []struct{ name, auth, userData, want string }{
		{"no auth", "", docUser, format},
		{"no colon", "key", docUser, format},
		{"no signature", docKey + ":", docUser, format},
		{"no key", ":" + docUserSignature, docUser, format},
		{"another key", "nokey:" + docUserSignature, docUser, "Invalid key in subscription auth data: 'nokey'"},
		{"another key's secret", "retired-soon:" + docUserSignature, docUser, wrong},
		{"as the documentation once had it", docKey + "::user::" + docUserSignature, docUser, wrong},
		{"one digit wrong", docKey + ":5" + docUserSignature[1:], docUser, wrong},
		{"another user", right, `{"id":"12346"}`, wrong + `{"id":"12346"}, but got ` + docUserSignature},
		{"the same user in other words", right, `{"id": "12345"}`, wrong},
		{"for another socket", auth.SignUser(key, "1.2", docUser), docUser, wrong},
		{"for a channel", auth.SignChannel(key, docSocket, "private-x", nil), docUser, wrong},
	}
	for _, test := range tests {
		_, err := docApp().CheckSignin(docSocket, protocol.Signin{Auth: test.auth, UserData: test.userData})
		if err == nil || !strings.HasPrefix(err.Message, test.want) || err.Code != 0 {
			t.Errorf("%s: got %+v, want %q with no code", test.name, err, test.want)
		}
	}
}

// What is signed for a sign-in reads as a subscription only to channels that cannot be.
func TestASigninSignsNoSubscription(t *testing.T) {
	signed := auth.SignUser(auth.Key{Key: docKey, Secret: docSecret}, docSocket, docUser)
	for channel, data := range map[string]*string{":user:": ptr(docUser), ":user::" + docUser: nil} {
		if same := auth.SignChannel(auth.Key{Key: docKey, Secret: docSecret}, docSocket, channel, data); same != signed {
			t.Fatalf("%q is signed by %s", channel, same)
		}
		if protocol.CheckChannel(channel, protocol.MaxChannelName) == nil {
			t.Errorf("%q is a channel's name", channel)
		}
	}
}

func TestTellsRoll(t *testing.T) {
	tests := []struct {
		channel         string
		without, counts bool
	}{
		{"news", false, true},
		{"private-a", false, true},
		{"cache-a", false, true},
		{"private-cache-a", false, true},
		{"private-encrypted-a", false, false},
		{"private-encrypted-cache-a", false, false},
		{"presence-a", true, true},
		{"presence-cache-a", true, true},
		{"#server-to-user-1", true, true},
	}
	for _, test := range tests {
		for counts, want := range map[bool]bool{false: test.without, true: test.counts} {
			if got := (&auth.App{SubscriptionCounts: counts}).TellsRoll(test.channel); got != want {
				t.Errorf("%s, counts %t: got %t, want %t", test.channel, counts, got, want)
			}
		}
	}
}
