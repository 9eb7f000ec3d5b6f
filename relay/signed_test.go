package relay_test

import (
	"fmt"
	"strings"
)

// doJoin: join CLIENT CHANNEL USER [INFO], with signed channel data.
func (w *world) doJoin(args []string) error {
	c, err := w.client(args[0])
	if err != nil {
		return err
	}
	data := fmt.Sprintf(`{"user_id":%q}`, args[2])
	if len(args) > 3 {
		data = fmt.Sprintf(`{"user_id":%q,"user_info":%s}`, args[2], args[3])
	}
	signature := c.signChannel(args[1], &data)
	c.inbox <- fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"auth":%q,"channel":%q,"channel_data":%q}}`, signature, args[1], data)
	return nil
}

// doSignin: signin CLIENT USER [INFO [WATCHED,…]].
func (w *world) doSignin(args []string) error {
	c, err := w.client(args[0])
	if err != nil {
		return err
	}
	data := fmt.Sprintf(`{"id":%q`, args[1])
	if len(args) > 2 {
		data += `,"user_info":` + args[2]
	}
	if len(args) > 3 {
		data += `,"watchlist":["` + strings.ReplaceAll(args[3], ",", `","`) + `"]`
	}
	data += "}"
	c.inbox <- fmt.Appendf(nil, `{"event":"pusher:signin","data":{"auth":%q,"user_data":%q}}`, c.signUser(data), data)
	return nil
}
