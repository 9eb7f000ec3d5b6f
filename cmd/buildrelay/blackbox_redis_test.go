package main_test

import (
	"strconv"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// garbage is what is no message in either of the contracts.
func garbage() map[string]string {
	huge := `"` + strings.Repeat("x", 128<<10) + `x"`
	return map[string]string{
		"nothing":             ``,
		"no JSON":             `not json`,
		"binary":              "\x00\x01\xff\xfe",
		"MessagePack":         "\x82\xa5event\xa1n",
		"a number":            `7`,
		"null":                `null`,
		"a string":            `"{\"event\":\"n\",\"channel\":\"news\",\"data\":\"x\"}"`,
		"JSON that ends":      `{"event":"n","channel":"news","data":"x"`,
		"two documents":       `{"event":"n","channel":"news","data":"x"}{}`,
		"20,000 deep":         `{"event":"n","channel":"news","data":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
		"no event":            `{"channel":"news","data":"x"}`,
		"an event of null":    `{"event":null,"channel":"news","data":"x"}`,
		"an event that is 7":  `{"event":7,"channel":"news","data":"x"}`,
		"an empty event":      `{"event":"","channel":"news","data":"x"}`,
		"an event of 201":     `{"event":"` + strings.Repeat("n", 201) + `","channel":"news","data":"x"}`,
		"two events":          `{"event":"n","event":"m","channel":"news","data":"x"}`,
		"Pusher's own":        `{"event":"pusher:error","channel":"news","data":{"code":4001,"message":""}}`,
		"Pusher's inner own":  `{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`,
		"our own":             `{"event":"relay:lost","channel":"news","data":"{}"}`,
		"data over 128 KiB":   `{"event":"n","channel":"news","data":` + huge + `}`,
		"10 MB":               `{"event":"n","channel":"news","data":"` + strings.Repeat("x", 10<<20) + `"}`,
		"a bad socket":        `{"event":"n","channel":"news","data":"x","socket_id":"abc"}`,
		"a socket that is 1":  `{"event":"n","channel":"news","data":"x","socket_id":1}`,
		"an object over that": `{"event":"n","channel":"news","data":{"x":` + huge + `}}`,
	}
}

// Redis' content is not trusted: what cannot be read is counted and dropped, what
// comes before and behind it is delivered.
func TestRedisMessagesThatCannotBeReadAreDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	cases := garbage()
	cases["an array of bad events"] = `[7,null,{},{"event":""}]`
	c := w.Connect()
	c.Subscribe("news")
	settled := w.settled(t)
	dropped := w.counting(`buildrelay_redis_messages_dropped_total{reason="invalid"}`)
	good := 0
	for name, message := range cases {
		t.Log(name)
		w.tell(t, "news", message)
		good++
		w.tell(t, "news", `{"event":"good","data":"`+strconv.Itoa(good)+`"}`)
		if got := c.Expect("good").DataString(t); got != strconv.Itoa(good) {
			t.Errorf("after %s came %s, want %d", name, got, good)
		}
	}
	dropped(t, len(cases))
	settled()
	c.ExpectOpen()
}

// One bad element takes none of its neighbours with it.
func TestGoodEventsOfAnArrayAreDelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	dropped := w.counting(`buildrelay_redis_messages_dropped_total{reason="invalid"}`)
	c := w.Connect()
	c.Subscribe("news")
	w.tell(t, "news", `[{"event":"a","data":1},{"data":"no event"},{"event":"b","data":{"x":[1, 2]},"unknown":true},`+
		`{"event":"pusher:x"},"text",{"event":"c","socket_id":"`+c.SocketID+`"},{"event":"d","data":null,"socket_id":null}]`)
	for _, want := range []struct{ event, data string }{{"a", "1"}, {"b", `{"x":[1,2]}`}, {"d", "null"}} {
		if got := c.Expect(want.event).DataString(t); got != want.data {
			t.Errorf("%s has the data %q, want %q", want.event, got, want.data)
		}
	}
	dropped(t, 1)
	w.tell(t, "news", `[]`) // nothing is nothing wrong
	w.tell(t, "news", `{"event":"end"}`)
	c.Expect("end")
	dropped(t, 1)
}

// What a backend may well send is delivered, as valid text.
func TestOddRedisMessagesAreDelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.Connect()
	c.Subscribe("news")
	large := strings.Repeat("x", 128<<10)
	for _, odd := range []struct{ message, data string }{
		{`{"event":"n","data":"` + large + `"}`, large},
		{" \n{\"data\":\"x\",\"event\":\"n\"}\r\n", "x"},
		{"{\"event\":\"n\",\"data\":\"a\xffb\"}", "a\ufffdb"},
		{`{"event":"n","data":"\ud800"}`, "\ufffd"},
		{`{"event":"n","data":"\u001b[1m\u0000"}`, "\x1b[1m\x00"},
		{`{"event":"n"}`, "null"},
		{`{"event":"n","data":"x","channel":"another","user_id":null}`, "x"},
	} {
		w.tell(t, "news", odd.message)
		if got := c.Expect("n"); got.DataString(t) != odd.data || got.Channel != "news" {
			t.Errorf("%.100s came as %.100s", odd.message, got.Text)
		}
	}
	if n := w.Metric(`buildrelay_redis_messages_dropped_total{reason="invalid"}`); n != 0 {
		t.Errorf("counts %v as dropped", n)
	}
}

// Slanger's contract has the channel's bare name; what names another channel is
// dropped, as is what cannot be read, and the relay's own contract goes on.
func TestSlangerMessagesThatCannotBeReadAreDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_REDIS_SLANGER": "on"})
	cases := garbage()
	cases["no channel"] = `{"event":"n","data":"x"}`
	cases["a channel of null"] = `{"event":"n","channel":null,"data":"x"}`
	cases["an array"] = `[{"event":"n","channel":"news","data":"x"}]`
	c := w.Connect()
	c.Subscribe("news")
	dropped := w.counting(`buildrelay_redis_messages_dropped_total{reason="invalid"}`)
	other := w.counting(`buildrelay_redis_messages_dropped_total{reason="other_channel"}`)
	for name, message := range cases {
		t.Log(name)
		w.tellSlanger(t, "news", message)
	}
	w.tellSlanger(t, "news", `{"event":"n","channel":"private-secret","data":"x"}`)
	w.tellSlanger(t, "news", `{"event":"good","channel":"news","data":{"a": 1},"time":5}`)
	if got := c.Expect("good"); got.DataString(t) != `{"a":1}` || !strings.Contains(got.Text, `"time":5`) {
		t.Errorf("came as %s", got)
	}
	dropped(t, len(cases))
	other(t, 1)
	w.tell(t, "news", `{"event":"own","data":"x"}`)
	c.Expect("own")
}

// tellSlanger publishes a message as it is on the Redis channel that Slanger takes
// for the app's channel.
func (w world) tellSlanger(t *testing.T, channel, message string) {
	t.Helper()
	if err := w.redis.Client().Publish(t.Context(), channel, message).Err(); err != nil {
		t.Fatalf("publishing in Redis: %v", err)
	}
}

// What is published while nobody is subscribed, and what no relay watches, is
// nobody's.
func TestRedisMessagesOnOtherChannelsAreNotHeard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.Connect()
	c.Subscribe("news")
	client := w.redis.Client()
	for _, channel := range []string{
		"news", "buildrelay:4:news", "buildrelay:" + relaytest.AppID + ":news2", "buildrelay:" + relaytest.AppID + ":new",
		"buildrelay:" + relaytest.AppID + ":*", "other:" + relaytest.AppID + ":news",
	} {
		if err := client.Publish(t.Context(), channel, `{"event":"stray","channel":"news","data":"x"}`).Err(); err != nil {
			t.Fatal(err)
		}
	}
	w.tell(t, "news", `{"event":"end","data":"x"}`)
	c.Expect("end")
}
