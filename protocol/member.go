package protocol

// Member is a member of a presence channel, as the backend signed it in channel_data,
// or a user who signed in.
type Member struct {
	ID   string // 1 to [MaxUserID] characters
	Info string // user_info: a JSON object, or "" where the backend gave none
}
