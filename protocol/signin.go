package protocol

// Signin is the data of a pusher:signin message. Nothing in it is checked but its types.
type Signin struct {
	Auth string // "" if absent or null
	// UserData is what the backend signed, byte for byte; see [ParseUser].
	UserData string
}

// Signin reads the data of a pusher:signin message.
func (m Message) Signin() (Signin, *Error) {
	v, err := m.fields("auth", "user_data")
	if err != nil {
		return Signin{}, invalidData(err)
	}
	var s Signin
	if s.Auth, err = optionalText("auth", v[0]); err != nil {
		return Signin{}, invalidData(err)
	}
	if s.UserData, err = text("user_data", v[1]); err != nil {
		return Signin{}, invalidData(err)
	}
	return s, nil
}
