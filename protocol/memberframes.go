package protocol

import "strconv"

// What clients are told about members, users and how many they are. Data is a string
// that holds an object, and ids in it are strings, for there are clients that read
// nothing else.

// SucceededPresence returns the frame that confirms a subscription to a presence channel,
// and tells its members, the subscriber among them, each once and in the order given:
//
//	{"presence":{"count":2,"ids":["u1","u2"],"hash":{"u1":{"name":"Ann"},"u2":{}}}}
func SucceededPresence(channel string, members []Member) Frame {
	data := append([]byte(nil), `{"presence":{"count":`...)
	data = strconv.AppendInt(data, int64(len(members)), 10)
	data = append(data, `,"ids":[`...)
	for i, m := range members {
		data = appendComma(data, i)
		data = AppendQuoted(data, validUTF8(m.ID))
	}
	data = append(data, `],"hash":{`...)
	for i, m := range members {
		data = appendComma(data, i)
		data = AppendQuoted(data, validUTF8(m.ID))
		data = append(append(data, ':'), m.info()...)
	}
	data = append(data, `}}}`...)
	return EncodeEvent(Event{Name: "pusher_internal:subscription_succeeded", Channel: channel, Data: string(data)})
}

// info returns the member's info as clients get it: {} where there is none.
func (m Member) info() string {
	if m.Info == "" {
		return "{}"
	}
	return m.Info
}

// MemberAdded returns the frame that tells the others of a new member:
//
//	{"user_id":"u1","user_info":{"name":"Ann"}}
func MemberAdded(channel string, m Member) Frame {
	data := appendMember([]byte{'{'}, "user_id", m.ID)
	data = append(data, `,"user_info":`+m.info()+`}`...)
	return EncodeEvent(Event{Name: "pusher_internal:member_added", Channel: channel, Data: string(data)})
}

// MemberRemoved returns the frame that tells the others that a member has left:
//
//	{"user_id":"u1"}
func MemberRemoved(channel, userID string) Frame {
	data := appendMember([]byte{'{'}, "user_id", userID)
	return EncodeEvent(Event{Name: "pusher_internal:member_removed", Channel: channel, Data: string(append(data, '}'))})
}

// CacheMiss returns the frame that tells a subscriber of a cache channel that there is no
// last event.
func CacheMiss(channel string) Frame {
	return EncodeEvent(Event{Name: "pusher:cache_miss", Channel: channel, Data: "{}"})
}

// SubscriptionCount returns the frame that tells how many subscriptions a channel has:
//
//	{"subscription_count":42}
func SubscriptionCount(channel string, n int) Frame {
	data := `{"subscription_count":` + strconv.Itoa(n) + `}`
	return EncodeEvent(Event{Name: "pusher_internal:subscription_count", Channel: channel, Data: data})
}

// SigninSuccess returns the answer to a sign-in. It holds the user_data as a string, just
// as it came:
//
//	{"user_data":"{\"id\":\"u1\"}"}
func SigninSuccess(userData string) Frame {
	data := appendMember([]byte{'{'}, "user_data", userData)
	return EncodeEvent(Event{Name: "pusher:signin_success", Data: string(append(data, '}'))})
}

// WatchlistEvents returns the frame that tells a user which of the users watched came
// online and which went offline. Of the two that which names nobody is left out:
//
//	{"events":[{"name":"online","user_ids":["u2"]},{"name":"offline","user_ids":["u5","u6"]}]}
func WatchlistEvents(online, offline []string) Frame {
	data := append([]byte(nil), `{"events":[`...)
	groups := 0
	for _, group := range []struct {
		name string
		ids  []string
	}{{"online", online}, {"offline", offline}} {
		if len(group.ids) == 0 {
			continue
		}
		data = appendComma(data, groups)
		groups++
		data = append(data, `{"name":"`+group.name+`","user_ids":[`...)
		for i, id := range group.ids {
			data = appendComma(data, i)
			data = AppendQuoted(data, validUTF8(id))
		}
		data = append(data, `]}`...)
	}
	data = append(data, `]}`...)
	return EncodeEvent(Event{Name: "pusher_internal:watchlist_events", Data: string(data)})
}

// appendComma appends what stands before element i of an array.
func appendComma(b []byte, i int) []byte {
	if i == 0 {
		return b
	}
	return append(b, ',')
}
