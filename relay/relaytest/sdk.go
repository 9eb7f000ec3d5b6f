package relaytest

import (
	"encoding/json"
	"testing"
)

// SDK is a running server SDK for Node; clients/publish.mjs has the details.
type SDK struct {
	t       testing.TB
	process *child
	next    int // index in the process's output of the next answer
}

// Answer is the relay's answer to a request of an SDK.
type Answer struct {
	// Status is the HTTP status, 0 if there was none; Body is the answer's.
	Status int    `json:"status"`
	Body   string `json:"body"`
	// Error is what the SDK reported, "" if it was content.
	Error string `json:"error"`
}

// Trigger is an event to publish.
type Trigger struct {
	Channels []string
	Event    string
	Data     any
	SocketID string // who must not get it, "" if everybody may
	Info     string // what the answer is to tell of the channels, "" for nothing
}

// StartSDK starts a version of the SDK that publishes to r as the fixture's app.
func StartSDK(t testing.TB, version string, r *Relay) *SDK {
	t.Helper()
	options := r.target(t)
	options["appId"] = AppID
	return &SDK{t: t, process: startNode(t, "publish.mjs", version, options, r.Certs)}
}

// Trigger publishes an event.
func (s *SDK) Trigger(e Trigger) Answer {
	s.t.Helper()
	return s.ask(map[string]any{
		"do": "trigger", "channels": e.Channels, "event": e.Event, "data": e.Data, "socket_id": e.SocketID, "info": e.Info,
	})
}

// Batch publishes several events in one request; of each, the first channel counts.
func (s *SDK) Batch(events ...Trigger) Answer {
	s.t.Helper()
	batch := make([]map[string]any, len(events))
	for i, e := range events {
		batch[i] = map[string]any{"channel": e.Channels[0], "name": e.Event, "data": e.Data}
		if e.SocketID != "" {
			batch[i]["socket_id"] = e.SocketID
		}
		if e.Info != "" {
			batch[i]["info"] = e.Info
		}
	}
	return s.ask(map[string]any{"do": "batch", "batch": batch})
}

// Get asks for a path below the app's, such as /channels.
func (s *SDK) Get(path string, params map[string]string) Answer {
	s.t.Helper()
	return s.ask(map[string]any{"do": "get", "path": path, "params": params})
}

// Post posts a body, as JSON, to a path below the app's.
func (s *SDK) Post(path string, body any) Answer {
	s.t.Helper()
	return s.ask(map[string]any{"do": "post", "path": path, "body": body})
}

// SendToUser sends an event to a user; SDKs before 5 cannot.
func (s *SDK) SendToUser(userID, event string, data any) Answer {
	s.t.Helper()
	return s.ask(map[string]any{"do": "user", "user": userID, "event": event, "data": data})
}

// Terminate ends the connections of a user; SDKs before 5 cannot.
func (s *SDK) Terminate(userID string) Answer {
	s.t.Helper()
	return s.ask(map[string]any{"do": "terminate", "user": userID})
}

func (s *SDK) ask(command map[string]any) Answer {
	s.t.Helper()
	var answer Answer
	s.askFor(command, &answer)
	return answer
}

// askFor reads the answer into answer; the status says that it is one.
func (s *SDK) askFor(command map[string]any, answer any) {
	s.t.Helper()
	s.process.tell(s.t, command)
	line, at := s.process.expectLine(s.t, s.process.stdout, "an answer", s.next, func(line string) bool {
		var is struct {
			Status *int `json:"status"`
		}
		return json.Unmarshal([]byte(line), &is) == nil && is.Status != nil
	})
	s.next = at + 1
	if err := json.Unmarshal([]byte(line), answer); err != nil {
		s.t.Fatalf("%s: reading the answer %s: %v", s.process.name, line, err)
	}
}
