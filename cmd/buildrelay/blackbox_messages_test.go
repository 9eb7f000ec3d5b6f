package main_test

import (
	"strings"
	"testing"
)

// Whatever a client writes, as long as it is text in whole frames: one error, and
// the connection lives.
func TestJunkIsAnsweredWithOneErrorAndTheConnectionLives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const invalid, unsupported = "Received invalid JSON", "Unsupported event received on socket: "
	cases := map[string]struct{ message, text string }{
		"no JSON":               {`not json`, invalid},
		"nothing":               {``, invalid},
		"spaces":                {" \t\r\n", invalid},
		"an array":              {`[]`, invalid},
		"a string":              {`"pusher:ping"`, invalid},
		"null":                  {`null`, invalid},
		"two documents":         {`{"event":"pusher:ping"}{"event":"pusher:ping"}`, invalid},
		"garbage behind":        {`{"event":"pusher:ping"}x`, invalid},
		"a byte order mark":     {"\ufeff" + `{"event":"pusher:ping"}`, invalid},
		"a comment":             {`{"event":"pusher:ping"/**/}`, invalid},
		"a NUL":                 {"{\"event\":\"pusher:ping\",\"data\":\"\x00\"}", invalid},
		"NaN":                   {`{"event":"pusher:ping","data":NaN}`, invalid},
		"a comma too many":      {`{"event":"pusher:ping",}`, invalid},
		"30,000 deep":           {strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000), invalid},
		"data 30,000 deep":      {`{"event":"pusher:subscribe","data":` + strings.Repeat(`{"a":`, 10_001) + "1" + strings.Repeat("}", 10_001) + `}`, invalid},
		"no event":              {`{"data":{}}`, invalid},
		"an event of null":      {`{"event":null}`, invalid},
		"an event that is 7":    {`{"event":7}`, invalid},
		"an event of objects":   {`{"event":{"event":"pusher:ping"}}`, invalid},
		"two events":            {`{"event":"pusher:ping","event":"pusher:subscribe"}`, invalid},
		"a capital letter":      {`{"Event":"pusher:ping"}`, invalid},
		"a channel that is 7":   {`{"event":"client-a","channel":7,"data":{}}`, invalid},
		"an unknown event":      {`{"event":"pusher:foo","data":{}}`, unsupported + "pusher:foo"},
		"an empty event":        {`{"event":""}`, unsupported},
		"__proto__":             {`{"event":"__proto__"}`, unsupported + "__proto__"},
		"our own event":         {`{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`, unsupported},
		"our own error":         {`{"event":"pusher:error","data":{"code":4001,"message":""}}`, unsupported},
		"our own loss":          {`{"event":"relay:lost","channel":"news","data":"{}"}`, unsupported},
		"a client event":        {`{"event":"client-a","channel":"private-x","data":{}}`, "To send client events"},
		"half a surrogate pair": {`{"event":"\ud800"}`, unsupported + "\ufffd"},
		"a name of 60 kB":       {`{"event":"` + strings.Repeat("x", 60_000) + `"}`, unsupported},
		"a subscription to 7":   {`{"event":"pusher:subscribe","data":7}`, invalid},
		"data encoded twice":    {`{"event":"pusher:subscribe","data":"\"{\\\"channel\\\":\\\"a\\\"}\""}`, invalid},
	}
	settled := w.settled(t)
	counted := w.counting(`buildrelay_client_errors_total{app="3"}`)
	w.run(t, "on one connection", func(t *testing.T, w world) {
		c := w.Connect()
		for name, junk := range cases {
			t.Log(name)
			c.Send(junk.message)
			c.ExpectError(0, junk.text)
			c.ExpectOpen()
		}
	})
	counted(t, len(cases))
	settled()
}

func TestNumbersAreNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.Connect()
	for _, number := range []string{"1e999", "-0", strings.Repeat("9", 60_000)} {
		c.Send(`{"event":"pusher:ping","data":` + number + `}`)
		c.Expect("pusher:pong")
	}
}

func TestFiveMegabytesAreClosedWithAFrameThatTheClientCanRead(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		settled := w.settled(t)
		closed := w.counting(`buildrelay_connections_closed_total{code="1009"}`)
		w.run(t, "sent", func(t *testing.T, w world) {
			witness := w.Connect()
			c := w.Connect()
			c.Send(`{"event":"pusher:ping","data":"` + strings.Repeat("x", 5<<20) + `"}`)
			c.ExpectClose(1009)
			witness.ExpectOpen()
		})
		closed(t, 1)
		settled()
	})
}

func TestMessageUpToTheLimitIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const around = `{"event":"pusher:ping","data":""}`
	c := w.Connect()
	c.Send(`{"event":"pusher:ping","data":"` + strings.Repeat("x", 70<<10-len(around)) + `"}`)
	c.Expect("pusher:pong")
	c.Send(`{"event":"pusher:ping","data":"` + strings.Repeat("x", 70<<10-len(around)+1) + `"}`)
	c.ExpectClose(1009)
}
