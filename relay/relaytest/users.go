package relaytest

import (
	"encoding/json"

	"buildrelay/auth"
)

// SendSignin signs in with user data that is signed and sent byte for byte. The answer
// is the caller's to expect.
func (c *Client) SendSignin(userData string) {
	c.t.Helper()
	// The string to sign is that of a channel named ":user:" with channel data.
	signed := auth.SignChannel(auth.Key{Key: Key, Secret: Secret}, c.SocketID, ":user:", &userData)
	c.SendSignedIn(signed, userData)
}

// SendSignedIn is SendSignin with another signature.
func (c *Client) SendSignedIn(signature, userData string) {
	c.t.Helper()
	data := map[string]string{"auth": signature, "user_data": userData}
	c.Send(`{"event":"pusher:signin","data":` + encode(c.t, data) + `}`)
}

// Signin signs in as a user and expects success as the next message.
func (c *Client) Signin(userID string) {
	c.t.Helper()
	c.SigninWith(`{"id":` + encode(c.t, userID) + `}`)
}

// SigninWith is Signin with user data.
func (c *Client) SigninWith(userData string) {
	c.t.Helper()
	c.SendSignin(userData)
	c.ExpectSignedIn(userData)
}

// ExpectSignedIn is Next, which must be the success of a sign-in with user data.
func (c *Client) ExpectSignedIn(userData string) {
	c.t.Helper()
	r := c.Expect("pusher:signin_success")
	var data struct {
		UserData *string `json:"user_data"`
	}
	err := json.Unmarshal([]byte(r.DataString(c.t)), &data)
	if err != nil || data.UserData == nil || *data.UserData != userData || r.Channel != "" {
		c.t.Fatalf("the success of signing in with %s is %s: %v", userData, r.Text, err)
	}
}

// Watched is a group of pusher_internal:watchlist_events.
type Watched struct {
	Name    string   `json:"name"` // online or offline
	UserIDs []string `json:"user_ids"`
}

// ExpectWatched is Next, which must be pusher_internal:watchlist_events.
func (c *Client) ExpectWatched() []Watched {
	c.t.Helper()
	r := c.Expect("pusher_internal:watchlist_events")
	var data struct {
		Events []Watched `json:"events"`
	}
	if err := json.Unmarshal([]byte(r.DataString(c.t)), &data); err != nil || r.Channel != "" || len(data.Events) == 0 {
		c.t.Fatalf("the watchlist's events are %s: %v", r.Text, err)
	}
	return data.Events
}
