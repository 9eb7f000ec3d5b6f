package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
)

// SignedUser is a user who signed in, as the backend signed it in user_data.
type SignedUser struct {
	Member
	Watchlist []string // ids of other users, each once; nil where the backend gave none
	Cut       bool     // there were more than the limit
}

// ParseUser parses user_data, of at most [MaxData] bytes: an object with an id, which is a
// string, and perhaps a user_info, an object, and a watchlist, an array of ids. Of the
// watchlist the first l.Watchlist ids are taken. It is as strict as [ParseMember], and
// takes no number for an id: clients would fail to sign in with it.
func ParseUser(userData string, l Limits) (SignedUser, *Error) {
	if len(userData) > MaxData {
		return SignedUser{}, ErrUserData(fmt.Sprintf("it has more than %d bytes", MaxData))
	}
	u, err := parseUser(userData, l.Watchlist)
	if err != nil {
		return SignedUser{}, ErrUserData(err.Error())
	}
	return u, nil
}

func parseUser(userData string, limit int) (u SignedUser, err error) {
	v, err := readText(userData, "id", "user_info", "watchlist")
	if err != nil {
		return SignedUser{}, err
	}
	if u.ID, err = userID("id", v[0]); err != nil {
		return SignedUser{}, err
	}
	if u.Info, err = userInfo(v[1]); err != nil {
		return SignedUser{}, err
	}
	if u.Watchlist, u.Cut, err = parseWatchlist(v[2], limit); err != nil {
		return SignedUser{}, err
	}
	return u, nil
}

func parseWatchlist(value json.RawMessage, limit int) (ids []string, cut bool, err error) {
	if value == nil {
		return nil, false, nil
	}
	if value[0] != '[' {
		return nil, false, errors.New(`"watchlist" must be an array`)
	}
	seen := map[string]bool{}
	n := 0
	for element := range elements(value) {
		id, err := userID("", element)
		switch {
		case err != nil:
			return nil, false, fmt.Errorf("element %d of the watchlist must be a string of 1 to %d characters", n, MaxUserID)
		case seen[id]:
		case len(ids) == limit:
			cut = true
		default:
			seen[id] = true
			ids = append(ids, id)
		}
		n++
	}
	return ids, cut, nil
}
