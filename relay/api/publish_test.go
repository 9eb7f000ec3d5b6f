package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// body is JSON with members in alphabetical order.
func body(t *testing.T, members map[string]any) string {
	t.Helper()
	encoded, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func (b *backend) post(t *testing.T, path, body string) (status int, text string) {
	t.Helper()
	path = "/apps/3/" + path
	got := b.do(t, http.MethodPost, signed(http.MethodPost, path, body, ""), body)
	return got.Code, got.Body.String()
}

// joining is the event of most tests, as it joins its log.
func joining(a protocol.Append) []protocol.Event {
	return []protocol.Event{{Name: "e", Channel: "a", Data: "d", Append: &a}}
}

func counts(lines, bytes int64) *protocol.Final {
	return &protocol.Final{Lines: &lines, Bytes: &bytes}
}

func TestPublicationsAreTakenAsSendersWriteThem(t *testing.T) {
	t.Parallel()
	hundred := make([]string, 100)
	for i := range hundred {
		hundred[i] = fmt.Sprint("c", i)
	}
	var all []protocol.Event
	for _, channel := range hundred {
		all = append(all, protocol.Event{Name: "e", Channel: channel, Data: "d"})
	}
	one := func(data string) []protocol.Event { return []protocol.Event{{Name: "e", Channel: "a", Data: data}} }
	cases := map[string]struct {
		body string
		want []protocol.Event
	}{
		"one channel":              {`{"name":"e","channel":"a","data":"d"}`, one("d")},
		"a list of one":            {`{"name":"e","channels":["a"],"data":"d"}`, one("d")},
		"a list of 100":            {body(t, map[string]any{"name": "e", "channels": hundred, "data": "d"}), all},
		"a channel named twice":    {`{"name":"e","channels":["a","a"],"data":"d"}`, one("d")},
		"an encrypted one twice":   {`{"name":"e","channels":["private-encrypted-a","private-encrypted-a"],"data":"d"}`, []protocol.Event{{Name: "e", Channel: "private-encrypted-a", Data: "d"}}},
		"users' channels":          {`{"name":"e","channels":["#server-to-user-a@b","#server-to-user-2"],"data":"d"}`, []protocol.Event{{Name: "e", Channel: "#server-to-user-a@b", Data: "d"}, {Name: "e", Channel: "#server-to-user-2", Data: "d"}}},
		"info of null":             {`{"name":"e","channel":"a","data":"d","info":null}`, one("d")},
		"a user's channel":         {`{"name":"e","channel":"#server-to-user-1","data":"d"}`, []protocol.Event{{Name: "e", Channel: "#server-to-user-1", Data: "d"}}},
		"a socket to leave out":    {`{"name":"e","channel":"a","data":"d","socket_id":"1.2"}`, []protocol.Event{{Name: "e", Channel: "a", Data: "d", Exclude: "1.2"}}},
		"a socket of null":         {`{"name":"e","channel":"a","data":"d","socket_id":null}`, one("d")},
		"channels of null":         {`{"name":"e","channel":"a","channels":null,"data":"d"}`, one("d")},
		"an unknown member":        {`{"name":"e","channel":"a","data":"d","tags":{"x":1}}`, one("d")},
		"data that is empty":       {`{"name":"e","channel":"a","data":""}`, one("")},
		"data that is an object":   {`{"name":"e","channel":"a","data":{"b":1,"a":"<&>é"}}`, one(`{"b":1,"a":"<&>é"}`)},
		"data that is a number":    {`{"name":"e","channel":"a","data":1e2}`, one("1e2")},
		"data that is false":       {`{"name":"e","channel":"a","data":false}`, one("false")},
		"data of 10,240 bytes":     {body(t, map[string]any{"name": "e", "channel": "a", "data": strings.Repeat("é", 5120)}), one(strings.Repeat("é", 5120))},
		"data of 10,240 escapes":   {`{"name":"e","channel":"a","data":"` + strings.Repeat(`\u0001`, 10240) + `"}`, one(strings.Repeat("\x01", 10240))},
		"data with escapes":        {`{"name":"e","channel":"a","data":"\u00e9\ud83d\ude00\n\"\/"}`, one("é😀\n\"/")},
		"a pair and a U+FFFD":      {`{"name":"e","channel":"a","data":"\ufffd\ud83d\ude00\\ud800"}`, one("\ufffd😀\\ud800")},
		"half a pair in an object": {`{"name":"e","channel":"a","data":{"x":"\ud800"}}`, one(`{"x":"\ud800"}`)},
		"an event with a name":     {body(t, map[string]any{"name": `App\Events\X`, "channel": "a", "data": "d"}), []protocol.Event{{Name: `App\Events\X`, Channel: "a", Data: "d"}}},
		"a name of 200 character":  {body(t, map[string]any{"name": strings.Repeat("é", 200), "channel": "a", "data": "d"}), []protocol.Event{{Name: strings.Repeat("é", 200), Channel: "a", Data: "d"}}},
		"a channel of 164":         {body(t, map[string]any{"name": "e", "channel": strings.Repeat("c", 164), "data": "d"}), []protocol.Event{{Name: "e", Channel: strings.Repeat("c", 164), Data: "d"}}},
		"an id":                    {`{"name":"e","channel":"a","data":"d","id":"7"}`, []protocol.Event{{Name: "e", Channel: "a", Data: "d", ID: "7"}}},
		"an id for two":            {`{"name":"e","channels":["a","b"],"data":"d","id":"7"}`, []protocol.Event{{Name: "e", Channel: "a", Data: "d", ID: "7"}, {Name: "e", Channel: "b", Data: "d", ID: "7"}}},
		"a beginning":              {`{"name":"e","channel":"a","data":"d","begin":true}`, joining(protocol.Append{Begin: true})},
		"an epoch":                 {`{"name":"e","channel":"a","data":"d","epoch":"0123456789abcdef"}`, joining(protocol.Append{Epoch: "0123456789abcdef"})},
		"an end":                   {`{"name":"e","channel":"a","data":"d","final":true}`, joining(protocol.Append{Final: &protocol.Final{}})},
		"an end with counts":       {`{"name":"e","channel":"a","data":"d","final":{"lines":0,"bytes":9}}`, joining(protocol.Append{Final: counts(0, 9)})},
		"nothing of that":          {`{"name":"e","channel":"a","data":"d","id":null,"begin":false,"epoch":null,"final":null}`, one("d")},
		"spaces around":            {" \n{\"name\":\"e\",\"channel\":\"a\",\"data\":\"d\"}\r\n", one("d")},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t)
			if status, text := b.post(t, "events", c.body); status != http.StatusOK || text != "{}\n" {
				t.Errorf("%d %s", status, text)
			}
			if diff := cmp.Diff(c.want, b.published); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPublicationsOutsideTheLimitsAreRefused(t *testing.T) {
	t.Parallel()
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint("c", i)
	}
	event := func(members map[string]any) string {
		all := map[string]any{"name": "e", "channel": "a", "data": "d"}
		for name, value := range members {
			if value == nil {
				delete(all, name)
			} else {
				all[name] = value
			}
		}
		return body(t, all)
	}
	cases := map[string]struct {
		body   string
		status int
	}{
		"101 channels":             {event(map[string]any{"channel": nil, "channels": many}), 400},
		"no channel":               {event(map[string]any{"channel": nil}), 400},
		"an empty list":            {event(map[string]any{"channel": nil, "channels": []string{}}), 400},
		"both":                     {event(map[string]any{"channels": []string{"b"}}), 400},
		"a channel that is empty":  {event(map[string]any{"channel": ""}), 400},
		"a bad channel":            {event(map[string]any{"channel": "a b"}), 400},
		"one bad among good":       {event(map[string]any{"channel": nil, "channels": []string{"a", "b", "a:b"}}), 400},
		"a # that is no user's":    {event(map[string]any{"channel": "#x"}), 400},
		"a channel of 165":         {event(map[string]any{"channel": strings.Repeat("c", 165)}), 400},
		"a channel that is 7":      {event(map[string]any{"channel": 7}), 400},
		"channels as text":         {event(map[string]any{"channel": nil, "channels": "a"}), 400},
		"encrypted among others":   {event(map[string]any{"channel": nil, "channels": []string{"private-encrypted-a", "b"}}), 400},
		"no name":                  {event(map[string]any{"name": nil}), 400},
		"a name that is empty":     {event(map[string]any{"name": ""}), 400},
		"a name that is 7":         {event(map[string]any{"name": 7}), 400},
		"a name of 201":            {event(map[string]any{"name": strings.Repeat("é", 201)}), 400},
		"pusher:":                  {event(map[string]any{"name": "pusher:x"}), 400},
		"pusher_internal:":         {event(map[string]any{"name": "pusher_internal:x"}), 400},
		"relay:":                   {event(map[string]any{"name": "relay:lost"}), 400},
		"no data":                  {event(map[string]any{"data": nil}), 400},
		"data of null":             {`{"name":"e","channel":"a","data":null}`, 400},
		"data of 10,241 bytes":     {event(map[string]any{"data": strings.Repeat("x", 10241)}), 413},
		"an object of 10,241":      {event(map[string]any{"data": map[string]string{"x": strings.Repeat("x", 10233)}}), 413},
		"a socket that is none":    {event(map[string]any{"socket_id": "abc"}), 400},
		"a socket with a line end": {event(map[string]any{"socket_id": "1.1\n"}), 400},
		"a socket with a space":    {event(map[string]any{"socket_id": " 1.1"}), 400},
		"a socket that injects":    {event(map[string]any{"socket_id": "POST\n/apps/3/events\nauth_key=" + key}), 400},
		"a socket that is 1.2":     {event(map[string]any{"socket_id": 1.2}), 400},
		"info that is a list":      {event(map[string]any{"info": []string{"user_count"}}), 400},
		"a user without an id":     {event(map[string]any{"channel": "#server-to-user-"}), 400},
		"a user's id with a NUL":   {event(map[string]any{"channel": "#server-to-user-u\x001"}), 400},
		"a # behind the start":     {event(map[string]any{"channel": "private-#server-to-user-1"}), 400},
		"a socket that is empty":   {event(map[string]any{"socket_id": ""}), 400},
		"an id that is 7":          {event(map[string]any{"id": 7}), 400},
		"an id of 201 bytes":       {event(map[string]any{"id": strings.Repeat("x", 201)}), 400},
		"begin that is text":       {event(map[string]any{"begin": "true"}), 400},
		"an epoch that is short":   {event(map[string]any{"epoch": "0123"}), 400},
		"an epoch that is a place": {event(map[string]any{"epoch": "0123456789abcdef:1-1"}), 400},
		"an epoch for two logs":    {event(map[string]any{"channel": nil, "channels": []string{"a", "b"}, "epoch": "0123456789abcdef"}), 400},
		"final that is false":      {event(map[string]any{"final": false}), 400},
		"final with a digest":      {event(map[string]any{"final": map[string]any{"digest": "x"}}), 400},
		"final with -1 lines":      {event(map[string]any{"final": map[string]any{"lines": -1}}), 400},
		"final with half a byte":   {event(map[string]any{"final": map[string]any{"bytes": 1.5}}), 400},
		"nothing":                  {"", 400},
		"no JSON":                  {"name=e&channel=a&data=d", 400},
		"two documents":            {event(nil) + event(nil), 400},
		"an array":                 {"[" + event(nil) + "]", 400},
		"JSON that breaks off":     {strings.TrimSuffix(event(nil), "}"), 400},
		"data nested 20,000 deep":  {`{"name":"e","channel":"a","data":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, 400},
		"half a surrogate pair":    {`{"name":"e","channel":"a","data":"x\ud800"}`, 400},
		"the other half":           {`{"name":"e","channel":"a","data":"\ude00x"}`, 400},
		"a pair turned around":     {`{"name":"e","channel":"a","data":"\ude00\ud83d"}`, 400},
		"half a pair and a pair":   {`{"name":"e","channel":"a","data":"\ud83d\ud83d\ude00"}`, 400},
		"half a pair in the name":  {`{"name":"e\udfff","channel":"a","data":"d"}`, 400},
		"half a pair in the id":    {`{"name":"e","channel":"a","data":"d","id":"\uD800"}`, 400},
		"a member twice":           {`{"name":"e","name":"f","channel":"a","data":"d"}`, 400},
		"a member that is escaped": {`{"name":"e","n\u0061me":"f","channel":"a","data":"d"}`, 400},
		"a member in another case": {`{"Name":"e","channel":"a","data":"d"}`, 400},
		"one that is optional":     {`{"name":"e","channel":"a","data":"d","Socket_ID":"1.2"}`, 400},
		"counts in another case":   {`{"name":"e","channel":"a","data":"d","final":{"Lines":1}}`, 400},
		"counts twice":             {`{"name":"e","channel":"a","data":"d","final":{"lines":1,"lines":2}}`, 400},
		"final that is text":       {event(map[string]any{"final": "true"}), 400},
		"channels with a null":     {`{"name":"e","channels":["a",null],"data":"d"}`, 400},
		"channels with a list":     {`{"name":"e","channels":["a",["b"]],"data":"d"}`, 400},
		"UTF-7":                    {"+AHsAIgBu-", 400},
		"a byte order mark":        {"\xef\xbb\xbf" + event(nil), 400},
		"a comment":                {"/**/" + event(nil), 400},
		"data of NaN":              {`{"name":"e","channel":"a","data":NaN}`, 400},
		"UTF-16":                   {"\xff\xfe{\x00}\x00", 400},
		"data that is not UTF-8":   {"{\"name\":\"e\",\"channel\":\"a\",\"data\":\"\xff\"}", 400},
		"a name that is not UTF-8": {"{\"name\":\"\xc0\xaf\",\"channel\":\"a\",\"data\":\"d\"}", 400},
		"a body over 1 MiB":        {event(map[string]any{"padding": strings.Repeat("x", 1<<20)}), 413},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t)
			if status, text := b.post(t, "events", c.body); status != c.status {
				t.Errorf("%d %s, want %d", status, text, c.status)
			}
			if len(b.published) != 0 {
				t.Errorf("published %v", b.published)
			}
		})
	}
}

func TestBatchIsTakenAsAWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	good := `{"name":"e","channel":"a","data":"d"}`
	batch := func(events ...string) string { return `{"batch":[` + strings.Join(events, ",") + `]}` }
	ten := strings.Split(strings.Repeat(good+"\n", 9)+good, "\n")
	cases := map[string]struct {
		body      string
		status    int
		published int
	}{
		"one":                     {batch(good), 200, 1},
		"ten":                     {batch(ten...), 200, 10},
		"ten of the largest":      {batch(strings.Split(strings.Repeat(`{"name":"e","channel":"a","data":"`+strings.Repeat(`\u0001`, 10240)+`"}`+"\n", 9)+good, "\n")...), 200, 10},
		"none":                    {batch(), 400, 0},
		"eleven":                  {batch(append(ten, good)...), 400, 0},
		"a bad one among ten":     {batch(append(ten[:9:9], `{"name":"e","channel":"a b","data":"d"}`)...), 400, 0},
		"one without channel":     {batch(good, `{"name":"e","data":"d"}`), 400, 0},
		"one with a list":         {batch(good, `{"name":"e","channels":["a"],"data":"d"}`), 400, 0},
		"one that is too large":   {batch(good, `{"name":"e","channel":"a","data":"`+strings.Repeat("x", 10241)+`"}`), 413, 0},
		"one of null":             {batch(good, "null"), 400, 0},
		"no batch":                {`{}`, 400, 0},
		"a batch that is no list": {`{"batch":` + good + `}`, 400, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t)
			if status, text := b.post(t, "batch_events", c.body); status != c.status {
				t.Errorf("%d %.300s, want %d", status, text, c.status)
			}
			if len(b.published) != c.published {
				t.Errorf("published %d events, want %d", len(b.published), c.published)
			}
		})
	}
}

func TestOldWayToPublishAnswers202(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	target := signed(http.MethodPost, "/apps/3/channels/a/events", "any\ntext", "name=e&socket_id=1.2")
	if got := b.do(t, http.MethodPost, target, "any\ntext"); got.Code != http.StatusAccepted {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	want := []protocol.Event{{Name: "e", Channel: "a", Data: "any\ntext", Exclude: "1.2"}}
	if diff := cmp.Diff(want, b.published); diff != "" {
		t.Error(diff)
	}
	bad := "\xff"
	if got := b.do(t, http.MethodPost, signed(http.MethodPost, "/apps/3/channels/a/events", bad, "name=e"), bad); got.Code != http.StatusBadRequest {
		t.Errorf("data that is not UTF-8: %d %s", got.Code, got.Body)
	}
}

// The sender may try again; it is not told where Redis is.
func TestFailureToPublishAnswers503(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	b.fails = errors.New("dial tcp 10.0.0.1:6379: connection refused")
	status, text := b.post(t, "events", `{"name":"e","channel":"a","data":"d"}`)
	if status != http.StatusServiceUnavailable || strings.Contains(text, "10.0.0.1") {
		t.Errorf("%d %s", status, text)
	}
}
