package main_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// The SDKs for Python, Ruby and PHP are in no Debian package, so what is sent here is
// what they would send: read from the sources of pusher-http-python 3.3.3,
// pusher-http-ruby 2.1.0 and pusher-http-php 7.2, byte for byte but for headers. They
// differ in the order and the escaping of parameters, in what they sign, and in the
// spelling of JSON.
type sdkShape struct {
	// query makes a request's query; params are those of the call.
	query func(method, path string, params map[string]string, body string) string
	// trigger, shout, batch, and terminate are bodies, of an event on "a" with data é/ and
	// the socket that is left out; of one with info; of a batch; of a user's end.
	trigger, shout, batch, terminate string
	// users is the path of users, where one can be terminated.
	users string
}

// signed is the signature over parameters, sorted by name.
func signed(method, path string, params map[string]string) string {
	mac := hmac.New(sha256.New, []byte(relaytest.Secret))
	fmt.Fprintf(mac, "%s\n%s\n%s", method, path, joined(params, plain, slices.Sorted(maps.Keys(params))))
	return hex.EncodeToString(mac.Sum(nil))
}

func joined(params map[string]string, escape func(string) string, order []string) string {
	pairs := make([]string, len(order))
	for i, name := range order {
		pairs[i] = name + "=" + escape(params[name])
	}
	return strings.Join(pairs, "&")
}

func plain(s string) string { return s }

func authParams(more map[string]string) map[string]string {
	params := map[string]string{"auth_key": relaytest.Key, "auth_timestamp": fmt.Sprint(time.Now().Unix()), "auth_version": "1.0"}
	maps.Copy(params, more)
	return params
}

func md5Of(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// pythonQuery has the MD5 of nothing on GET too, sorts everything, escapes nothing.
func pythonQuery(method, path string, params map[string]string, body string) string {
	all := authParams(params)
	all["body_md5"] = md5Of(body)
	all["auth_signature"] = signed(method, path, all)
	return joined(all, plain, slices.Sorted(maps.Keys(all)))
}

// rubyQuery has the call's own parameters in front, then those of the signature in an
// order of their own, and escapes all that it can.
func rubyQuery(method, path string, params map[string]string, body string) string {
	own := maps.Clone(params)
	if body != "" {
		own = map[string]string{"body_md5": md5Of(body)}
	}
	all := authParams(own)
	all["auth_signature"] = signed(method, path, all)
	order := append(slices.Sorted(maps.Keys(own)), "auth_version", "auth_key", "auth_timestamp", "auth_signature")
	return joined(all, url.QueryEscape, order)
}

// phpQuery sorts everything but the signature, which is last, and escapes by RFC 3986.
func phpQuery(method, path string, params map[string]string, body string) string {
	all := authParams(params)
	if body != "" {
		all["body_md5"] = md5Of(body)
	}
	order := append(slices.Sorted(maps.Keys(all)), "auth_signature")
	all["auth_signature"] = signed(method, path, all)
	return joined(all, url.QueryEscape, order)
}

// sdkShapes are those of the three SDKs, and of a PHP SDK that still named one channel;
// SOCKET stands for a socket's id.
func sdkShapes() map[string]sdkShape {
	const base = "/apps/" + relaytest.AppID
	php := sdkShape{
		query:     phpQuery,
		trigger:   `{"name":"e","data":"{\"x\":\"\\u00e9\\\/\"}","channels":["a"],"socket_id":"SOCKET"}`,
		shout:     `{"name":"f","data":"\"y\"","channels":["a","presence-p"],"info":"subscription_count,user_count"}`,
		batch:     `{"batch":[{"channel":"a","name":"g","data":"1","info":"subscription_count"},{"channel":"presence-p","name":"g","data":"{\"n\":2}"}]}`,
		terminate: `{}`,
		users:     base + "/users/",
	}
	old := php
	old.trigger = `{"name":"e","data":"{\"x\":\"\\u00e9\\\/\"}","channel":"a","socket_id":"SOCKET"}`
	return map[string]sdkShape{
		"PHP": php, "old PHP": old,
		"Ruby": {
			query:     rubyQuery,
			trigger:   `{"socket_id":"SOCKET","name":"e","channels":["a"],"data":"{\"x\":\"é/\"}"}`,
			shout:     `{"info":"subscription_count,user_count","name":"f","channels":["a","presence-p"],"data":"\"y\""}`,
			batch:     `{"batch":[{"channel":"a","name":"g","data":"1","info":"subscription_count"},{"channel":"presence-p","name":"g","data":"{\"n\":2}"}]}`,
			terminate: `{}`,
			users:     base + "/users/",
		},
		"Python": {
			query:     pythonQuery,
			trigger:   `{"name": "e", "channels": ["a"], "data": "{\"x\": \"\u00e9/\"}", "socket_id": "SOCKET"}`,
			shout:     `{"name": "f", "channels": ["a", "presence-p"], "data": "\"y\"", "info": "subscription_count,user_count"}`,
			batch:     `{"batch": [{"channel": "a", "name": "g", "data": "1", "info": "subscription_count"}, {"channel": "presence-p", "name": "g", "data": "{\"n\": 2}"}]}`,
			terminate: `{}`,
			users:     "/users/", // its bug: the app is that of the key
		},
	}
}

func TestSDKsOfOtherLanguages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, counted())
	for name, sdk := range sdkShapes() {
		w.run(t, name, func(t *testing.T, w world) { callByShape(t, w, sdk) })
		w.expectGone() // the next SDK finds nobody
	}
}

func callByShape(t *testing.T, w world, sdk sdkShape) {
	c := newCompany(w)
	const base = "/apps/" + relaytest.AppID
	for _, call := range []struct {
		method, path string
		params       map[string]string
		body, want   string
	}{
		{"POST", base + "/events", nil, strings.ReplaceAll(sdk.trigger, "SOCKET", c.user.SocketID), `{}`},
		{"POST", base + "/events", nil, sdk.shout, `{"channels":{"a":{"subscription_count":2},"presence-p":{"user_count":2}}}`},
		{"POST", base + "/batch_events", nil, sdk.batch, `{"batch":[{"subscription_count":2},{}]}`},
		{"GET", base + "/channels", map[string]string{"filter_by_prefix": "presence-", "info": "user_count"}, "", `{"channels":{"presence-p":{"user_count":2}}}`},
		{"GET", base + "/channels", map[string]string{"filter_by_prefix": "none-"}, "", `{"channels":{}}`},
		{"GET", base + "/channels/a", map[string]string{"info": "subscription_count,cache"}, "", `{"occupied":true,"subscription_count":2,"cache":null}`},
		{"GET", base + "/channels/presence-p", map[string]string{"info": "user_count"}, "", `{"occupied":true,"user_count":2}`},
		{"GET", base + "/channels/presence-p/users", nil, "", `{"users":[{"id":"u1"},{"id":"u2"}]}`},
		{"POST", base + "/events", nil, `{"name":"hello","channels":["#server-to-user-u1"],"data":"1"}`, `{}`},
		{"POST", sdk.users + "u1/terminate_connections", nil, sdk.terminate, `{}`},
	} {
		if strings.HasSuffix(call.path, "/terminate_connections") {
			c.expectSent(t, "hello", "1")
		}
		status, reply := w.Do(call.method, call.path+"?"+sdk.query(call.method, call.path, call.params, call.body), call.body)
		if status != http.StatusOK || !sameJSON(t, reply, call.want) {
			t.Errorf("%s %s %v is answered by %d %s, want %s", call.method, call.path, call.params, status, reply, call.want)
		}
	}
	c.expectTerminated()
	got := c.reader.Await("e").DataString(t)
	if !sameJSON(t, got, `{"x":"é/"}`) {
		t.Errorf("the event came as %s", got)
	}
	c.reader.Await("f")
	c.reader.Await("g")
}

// What is signed is not what was sent, in any of the SDKs' ways to send it.
func TestSDKsOfOtherLanguagesAreRefusedWhenTheyLie(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const path, body = "/apps/3/events", `{"name":"e","channels":["a"],"data":"d"}`
	for name, sdk := range sdkShapes() {
		for what, target := range map[string]string{
			"another body":   path + "?" + sdk.query("POST", path, nil, body+" "),
			"another method": path + "?" + sdk.query("GET", path, nil, body),
			"another path":   path + "?" + sdk.query("POST", "/apps/3/batch_events", nil, body),
			"another user":   sdk.users + "u2/terminate_connections?" + sdk.query("POST", sdk.users+"u1/terminate_connections", nil, "{}"),
			"a parameter":    path + "?" + sdk.query("POST", path, nil, body) + "&info=user_count",
		} {
			sent := body
			if what == "another user" {
				sent = "{}"
			}
			if status, reply := w.Do("POST", target, sent); status != http.StatusUnauthorized {
				t.Errorf("%s: %s is answered by %d %s", name, what, status, reply)
			}
		}
	}
}
