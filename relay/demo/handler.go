package demo

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// maxForm bounds the body of an auth request.
const maxForm = 4096

// Handler returns the backend's HTTP side, for the page's own origin:
//
//	GET  /             the page
//	GET  /config.json  how the page reaches the relay
//	POST /pusher/auth  signs a subscription, as pusher-js asks for it; one to
//	                   presence-build-N comes with user_id and user_name
//	GET  /builds       {"builds":[Build…]}, the newest first
func (d *Demo) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /config.json", d.getConfig)
	mux.HandleFunc("POST /pusher/auth", d.postAuth)
	mux.HandleFunc("GET /builds", d.getBuilds)
	if d.c.Page != nil {
		mux.Handle("GET /", d.c.Page)
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

// clientConfig is what the page gives to pusher-js.
type clientConfig struct {
	Key          string `json:"key"`
	WSHost       string `json:"wsHost"`
	WSPort       int    `json:"wsPort"`
	WSSPort      int    `json:"wssPort"`
	ForceTLS     bool   `json:"forceTLS"`
	AuthEndpoint string `json:"authEndpoint"`
}

func (d *Demo) getConfig(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, clientConfig{
		Key: d.c.Key.Key, WSHost: d.c.WSHost, WSPort: d.c.WSPort, WSSPort: d.c.WSSPort,
		ForceTLS: r.TLS != nil, AuthEndpoint: "/pusher/auth",
	})
}

func (d *Demo) getBuilds(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, struct {
		Builds []Build `json:"builds"`
	}{d.store.list()})
}

// postAuth signs what it knows and refuses everything else: a name that it does
// not understand is never signed. Everybody may watch everything here; another
// backend asks first who the user is and whether he may.
func (d *Demo) postAuth(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	socketID, channel := r.PostFormValue("socket_id"), r.PostFormValue("channel_name")
	if !ours(channel) || protocol.CheckSocketID(socketID) != nil {
		http.Error(w, "you may not subscribe to this channel", http.StatusForbidden)
		return
	}
	data, err := memberData(channel, r.PostForm)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, struct {
		Auth        string  `json:"auth"`
		ChannelData *string `json:"channel_data,omitempty"`
	}{auth.SignChannel(d.c.Key, socketID, channel, data), data})
}

// memberData is the channel_data of a watcher, nil where the channel has no members.
func memberData(channel string, form url.Values) (*string, error) {
	if !strings.HasPrefix(channel, watchersPrefix) {
		return nil, nil
	}
	who, err := watcherOf(form)
	if err != nil {
		return nil, err
	}
	data, err := who.channelData()
	return &data, err
}

// ours reports whether channel is private-builds, private-build-N or presence-build-N,
// with N as we write it: decimal, from 1, without a leading zero.
func ours(channel string) bool {
	if channel == listChannel {
		return true
	}
	for _, prefix := range []string{buildPrefix, watchersPrefix} {
		if digits, found := strings.CutPrefix(channel, prefix); found {
			id, err := strconv.ParseInt(digits, 10, 64)
			return err == nil && id > 0 && digits == strconv.FormatInt(id, 10)
		}
	}
	return false
}

// writeJSON answers with v. The page asks again whenever it was away, so nothing
// may be kept on the way.
func writeJSON(w http.ResponseWriter, v any) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		http.Error(w, "encoding the answer failed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body.Bytes()) // the browser may be gone
}
