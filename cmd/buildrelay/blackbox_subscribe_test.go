package main_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
)

// subscribing is a pusher:subscribe with these members of data as they are.
func subscribing(data string) string {
	return `{"event":"pusher:subscribe","data":{` + data + `}}`
}

// grant is the auth of the fixture's app.
func grant(c *relaytest.WSClient, channel string, channelData *string) string {
	return grantTo(c.Client, channel, channelData)
}

// grantTo is grant for a client of any kind.
func grantTo(c *relaytest.Client, channel string, channelData *string) string {
	return auth.SignChannel(auth.Key{Key: relaytest.Key, Secret: relaytest.Secret}, c.SocketID, channel, channelData)
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run(t, "succeed on public channels, whatever the client sends for auth", func(t *testing.T, w world) {
		c := w.Connect()
		for channel, data := range map[string]string{
			"old":  `"channel":"old"`,
			"new":  `"auth":"","channel":"new"`,
			"ruby": `"auth":null,"channel_data":null,"channel":"ruby"`,
		} {
			c.Send(subscribing(data))
			var got map[string]any
			answer := c.Next().Text
			if err := json.Unmarshal([]byte(answer), &got); err != nil {
				t.Fatalf("%v in %s", err, answer)
			}
			want := map[string]any{
				"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
	})
	w.run(t, "are refused a second time, and bring each event once", func(t *testing.T, w world) {
		c := w.Connect()
		c.Subscribe("twice")
		c.Send(subscribing(`"channel":"twice"`))
		c.ExpectError(0, "Existing subscription to channel twice")
		w.publish("hello", "1", "twice")
		w.publish("hello", "2", "twice")
		for _, want := range []string{"1", "2"} {
			if got := c.Expect("hello").DataString(t); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		c.ExpectOpen()
	})
	w.run(t, "end at once", func(t *testing.T, w world) {
		c, witness := w.Connect(), w.Connect()
		c.Subscribe("ending")
		witness.Subscribe("ending")
		c.Send(`{"event":"pusher:unsubscribe","data":{"channel":"ending"}}`)
		c.ExpectOpen()
		w.publish("missed", "{}", "ending")
		witness.Expect("missed")
		c.Subscribe("ending")
		w.publish("seen", "{}", "ending")
		c.Expect("seen")
	})
	w.run(t, "that never were end without harm", func(t *testing.T, w world) {
		c := w.Connect()
		c.Send(`{"event":"pusher:unsubscribe","data":{"channel":"never"}}`)
		c.ExpectError(0, "No current subscription to channel never")
		c.ExpectOpen()
	})
	w.run(t, "may be as many as a page wants", func(t *testing.T, w world) {
		c := w.Connect()
		for i := range 500 {
			c.Send(subscribing(`"channel":"many-` + strconv.Itoa(i) + `"`))
		}
		succeeded := make(map[string]bool)
		for range 500 {
			succeeded[c.Expect("pusher_internal:subscription_succeeded").Channel] = true
		}
		if len(succeeded) != 500 {
			t.Errorf("%d channels", len(succeeded))
		}
	})
}

func TestPrivateChannelsWantASignature(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		data, empty := `{"a":1}`, ""
		c := w.Connect()
		right := grant(c, "private-a", nil)
		_, signature, _ := strings.Cut(right, ":")
		flipped := strings.TrimSuffix(right, right[len(right)-1:]) + map[bool]string{true: "0", false: "1"}[right[len(right)-1] == '1']
		const format, key, wrong = "should be of format 'key:signature'", "Invalid key in subscription auth data", "Invalid signature"
		refused := map[string]struct{ auth, more, text string }{
			"no auth":                     {"", "", format},
			"a key alone":                 {relaytest.Key, "", format},
			"a key and a colon":           {relaytest.Key + ":", "", format},
			"a colon":                     {":", "", format},
			"a signature alone":           {":" + signature, "", format},
			"another app's key":           {"0123456789abcdef0123:" + signature, "", key},
			"one digit wrong":             {flipped, "", wrong},
			"63 digits":                   {right[:len(right)-1], "", wrong},
			"65 digits":                   {right + "0", "", wrong},
			"128 digits":                  {right + signature, "", wrong},
			"two colons":                  {relaytest.Key + "::" + signature, "", wrong},
			"a NUL":                       {right[:30] + `\u0000` + right[31:], "", wrong},
			"base64":                      {relaytest.Key + ":WN+LDDbGmCsoLDz+zUZi40/oxbq0j1NprxNb+ENlHDpA==", "", wrong},
			"another channel's":           {grant(c, "private-b", nil), "", wrong},
			"one for a user":              {grant(c, ":user::private-a", nil), "", wrong},
			"another socket's":            {grant(&relaytest.WSClient{Client: &relaytest.Client{SocketID: "1.2"}}, "private-a", nil), "", wrong},
			"one with data, without it":   {grant(c, "private-a", &data), "", wrong},
			"one without data, with it":   {right, `,"channel_data":"{\"a\":1}"`, wrong},
			"one without data, with none": {right, `,"channel_data":""`, wrong},
		}
		for name, r := range refused {
			t.Log(name)
			c.Send(subscribing(fmt.Sprintf(`"auth":"%s","channel":"private-a"%s`, r.auth, r.more)))
			c.ExpectError(0, r.text)
		}
		c.Send(subscribing(`"channel":"private-a"`))
		c.ExpectError(0, format)
		c.Send(subscribing(`"auth":null,"channel":"private-a"`))
		c.ExpectError(0, format)
		c.ExpectOpen()
		if w.occupied("private-a") {
			t.Error("a subscription that was refused occupies the channel")
		}
		for channel, more := range map[string]*string{
			"private-a": nil, "private-data": &data, "private-empty": &empty, "private-encrypted-x": nil,
		} {
			member := ""
			if more != nil {
				member = fmt.Sprintf(`,"channel_data":%q`, *more)
			}
			c.Send(subscribing(fmt.Sprintf(`"auth":%q,"channel":%q%s`, grant(c, channel, more), channel, member)))
			if r := c.Expect("pusher_internal:subscription_succeeded"); r.Channel != channel || r.DataString(t) != "{}" {
				t.Errorf("%s is answered by %s", channel, r.Text)
			}
		}
	})
}

func TestChannelNamesOutsideTheGrammarAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.Connect()
	for _, name := range []string{
		``, ` `, `bad name`, `news `, ` news`, `private-x\n`, `a\r\nb`, `a\u0000b`, `*`, `a?`, `[a-z]`, `{tag}`, `a:b`, `a/b`,
		`a\\b`, `<b>`, `😀`, `a\u202eb`, `a\u200bb`, `ａ`, `e\u0301`, `#x`, `#`, `#server-to-user-`, `a#b`, `a%20b`, `~beat`, `a+b`,
		`private-a:{\"user_id\":1}`, strings.Repeat("x", 165), strings.Repeat("x", 60_000),
	} {
		c.Send(subscribing(`"auth":"","channel":"` + name + `"`))
		c.ExpectError(0, "Invalid channel name '")
	}
	for _, channel := range []string{`7`, `null`, `["a"]`, `{"a":1}`, `true`} {
		c.Send(subscribing(`"auth":"","channel":` + channel))
		c.ExpectError(0, "")
		c.Send(`{"event":"pusher:unsubscribe","data":{"channel":` + channel + `}}`)
		c.ExpectError(0, "")
	}
	c.Send(`{"event":"pusher:subscribe"}`)
	c.ExpectError(0, "")
	c.Send(subscribing(`"auth":"","channel":"#server-to-user-1"`))
	c.ExpectError(0, "#server-to-user-1")
	c.ExpectOpen()
	for _, name := range []string{
		strings.Repeat("x", 164), "..", "a=b@c,d.e;f_g-h", "Private-x", "PRESENCE-x", "private", "constructor", "__proto__",
	} {
		c.Subscribe(name)
	}
}

// A page may still be waiting for its backend's signature when it connects anew.
func TestSignatureOfTheConnectionBeforeDoesNoHarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	before := w.Connect()
	stale := grant(before, "private-a", nil)
	before.Cut()
	c := w.Connect()
	c.Send(subscribing(fmt.Sprintf(`"auth":%q,"channel":"private-a"`, stale)))
	c.ExpectError(0, "Invalid signature: Expected HMAC SHA256 hex digest of "+c.SocketID+":private-a, but got "+stale[len(relaytest.Key)+1:])
	c.Subscribe("private-a")
}
