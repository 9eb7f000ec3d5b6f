package relay_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/metrics"
)

// doReload: reload APP SETTING…, with "gone", "disabled", "logs" (every channel is one),
// "nologs", "counts", "errors" (as soketi's), or a limit: members=N, channels=N,
// subscribes=N, messages=N, events=N, name=N; or with a key of the app, see setKey.
func (w *world) doReload(args []string) error {
	next := slices.Clone(w.settings)
	i := slices.IndexFunc(next, func(app auth.App) bool { return app.ID == args[0] })
	if i < 0 {
		return fmt.Errorf("there is no app %q", args[0])
	}
	app := &next[i]
	if app.Limits == (protocol.Limits{}) {
		app.Limits = protocol.DefaultLimits()
	}
	for _, setting := range args[1:] {
		name, value, _ := strings.Cut(setting, "=")
		n, _ := strconv.Atoi(value)
		limits := map[string]*int{
			"members": &app.Limits.Members, "channels": &app.Limits.ChannelsPerConnection, "name": &app.Limits.ChannelName,
			"subscribes": &app.Limits.Subscribes, "messages": &app.Limits.Messages, "events": &app.Limits.ClientEvents,
		}
		switch name {
		case "gone":
			next = slices.Delete(next, i, i+1)
		case "disabled":
			app.Disabled = true
		case "logs":
			app.Logs = protocol.LogRules{{Pattern: "*", Replay: protocol.Start{Kind: protocol.StartFirst}}}
		case "nologs":
			app.Logs = nil
		case "counts":
			app.SubscriptionCounts = true
		case "errors":
			app.SubscriptionErrors = true
		case "key", "nokey":
			if err := setKey(app, name, value); err != nil {
				return err
			}
		default:
			if limits[name] == nil {
				return fmt.Errorf("there is no setting %q", name)
			}
			*limits[name] = n
		}
	}
	w.settings = next
	return w.hub.Reload(w.apps, next)
}

// occurrences is what the webhooks are told.
type occurrences struct {
	mu  sync.Mutex
	all []protocol.Occurrence
}

func (o *occurrences) Note(happened protocol.Occurrence) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, happened)
}

// doWebhooks: webhooks, lists what they were told since the last time.
func (w *world) doWebhooks() {
	w.told.mu.Lock()
	defer w.told.mu.Unlock()
	for _, o := range w.told.all {
		socket := ""
		for _, c := range w.clients {
			if c.conn.ID() == o.SocketID {
				socket = " from <" + c.name + ">"
			}
		}
		text := strings.Join(strings.Fields(strings.Join([]string{o.Kind, o.App, o.Channel, o.UserID, o.Event, o.Data}, " ")), " ")
		w.events.add("webhook: %s%s", text, socket)
	}
	w.told.all = nil
}

func TestABadReloadChangesNothing(t *testing.T) {
	app := auth.App{ID: "1", Keys: []auth.Key{{Key: "k", Secret: "s"}}}
	apps, err := auth.NewApps(app)
	if err != nil {
		t.Fatal(err)
	}
	hub := relay.New(relay.Config{Metrics: metrics.New(prometheus.NewRegistry())})
	before, _ := apps.ByID("1")
	if err := hub.Reload(apps, []auth.App{{ID: "2", Keys: app.Keys}, {ID: "3", Keys: app.Keys}}); err == nil {
		t.Error("two apps with one key are taken")
	}
	if after, _ := apps.ByID("1"); after != before || apps.Len() != 1 {
		t.Errorf("the app is %v of %d", after, apps.Len())
	}
}

// A connection that is opened with an app as it was found before a reload gets the app of
// after it.
func TestAConnectionDuringAReloadGetsTheNewSettings(t *testing.T) {
	app := auth.App{ID: "1", Keys: []auth.Key{{Key: "k", Secret: "s"}}}
	apps, err := auth.NewApps(app)
	if err != nil {
		t.Fatal(err)
	}
	hub := relay.New(relay.Config{Metrics: metrics.New(prometheus.NewRegistry())})
	found, _ := apps.ByID("1")
	for _, next := range []struct {
		apps []auth.App
		code int
	}{{nil, 4001}, {[]auth.App{{ID: "1", Keys: app.Keys, Disabled: true}}, 4003}} {
		if err := hub.Reload(apps, next.apps); err != nil {
			t.Fatal(err)
		}
		carry := func(*relay.Conn) relay.Transport { return nil }
		if _, refused := hub.Open(found, "k", relay.Facts{}, carry); refused == nil || refused.Code != next.code {
			t.Errorf("refused with %v, want %d", refused, next.code)
		}
	}
}
