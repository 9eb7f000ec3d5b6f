package auth_test

import (
	"strings"
	"testing"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// The key of Pusher's documentation, whose vectors the tests use.
const (
	docKey    = "278d425bdf160c739803"
	docSecret = auth.Secret("7ad3773142a6692b25b8")
	docSocket = "1234.1234"
)

func docApp() *auth.App {
	return &auth.App{ID: "3", Keys: []auth.Key{{Key: "retired-soon", Secret: "other"}, {Key: docKey, Secret: docSecret}}}
}

func ptr(s string) *string { return &s }

// The documentation prints the digest of "Mr. Pusher" beside "Mr. Channels".
func TestChannelSignatureVectors(t *testing.T) {
	tests := []struct {
		channel string
		data    *string
		want    string
	}{
		{"private-foobar", nil, "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"},
		{"private-foobar", ptr(""), "fb799eb5e55306a4911a0b1f25f875bb765b797ea357a8d311a40259e66eadcf"},
		{"presence-foobar", ptr(`{"user_id":10,"user_info":{"name":"Mr. Channels"}}`), "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"},
		{"presence-foobar", ptr(`{"user_id":10,"user_info":{"name":"Mr. Pusher"}}`), "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c"},
	}
	for _, test := range tests {
		if got := auth.ChannelSignature(docSecret, docSocket, test.channel, test.data); got != test.want {
			t.Errorf("%s: got %s, want %s", test.channel, got, test.want)
		}
		signed := auth.SignChannel(auth.Key{Key: docKey, Secret: docSecret}, docSocket, test.channel, test.data)
		if signed != docKey+":"+test.want {
			t.Errorf("%s: SignChannel returns %s", test.channel, signed)
		}
		s := protocol.Subscribe{Channel: test.channel, Auth: signed, ChannelData: test.data}
		if err := docApp().CheckSubscribe(docSocket, s); err != nil {
			t.Errorf("%s: %v", test.channel, err)
		}
	}
}

func TestCheckSubscribeAsksNothingOnOpenChannels(t *testing.T) {
	for _, channel := range []string{"news", "cache-news"} {
		for _, value := range []string{"", "rubbish"} {
			if err := docApp().CheckSubscribe(docSocket, protocol.Subscribe{Channel: channel, Auth: value}); err != nil {
				t.Errorf("%s with auth %q: %v", channel, value, err)
			}
		}
	}
}

func TestCheckSubscribeAcceptsUpperCaseHexAndEveryKey(t *testing.T) {
	right := auth.ChannelSignature(docSecret, docSocket, "private-x", nil)
	for _, value := range []string{
		docKey + ":" + strings.ToUpper(right),
		auth.SignChannel(auth.Key{Key: "retired-soon", Secret: "other"}, docSocket, "private-x", nil),
	} {
		if err := docApp().CheckSubscribe(docSocket, protocol.Subscribe{Channel: "private-x", Auth: value}); err != nil {
			t.Errorf("auth %q: %v", value, err)
		}
	}
}

func TestCheckSubscribeRefuses(t *testing.T) {
	const channel = "private-foobar"
	right := auth.ChannelSignature(docSecret, docSocket, channel, nil)
	format := "Auth value for subscription to private-foobar is invalid: should be of format 'key:signature'"
	wrong := func(signature string) string {
		return "Invalid signature: Expected HMAC SHA256 hex digest of 1234.1234:private-foobar, but got " + signature
	}
	tests := []struct{ name, auth, want string }{
		{"no auth", "", format},
		{"no colon", "key", format},
		{"only a colon", ":", format},
		{"no signature", docKey + ":", format},
		{"no key", ":" + right, format},
		{"another key", "nokey:" + right, "Invalid key in subscription auth data: 'nokey'"},
		{"key in upper case", strings.ToUpper(docKey) + ":" + right, "Invalid key in subscription auth data: '" + strings.ToUpper(docKey) + "'"},
		{"key with a NUL", docKey + "\x00:" + right, "Invalid key in subscription auth data: '" + docKey + "\x00'"},
		{"another key's secret", "retired-soon:" + right, wrong(right)},
		{"two colons", docKey + "::" + right, wrong(":" + right)},
		{"one digit short", docKey + ":" + right[:63], wrong(right[:63])},
		{"one digit long", docKey + ":" + right + "0", wrong(right + "0")},
		{"twice as long", docKey + ":" + right + right, wrong(right + right)},
		{"one digit wrong", docKey + ":6" + right[1:], wrong("6" + right[1:])},
		{"trailing space", docKey + ":" + right + " ", wrong(right + " ")},
		{"no hex", docKey + ":zz", wrong("zz")},
		{"for another socket", auth.SignChannel(auth.Key{Key: docKey, Secret: docSecret}, "1.2", channel, nil), ""},
		{"for another channel", auth.SignChannel(auth.Key{Key: docKey, Secret: docSecret}, docSocket, "private-foobaz", nil), ""},
		{"with channel data", auth.SignChannel(auth.Key{Key: docKey, Secret: docSecret}, docSocket, channel, ptr("")), ""},
	}
	for _, test := range tests {
		err := docApp().CheckSubscribe(docSocket, protocol.Subscribe{Channel: channel, Auth: test.auth})
		switch {
		case err == nil:
			t.Errorf("%s: accepted", test.name)
		case test.want != "" && err.Message != test.want:
			t.Errorf("%s: got %q, want %q", test.name, err.Message, test.want)
		case !strings.Contains(test.auth, right) && strings.Contains(err.Message, right):
			t.Errorf("%s: the answer tells the right signature: %q", test.name, err.Message)
		}
	}
}

func TestCheckSubscribeSignsChannelDataExactlyWhenItIsThere(t *testing.T) {
	key := auth.Key{Key: docKey, Secret: docSecret}
	data := ptr(`{"a":1}`)
	two := auth.SignChannel(key, docSocket, "private-foobar", nil)
	three := auth.SignChannel(key, docSocket, "private-foobar", data)
	tests := []struct {
		auth string
		data *string
		ok   bool
	}{
		{two, nil, true},
		{three, data, true},
		{two, data, false},
		{three, nil, false},
		{three, ptr(`{"a": 1}`), false},
		{two, ptr(""), false},
	}
	for i, test := range tests {
		err := docApp().CheckSubscribe(docSocket, protocol.Subscribe{Channel: "private-foobar", Auth: test.auth, ChannelData: test.data})
		if (err == nil) != test.ok {
			t.Errorf("case %d: got %v, want acceptance %v", i, err, test.ok)
		}
	}
}

func TestCheckSubscribeLeavesUsersChannelsToWhoKnowsWhoIsSignedIn(t *testing.T) {
	for _, value := range []string{"", "rubbish"} {
		if err := docApp().CheckSubscribe(docSocket, protocol.Subscribe{Channel: "#server-to-user-u1", Auth: value}); err != nil {
			t.Errorf("auth %q: %v", value, err)
		}
	}
}
