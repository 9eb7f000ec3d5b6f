package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

const (
	// fullRoom is as many members as a channel may have by default.
	fullRoom  = 100
	fullRooms = 50
	infoSize  = 100
)

// lodging is members of full channels, of which is looked at what room they take.
type lodging struct {
	subject  subject
	title    string
	presence bool
	info     string // of each member, JSON
}

// measurePresenceBytes prints how many bytes a member takes, beside a subscription to a
// public channel. Few connections take part, each in all channels.
func (b *bench) measurePresenceBytes(ctx context.Context, w io.Writer) error {
	info := `{"name":"` + strings.Repeat("x", infoSize-len(`{"name":""}`)) + `"}`
	rooms := b.scaled(fullRooms)
	fmt.Fprintf(w, "\n| bytes each, of %d in each of %d channels | server | Redis | in m: (members) | in c: (channel) | in of: (node) | in o: (occupied) | relay |\n", fullRoom, rooms)
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|")
	for _, s := range b.relays("") {
		for _, l := range []lodging{
			{s, "subscriptions to public channels", false, ""},
			{s, "members without user_info", true, ""},
			{s, fmt.Sprintf("members with %d B of user_info", infoSize), true, info},
		} {
			b.progress("presence-bytes, "+l.title, s, 0, 1)
			r, err := b.lodge(ctx, l, rooms)
			if err != nil {
				return fmt.Errorf("%s: %w", l.title, err)
			}
			each := func(n int) int { return n / (fullRoom * rooms) }
			fmt.Fprintf(w, "| %s | %s | %d | %d | %d | %d | %d | %d |\n", l.title, s.name, each(r.redis),
				each(int(r.keys["m"])), each(int(r.keys["c"])), each(int(r.keys["of"])), each(int(r.keys["o"])), each(r.relay<<10))
		}
	}
	return nil
}

func (b *bench) lodge(ctx context.Context, l lodging, rooms int) (r growth, err error) {
	ctx, cancel := context.WithTimeout(ctx, joinPatience)
	defer cancel()
	srv, err := b.fresh(ctx, l.subject)
	if err != nil {
		return r, err
	}
	defer srv.stop()
	guests, err := newCrew(ctx, srv, fullRoom)
	if err != nil {
		return r, err
	}
	defer guests.close()
	return b.grow(ctx, srv, func(ctx context.Context) error { return l.fill(ctx, guests, rooms) })
}

// fill lets each guest enter all rooms.
func (l lodging) fill(ctx context.Context, guests *crew, rooms int) error {
	err := guests.together(ctx, func(i int, one *client) error {
		for n := range rooms {
			channel, data := fmt.Sprintf("room-%d", n), ""
			if l.presence {
				channel = "presence-" + channel
				data = fmt.Sprintf(`{"user_id":"user-%d"}`, i)
			}
			if l.info != "" {
				data = fmt.Sprintf(`{"user_id":"user-%d","user_info":%s}`, i, l.info)
			}
			if err := one.subscribe(channel, data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if l.presence {
		return guests.until(ctx, "members known", members, rooms*fullRoom*fullRoom)
	}
	return guests.until(ctx, "subscriptions", subscribed, rooms*fullRoom)
}
