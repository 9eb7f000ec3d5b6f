package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os/exec"
	"strings"

	"buildrelay/protocol"
)

// subject is a server that is measured.
type subject struct {
	name   string
	binary string
	naive  bool
	rules  string // those of its log channels, if it has any
	// settings are further ones, as NAME=value.
	settings []string
}

// server is a running subject.
type server struct {
	*process
	subject subject
	address string
	metrics string      // address of /metrics; empty where there is none
	tls     *tls.Config // for clients; nil without TLS
}

// The app that the relay serves, and the event that is published.
const (
	appID     = "bench"
	appKey    = "bench-key"
	appSecret = "bench-secret"
	eventName = "line"
	lastEvent = "end"
)

// start starts the subject and returns when it is ready.
func (s subject) start(ctx context.Context, dir, redisURL string, certs *certs) (*server, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	srv := &server{subject: s, address: address}
	if !s.naive {
		if srv.metrics, err = freeAddress(ctx); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(s.binary, "serve")
	if s.naive {
		cmd = exec.Command(s.binary, "-listen", address, "-redis", redisURL)
	} else {
		cmd.Env = []string{
			"RELAY_LISTEN=" + address, "RELAY_METRICS_LISTEN=" + srv.metrics, "RELAY_REDIS_URL=" + redisURL,
			"RELAY_APP_ID=" + appID, "RELAY_APP_KEY=" + appKey, "RELAY_APP_SECRET=" + appSecret,
			"RELAY_LOG_RULES=" + s.rules,
		}
		cmd.Env = append(cmd.Env, s.settings...)
	}
	switch {
	case certs == nil && !s.naive:
		cmd.Env = append(cmd.Env, "RELAY_TLS=off")
	case certs == nil:
	case s.naive:
		cmd.Args = append(cmd.Args, "-cert", certs.certFile, "-key", certs.keyFile)
	default:
		cmd.Env = append(cmd.Env, "RELAY_TLS_CERT_FILE="+certs.certFile, "RELAY_TLS_KEY_FILE="+certs.keyFile)
	}
	if certs != nil {
		srv.tls = certs.client
	}
	if srv.process, err = startProcess(dir, cmd); err != nil {
		return nil, err
	}
	if err := srv.waitUntil(ctx, srv.ready); err != nil {
		srv.stop()
		return nil, err
	}
	return srv, nil
}

// ready asks /readyz, which all subjects have.
func (s *server) ready(ctx context.Context) bool {
	transport := &http.Transport{TLSClientConfig: s.tls, DisableKeepAlives: true}
	url := "http://" + s.address + "/readyz"
	if s.tls != nil {
		url = strings.Replace(url, "http", "https", 1)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// path is where a reader of channel connects.
func (s subject) path(channel string) string {
	if s.naive {
		return "/app/" + channel
	}
	return "/app/" + appKey + "?protocol=7&client=bench"
}

// hello is what a reader sends after the upgrade, and how many frames come before
// the first event.
func (s subject) hello(channel string) (frame []byte, greetings int) {
	if s.naive {
		return nil, 1
	}
	return clientText(`{"event":"pusher:subscribe","data":{"channel":"` + channel + `"}}`), 2
}

// message is an event on channel as a backend gives it to Redis. All subjects send
// their readers the same bytes for it, but for the position that frames of a log have.
func (s subject) message(channel, event, data string) message {
	switch {
	case s.naive:
		frame := protocol.EncodeEvent(protocol.Event{Name: event, Channel: channel, Data: data})
		return message{key: "naive:" + channel, payload: string(frame.Payload())}
	case s.rules != "":
		return message{key: fmt.Sprintf("buildrelay:{%s:%s}", appID, channel), payload: data, event: event}
	default:
		published := protocol.EncodePublished([]protocol.Event{{Name: event, Data: data}})
		return message{key: fmt.Sprintf("buildrelay:%s:%s", appID, channel), payload: string(published)}
	}
}
