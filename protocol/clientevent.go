package protocol

import "strings"

// IsClientEvent reports whether events of this name come from clients, which send them
// to each other.
func IsClientEvent(name string) bool { return strings.HasPrefix(name, "client-") }

// ClientEvent reads a message that is a client event. Data that is a string is taken as
// it is, anything else as its compact JSON text, also null. Whether the event may be
// published is not checked, nor the name of the channel; who sent it is not known here.
func (m Message) ClientEvent() (Event, *Error) {
	if !m.HasChannel || !m.HasData {
		return Event{}, ErrInvalidClientEvent()
	}
	return Event{Name: m.Event, Channel: m.Channel, Data: dataString(m.Data)}, nil
}
